"""Tests a plugin without wasm: an in-memory host calls it as the real one does.

The calls go through the same functions that a component exports. A failed call leaves nothing behind, a secret is a
place and not a value, and the plugin reaches only hosts that its manifest asks for. The in-memory host limits no time and
no memory, delivers no events, and calls nothing on a schedule: test these with the real host.
"""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from typing import Any

from ..calls import Calls
from ..errors import Conflict, Internal, NotFound
from ..plugin import Plugin
from ..web import HttpResponse, Response, WebhookRequest
from .config import taken
from .imports import MemoryHost
from .placing import Sent
from .schemas import accepted, check_output
from .world import Call, EmittedEvent, Kept, ProcessRecord, World

__all__ = ["EmittedEvent", "Host", "ProcessRecord", "Sent"]

ANY_OBJECT = {"type": "object"}


class Host:
    """The plugin, enabled for the community `test`, with every grant that its manifest asks for.

    Every call that fails raises a PluginError.
    """

    def __init__(
        self,
        plugin: Plugin[Any],
        *,
        config: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        community: str = "test",
        state: dict[str, Any] | None = None,
    ) -> None:
        self._plugin = plugin
        manifest = json.loads(json.dumps(plugin.manifest))
        kept = Kept(state={key: json.dumps(value) for key, value in (state or {}).items()})
        self._world = World(manifest, community, kept)
        self._world.may_reveal = set(manifest.get("requests", {}).get("reveal", []))
        self._configure(config or {})
        self._world.settings, secrets = taken(manifest.get("settings_schema"), settings or {}, "the settings")
        self._world.secrets.update({f"settings:{place[1:]}": value for place, value in secrets.items()})
        self._calls = 0

    def enable(self) -> None:
        """Calls `initialize`."""
        self._call("enable", "lifecycle", "initialize")

    def change_config(self, config: dict[str, Any]) -> None:
        """Sets another configuration, and calls `config_changed`, as the host does for an instance that it keeps."""
        previous = json.dumps(self._world.config)
        self._configure(config)
        if "config-changed" in self._world.manifest.get("lifecycle", []):
            self._call("config", "lifecycle", "config_changed", previous)

    def action(self, slug: str, **parameters: Any) -> Any:
        """Performs an action; returns its result as JSON has it."""
        action = self._described("actions", "slug", slug)
        given = accepted(action.get("parameters_schema", ANY_OBJECT), parameters, "the parameters")
        call = Call("", "action", is_read_only=action.get("read_only", False))
        check = lambda answer: check_output(  # noqa: E731
            action.get("response_schema"), _value(answer), f"the answer of the action '{slug}'"
        )
        return _value(self._call("action", "actions", "perform", slug, json.dumps(given), call=call, check=check))

    def webhook(self, request: WebhookRequest | None = None, **parts: Any) -> HttpResponse:
        """Sends a webhook to the instance, then to its pending processes; returns the answer to the platform."""
        request = request or incoming(**parts)
        answer = None
        if "webhooks" in self._plugin.interfaces:
            answer = self._call("webhook", "webhooks", "receive", request)
        for id, record in list(self._world.kept.processes.items()):
            hears = "receive-webhook" in self._described("processes", "name", record.name)["functions"]
            if record.status == "pending" and hears:
                said = self._of_process("webhook", id, "receive_webhook", record.name, request)
                answer = answer or said
        return _response(answer)

    def tick(self) -> None:
        """Calls the producer as if it were due."""
        self._call("producer", "producer", "tick")

    def schedule(self, name: str, scheduled_at: datetime | None = None) -> None:
        """Calls a schedule as if it were due."""
        moment = scheduled_at or datetime.now(timezone.utc)
        self._call("tick", "schedules", "tick", name, moment.isoformat())

    def handle(self, worker: str, event: dict[str, Any]) -> None:
        """Gives a worker an event: `{"event_type": …, "data": …}`."""
        self._call("worker", "workers", "handle", worker, json.dumps(event))

    def route(self, path: str, captures: dict[str, str] | None = None, **parts: Any) -> HttpResponse:
        """Sends a request to a route, named by its path in the plugin."""
        listed = list((captures or {}).items())
        return _response(self._call("route", "routes", "handle", path, listed, incoming(**parts)))

    def start(self, name: str, **parameters: Any) -> str:
        """Starts a process; returns its id. After an error there is no process."""
        described = self._described("processes", "name", name)
        given = accepted(described["parameters_schema"], parameters, "the parameters")
        id = str(len(self._world.kept.processes) + 1)
        self._world.kept.processes[id] = ProcessRecord(name)
        try:
            self._of_process("start", id, "start", name, json.dumps(given))
        except Exception:
            del self._world.kept.processes[id]
            raise
        started = self._world.kept.processes[id]
        started.status = "pending" if started.status == "created" else started.status
        return id

    def update(self, id: str) -> None:
        """Calls `update` of a pending process as if it were due."""
        self._of_process("update", id, "update", self._pending(id).name)

    def close(self, id: str) -> None:
        """Closes a pending process; its `close` has to complete it."""
        self._of_process("close", id, "close", self._pending(id).name)
        if self._world.kept.processes[id].status != "completed":
            raise Internal("`close` returned and the process is not completed")

    def process(self, id: str) -> ProcessRecord | None:
        """A process as drivers see it."""
        return copy.deepcopy(self._world.kept.processes.get(id))

    def answer(self, method: str, url: str, response: Response) -> Host:
        """Answers the next request with this method and URL, once."""
        self._world.script.append((method, url, response))
        return self

    def state(self, key: str) -> Any:
        """A value of the instance's state."""
        return _value(self._world.kept.state.get(key))

    @property
    def events(self) -> list[EmittedEvent]:
        """The events of all successful calls, in order."""
        return self._world.kept.events

    @property
    def sent(self) -> list[Sent]:
        """The requests that were sent, also by failed calls, with their secrets in place."""
        return self._world.sent

    @property
    def log(self) -> list[tuple[str, str]]:
        """The lines that were logged, also by failed calls: level and message."""
        return self._world.lines

    def _configure(self, config: dict[str, Any]) -> None:
        world = self._world
        world.config, secrets = taken(world.manifest.get("config_schema"), config, "the configuration")
        of_settings = {place: value for place, value in world.secrets.items() if not place.startswith("/")}
        world.secrets = {**of_settings, **secrets}

    def _of_process(self, origin: str, id: str, function: str, *values: Any) -> Any:
        return self._call(origin, "processes", function, *values, call=Call("", origin, process=id))

    def _call(self, origin: str, interface: str, function: str, *values: Any, call: Call | None = None, check: Any = None) -> Any:
        """Runs one call, and keeps what it wrote only if it succeeds."""
        if interface not in self._plugin.interfaces:
            raise NotFound(f"the plugin has no {interface}")
        before = copy.deepcopy(self._world.kept)
        self._world.call = call or Call("", origin)
        self._calls += 1
        self._world.call.id = str(self._calls)
        try:
            answer = Calls(self._plugin, MemoryHost(self._world)).call(interface, function, *values)
            if check is not None:
                check(answer)
            self._check_since(before)
            return answer
        except Exception:
            self._world.kept = before
            raise

    def _check_since(self, before: Kept) -> None:
        declared = {event["event_type"]: event.get("schema") for event in self._world.manifest.get("events", [])}
        for event in self._world.kept.events[len(before.events) :]:
            check_output(declared.get(event.type), event.data, f"the event '{event.type}'")
        for id, process in self._world.kept.processes.items():
            earlier = before.processes.get(id)
            if process.status == "completed" and (earlier is None or earlier.status != "completed"):
                schema = self._described("processes", "name", process.name).get("outcome_schema")
                check_output(schema, process.outcome, f"the outcome of the process '{process.name}'")

    def _described(self, table: str, key: str, name: str) -> dict[str, Any]:
        for one in self._world.manifest.get(table, []):
            if one[key] == name:
                return one
        raise NotFound(f"the plugin has no '{name}' among its {table}")

    def _pending(self, id: str) -> ProcessRecord:
        record = self.process(id)
        if record is None:
            raise NotFound(f"there is no process '{id}'")
        if record.status == "completed":
            raise Conflict("the process is completed, and never called again")
        return record


def incoming(
    *,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    json: Any = None,
    text: str | None = None,
    body: bytes = b"",
) -> WebhookRequest:
    """A request as the plugin receives it."""
    _, listed, content = Response(json=json, text=text, body=body, headers=headers or {}).parts()
    return WebhookRequest(headers=listed, body=content, method=method, path=path, query=query)


def _response(answer: Any) -> HttpResponse:
    status, headers, body = answer or Response().parts()
    return HttpResponse(headers=headers, body=body, status=status)


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
