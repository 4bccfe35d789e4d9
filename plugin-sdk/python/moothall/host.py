"""The host that this call runs in: the real one's imports in a component, those of the in-memory host in tests.

Every module asks through here, so that a plugin needs no other code in tests. Nothing is kept between two calls.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Iterator, Protocol

from .errors import Forbidden


class Imports(Protocol):
    """The functions of the host: `ask("state", "get", key)`. A refusal is raised as a PluginError."""

    def ask(self, interface: str, function: str, *values: Any) -> Any: ...


_imports: Imports | None = None


@contextmanager
def within(imports: Imports) -> Iterator[None]:
    """Runs one call with these imports."""
    global _imports
    before, _imports = _imports, imports
    try:
        yield
    finally:
        _imports = before


def is_in_call() -> bool:
    """Whether a call runs: code at the top of a module runs when the plugin is built."""
    return _imports is not None


def ask(interface: str, function: str, *values: Any) -> Any:
    """Calls a function of an interface."""
    if _imports is None:
        raise Forbidden(
            f"`{interface}` can be used during a call only, and not at the top of a module, "
            "which runs when the plugin is built"
        )
    return _imports.ask(interface, function, *values)


def from_json(text: str | None) -> Any:
    """The value of an optional JSON text."""
    return None if text is None else json.loads(text)
