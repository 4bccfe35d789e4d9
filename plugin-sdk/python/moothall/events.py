"""Events: facts that drivers receive once the call is committed."""

from __future__ import annotations

from typing import Any

from .host import ask
from .schema import to_json


class Events:
    def emit(self, event_type: str, data: Any = None, *, initiator: Any = None, dedupe_key: str | None = None) -> str:
        """Emits an event; returns its id. The same `dedupe_key` within 24 hours emits no second one."""
        data = {} if data is None else data
        who = None if initiator is None else to_json(initiator, "the initiator")
        return ask("events", "emit", event_type, to_json(data, "the event's data"), who, dedupe_key)


events = Events()
