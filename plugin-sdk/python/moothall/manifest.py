"""What a plugin consists of, and the manifest that says so.

What the author did not write is left out, so that the host's defaults apply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import cleandoc
from typing import Any, Callable

from .process import Process
from .schema import Taken, schema_of

_FUNCTIONS = {"update": "update", "close": "close", "receive_webhook": "receive-webhook"}
_LIFECYCLE = {"initialize": "initialize", "config_changed": "config-changed", "upgraded": "upgraded"}


def without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@dataclass
class Action:
    run: Callable[..., Any]
    taken: Taken
    result: Any
    told: dict[str, Any]

    def manifest(self, slug: str) -> dict[str, Any]:
        response = None if self.result in (None, type(None), Any) else schema_of(self.result)
        return {"slug": slug, **_told(self.told), "parameters_schema": self.taken.schema, **without_none(response_schema=response)}


@dataclass
class GovernanceProcess:
    process: Process
    taken: Taken
    outcome: Any
    told: dict[str, Any]

    def manifest(self, name: str) -> dict[str, Any]:
        outcome = None if self.outcome is None else schema_of(self.outcome)
        functions = [ours for method, ours in _FUNCTIONS.items() if hasattr(self.process, method)]
        schemas = {"parameters_schema": self.taken.schema, **without_none(outcome_schema=outcome)}
        return {"name": name, **_told(self.told), **schemas, "functions": functions}


@dataclass
class Schedule:
    tick: Callable[..., Any]
    told: dict[str, Any]

    def manifest(self, name: str) -> dict[str, Any]:
        return {"name": name, **self.told}


@dataclass
class Worker:
    handle: Callable[..., Any]
    enabled: Callable[[], bool] | None
    told: dict[str, Any]

    def manifest(self, name: str) -> dict[str, Any]:
        return {"name": name, **self.told}


@dataclass
class Route:
    handle: Callable[..., Any]
    told: dict[str, Any]

    def manifest(self, path: str) -> dict[str, Any]:
        return {"path": path, **self.told}


@dataclass
class Declared:
    """Everything that the decorators of a plugin collected."""

    head: dict[str, Any]
    config: Any = None
    settings: Any = None
    actions: dict[str, Action] = field(default_factory=dict)
    events: dict[str, tuple[Any, str | None]] = field(default_factory=dict)
    processes: dict[str, GovernanceProcess] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    # The functions that a plugin has once: `webhook`, `producer`, those of its life.
    single: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = field(default_factory=dict)

    def manifest(self) -> dict[str, Any]:
        lists = {
            name: [one.manifest(key) for key, one in table.items()]
            for name, table in self._tables().items()
            if table
        }
        schemas = {
            f"{name}_schema": schema_of(kind)
            for name, kind in (("config", self.config), ("settings", self.settings))
            if kind is not None
        }
        lifecycle = [ours for name, ours in _LIFECYCLE.items() if name in self.single]
        webhook = self.single["webhook"][1] if "webhook" in self.single else {}
        producer = self.single["producer"][1] if "producer" in self.single else None
        single = without_none(lifecycle=lifecycle or None, producer=producer, events=self._events() or None)
        return {**self.head, **schemas, **single, **webhook, **lists}

    def interfaces(self) -> list[str]:
        """Those for which there is something: a producer that the plugin does not have would tick every minute."""
        single = {"lifecycle": _LIFECYCLE, "webhooks": ["webhook"], "producer": ["producer"]}
        there = [name for name, ones in single.items() if any(one in self.single for one in ones)]
        return ["plugin", *there, *(name for name, table in self._tables().items() if table)]

    def _tables(self) -> dict[str, dict[str, Any]]:
        return {
            "actions": self.actions,
            "processes": self.processes,
            "schedules": self.schedules,
            "workers": self.workers,
            "routes": self.routes,
        }

    def _events(self) -> list[dict[str, Any]]:
        return [
            without_none(event_type=name, description=description, schema=None if kind is None else schema_of(kind))
            for name, (kind, description) in self.events.items()
        ]


def _told(told: dict[str, Any]) -> dict[str, Any]:
    if "description" not in told:
        return told
    return {**told, "description": cleandoc(told["description"])}
