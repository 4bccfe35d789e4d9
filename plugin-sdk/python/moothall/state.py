"""Key-value state: the instance's own, and with the same functions that of a process."""

from __future__ import annotations

from typing import Any

from .host import ask, from_json
from .schema import read, to_json

# The most keys that the host returns at once.
PAGE = 1000


class ProcessState:
    """The state behind an interface of the host."""

    def __init__(self, interface: str = "process") -> None:
        self._interface = interface

    def get(self, key: str, default: Any = None, *, kind: Any = None) -> Any:
        """The value, as an instance of `kind` if that is given; `default` if there is none."""
        found = ask(self._interface, "get", key)
        return default if found is None else read(kind, from_json(found))

    def set(self, key: str, value: Any) -> None:
        ask(self._interface, "set", key, to_json(value, f"the value of '{key}'"))

    def remove(self, key: str) -> bool:
        """Whether it was there."""
        return ask(self._interface, "remove", key)


class State(ProcessState):
    """The instance's own state."""

    def __init__(self) -> None:
        super().__init__("state")

    def keys(self, prefix: str = "", *, after: str | None = None, limit: int = PAGE) -> list[str]:
        """The keys with this prefix, in order; at most 1,000 at once."""
        return ask("state", "keys", prefix, after, limit)


state = State()
