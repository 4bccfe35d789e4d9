"""What a component exports: each function of the contract finds the author's and hands it values in place of JSON texts.

The in-memory host calls the same functions. They raise what the author's functions raise.
"""

from __future__ import annotations

import inspect
import json
import sys
import traceback
from datetime import datetime
from typing import Any, Callable

from .errors import UNEXPECTED, Internal, NotFound, PluginError
from .host import Imports, within
from .log import log
from .plugin import Plugin
from .schema import to_json
from .web import Response, WebhookRequest

Answer = tuple[int, list[tuple[str, str]], bytes]


class Calls:
    """The exports of a plugin, on this host."""

    def __init__(self, plugin: Plugin[Any], imports: Imports) -> None:
        self._plugin = plugin
        self._imports = imports

    def call(self, interface: str, function: str, *values: Any) -> Any:
        """Calls a function of an interface, with the names of the contract in Python's manner."""
        run = getattr(self, f"_{interface}_{function}")
        with within(self._imports):
            try:
                _new_chance()
                return run(*values)
            except PluginError:
                raise
            except Exception:
                log.error(traceback.format_exc())
                raise Internal(UNEXPECTED) from None

    def _lifecycle_initialize(self) -> None:
        self._once("initialize")()

    def _lifecycle_config_changed(self, previous: str) -> None:
        self._once("config_changed")(json.loads(previous))

    def _lifecycle_upgraded(self, from_version: str) -> None:
        self._once("upgraded")(from_version)

    def _lifecycle_close(self) -> None:
        pass

    def _actions_perform(self, slug: str, parameters: str) -> str | None:
        action = _find(self._plugin.declared.actions, slug, "action")
        result = _finished(action.run(**action.taken.values(parameters)))
        return None if result is None else to_json(result, "the result")

    def _webhooks_receive(self, request: WebhookRequest) -> Answer | None:
        return _answer(self._once("webhook")(request))

    def _producer_tick(self) -> None:
        self._once("producer")()

    def _processes_start(self, name: str, parameters: str) -> None:
        process = _find(self._plugin.declared.processes, name, "process")
        _finished(process.process.start(**process.taken.values(parameters)))

    def _processes_update(self, name: str) -> None:
        self._of_process(name, "update")()

    def _processes_close(self, name: str) -> None:
        self._of_process(name, "close")()

    def _processes_receive_webhook(self, name: str, request: WebhookRequest) -> Answer | None:
        return _answer(self._of_process(name, "receive_webhook")(request))

    def _schedules_tick(self, name: str, scheduled_at: str) -> None:
        schedule = _find(self._plugin.declared.schedules, name, "schedule")
        schedule.tick(datetime.fromisoformat(scheduled_at))

    def _workers_enabled(self, worker: str, config: str) -> bool:
        enabled = _find(self._plugin.declared.workers, worker, "worker").enabled
        return True if enabled is None else bool(enabled())

    def _workers_handle(self, worker: str, event: str) -> None:
        _find(self._plugin.declared.workers, worker, "worker").handle(json.loads(event))

    def _routes_handle(self, path: str, captures: list[tuple[str, str]], request: WebhookRequest) -> Answer:
        route = _find(self._plugin.declared.routes, path, "route")
        return _answer(route.handle(request, **dict(captures)) or Response()) or Response().parts()

    def _once(self, what: str) -> Callable[..., Any]:
        found = self._plugin.declared.single.get(what)
        if found is None:
            raise Internal(f"the plugin has no function for `{what}`")
        return found[0]

    def _of_process(self, name: str, function: str) -> Callable[..., Any]:
        process = _find(self._plugin.declared.processes, name, "process").process
        found = getattr(process, function, None)
        if found is None:
            raise Internal(f"the process '{name}' has no method `{function}`")
        return found


def _find(table: dict[str, Any], name: str, what: str) -> Any:
    if name not in table:
        raise NotFound(f"the plugin has no {what} '{name}'")
    return table[name]


def _answer(answer: Any) -> Answer | None:
    if answer is None:
        return None
    if not isinstance(answer, Response):
        raise TypeError(f"the plugin answered {answer!r}, which is no `Response`")
    return answer.parts()


def _finished(result: Any) -> Any:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("the plugin returned a coroutine, and the host does not wait for it: leave out `async`")
    return result


def _new_chance() -> None:
    """Every call begins with the memory of the build, and with it the state of `random`."""
    random = sys.modules.get("random")
    if random is not None:
        random.seed()
