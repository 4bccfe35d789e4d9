"""The imports of the in-memory host: each answers and refuses as the real host's does."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from ..errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from .placing import Sent, place
from .reach import check_reach
from .world import EmittedEvent, ProcessRecord, World

# The host's default limits.
STATE_KEY_BYTES = 512
STATE_VALUE_BYTES = 256 << 10
STATE_WRITES = 1000
EVENTS = 100
EVENT_BYTES = 256 << 10
PROCESS_BYTES = 256 << 10
HTTP_REQUESTS = 32
KEYS = 1000

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class MemoryHost:
    """Every function of the host, by interface and name, on what a test set up."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ask(self, interface: str, function: str, *values: Any) -> Any:
        return getattr(self, f"_{interface}_{function}")(*values)

    def _context_community(self) -> str:
        return self._world.community

    def _context_community_name(self) -> str:
        return ""

    def _context_instance(self) -> int:
        return 1

    def _context_community_platform_id(self) -> None:
        return None

    def _context_call(self) -> str:
        return self._world.call.id

    def _context_origin(self) -> str:
        return self._world.call.origin

    def _context_request_id(self) -> str:
        return ""

    def _context_config(self) -> str:
        return json.dumps(self._world.config)

    def _settings_get(self) -> str:
        return json.dumps(self._world.settings)

    def _log_log(self, level: str, message: str) -> None:
        self._world.lines.append((level, message))

    def _state_get(self, key: str) -> str | None:
        _check_key(key)
        return self._world.kept.state.get(key)

    def _state_set(self, key: str, value: str) -> None:
        self._write(self._world.kept.state, key, value)

    def _state_remove(self, key: str) -> bool:
        return self._remove(self._world.kept.state, key)

    def _state_keys(self, prefix: str, after: str | None, limit: int) -> list[str]:
        keys = sorted(key for key in self._world.kept.state if key.startswith(prefix))
        return [key for key in keys if after is None or key > after][: min(max(limit, 1), KEYS)]

    def _write(self, state: dict[str, str], key: str, value: str) -> None:
        self._count_write(key)
        size = len(value.encode())
        if size > STATE_VALUE_BYTES:
            raise Invalid(f"the state value of `{key}` has {size} bytes, at most {STATE_VALUE_BYTES} are allowed")
        state[key] = value

    def _remove(self, state: dict[str, str], key: str) -> bool:
        self._count_write(key)
        return state.pop(key, None) is not None

    def _count_write(self, key: str) -> None:
        self._check_writing()
        _check_key(key)
        self._world.call.writes += 1
        if self._world.call.writes > STATE_WRITES:
            raise Conflict(f"a call may write state {STATE_WRITES} times")

    def _check_writing(self) -> None:
        if self._world.call.is_read_only:
            raise Forbidden("this call is read-only")

    def _events_emit(self, event_type: str, data: str, initiator: str | None, dedupe_key: str | None) -> str:
        self._check_writing()
        _check_event(event_type, data, dedupe_key)
        events = self._world.kept.events
        earlier = [event.id for event in events if dedupe_key is not None and event.dedupe_key == dedupe_key]
        if earlier:
            return earlier[0]
        self._world.call.events += 1
        if self._world.call.events > EVENTS:
            raise Conflict(f"a call may emit {EVENTS} events")
        who = None if initiator is None else json.loads(initiator)
        events.append(EmittedEvent(f"evt_{len(events) + 1:026}", event_type, json.loads(data), who, dedupe_key))
        return events[-1].id

    def _http_send(self, method: str, url: str, headers: Any, body: bytes, timeout_ms: int | None, secrets: Any) -> Any:
        world = self._world
        check_reach(url, world.manifest.get("requests", {}).get("http", []), world.config, world.settings)
        world.call.requests += 1
        if world.call.requests > HTTP_REQUESTS:
            raise Conflict(f"a call may send {HTTP_REQUESTS} requests")
        sent = Sent(method, url, list(headers), body)
        for (tag, value), (_, secret) in secrets:
            place(sent, tag, value, secret)
        answer = self._take_answer(method, url)
        world.sent.append(sent)
        return answer

    def _take_answer(self, method: str, url: str) -> Any:
        for at, (of_method, of_url, response) in enumerate(self._world.script):
            if (of_method, of_url) == (method, url):
                del self._world.script[at]
                return response.parts()
        raise Unavailable(f"the test has no answer to {method} {url}; add one with `host.answer`")

    def _secrets_get(self, pointer: str) -> tuple[str, str]:
        return self._secret(pointer, pointer)

    def _secrets_setting(self, name: str) -> tuple[str, str]:
        return self._secret(name, f"settings:{name}")

    def _secret(self, place_: str, key: str) -> tuple[str, str]:
        if key not in self._world.secrets:
            raise NotFound(f"no secret is set at '{place_}'")
        return key, self._world.secrets[key]

    def _secrets_reveal(self, handle: tuple[str, str]) -> str:
        key, value = handle
        if key in self._world.may_reveal:
            return value
        raise Forbidden(
            f"the plugin may not see the secret '{key}'; its manifest asks for it with `requests={{\"reveal\": […]}}`"
        )

    def _process(self) -> ProcessRecord:
        found = self._world.kept.processes.get(self._world.call.process or "")
        if found is None:
            raise Forbidden("this call is not about a process")
        return found

    def _process_id(self) -> str:
        self._process()
        return self._world.call.process or ""

    def _process_status(self) -> str:
        return self._process().status

    def _process_set_status(self, status: str) -> None:
        process = self._process()
        if status == "created":
            raise Invalid("only the host makes a process `created`; set `pending` or `completed`")
        if process.status == "completed":
            raise Conflict("the process is completed, and a completed process is never changed")
        process.status = status

    def _process_outcome(self) -> str:
        return json.dumps(self._process().outcome)

    def _process_set_outcome(self, outcome: str) -> None:
        self._process().outcome = _bounded(outcome, "outcome")

    def _process_errors(self) -> str:
        return json.dumps(self._process().errors)

    def _process_set_errors(self, errors: str) -> None:
        self._process().errors = _bounded(errors, "errors")

    def _process_url(self) -> str | None:
        return self._process().url

    def _process_set_url(self, url: str | None) -> None:
        self._process().url = url

    def _process_closing_at(self) -> str | None:
        return self._process().closing_at

    def _process_set_closing_at(self, moment: str | None) -> None:
        if moment is not None and not _is_moment(moment):
            raise Invalid(f"`{moment}` is not a moment (RFC 3339), like 2026-01-31T12:00:00Z")
        self._process().closing_at = moment

    def _process_get(self, key: str) -> str | None:
        _check_key(key)
        return self._process().state.get(key)

    def _process_set(self, key: str, value: str) -> None:
        self._write(self._process().state, key, value)

    def _process_remove(self, key: str) -> bool:
        return self._remove(self._process().state, key)

    def _accounts_link(self, *_: Any) -> None:
        raise Unavailable("the in-memory host has no accounts; test them with the real host")

    _accounts_unlink = _accounts_find = _accounts_user = _accounts_link


def _check_key(key: str) -> None:
    size = len(key.encode())
    if not 1 <= size <= STATE_KEY_BYTES:
        raise Invalid(f"a state key has 1 to {STATE_KEY_BYTES} bytes, this one has {size}")


def _check_event(event_type: str, data: str, dedupe_key: str | None) -> None:
    if re.fullmatch(r"[A-Za-z0-9_.: -]{1,100}", event_type) is None:
        raise Invalid(f"'{event_type}' is no type of an event")
    if len(data.encode()) > EVENT_BYTES:
        raise Invalid(f"an event's data has at most {EVENT_BYTES} bytes")
    if dedupe_key is not None and not 1 <= len(dedupe_key.encode()) <= 200:
        raise Invalid("a dedupe key has 1 to 200 bytes")


def _bounded(text: str, what: str) -> Any:
    size = len(text.encode())
    if size > PROCESS_BYTES:
        raise Invalid(f"{size} bytes of {what}, at most {PROCESS_BYTES} are allowed")
    return json.loads(text)


def _is_moment(text: str) -> bool:
    if RFC_3339.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper())
        return True
    except ValueError:
        return False
