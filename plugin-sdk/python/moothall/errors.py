"""The failure of a call: what a plugin raises on purpose, and what the host refuses with.

It never carries what only the log may know, because drivers see it.
"""

from __future__ import annotations

from typing import Any

# The kinds of the contract; every other kind is the plugin's own.
KINDS = ("invalid", "unauthorized", "forbidden", "not-found", "conflict", "unavailable", "internal")

# What a caller reads when a plugin failed in a way that its author did not foresee.
UNEXPECTED = "the plugin failed unexpectedly; the host's log has the stack"


class PluginError(Exception):
    """A failure. The call that raises it leaves nothing behind."""

    def __init__(self, kind: str, message: str, *, details: Any = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.details = details
        self.retryable = kind == "unavailable" if retryable is None else retryable


class Invalid(PluginError):
    """The caller's input is wrong: 400."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("invalid", message, **more)


class Unauthorized(PluginError):
    """The caller, or the plugin towards its platform, is not authenticated: 401."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("unauthorized", message, **more)


class Forbidden(PluginError):
    """Authenticated, but not allowed: 403. Also a missing grant."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("forbidden", message, **more)


class NotFound(PluginError):
    """What was asked for does not exist: 404."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("not-found", message, **more)


class Conflict(PluginError):
    """It collides with what is there: 409."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("conflict", message, **more)


class Unavailable(PluginError):
    """A platform, or the host's store, does not answer now: 503."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("unavailable", message, **more)


class Internal(PluginError):
    """The plugin failed: 500."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("internal", message, **more)


class Permanent(PluginError):
    """A worker's failure that another attempt would not change."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__("permanent", message, **more)


_CLASSES = dict(zip(KINDS, (Invalid, Unauthorized, Forbidden, NotFound, Conflict, Unavailable, Internal)))


def error_of(kind: str, message: str, details: Any, retryable: bool) -> PluginError:
    """The error of a kind, of the kind's own class if it has one."""
    found = _CLASSES.get(kind)
    if found is None:
        return PluginError(kind, message, details=details, retryable=retryable)
    return found(message, details=details, retryable=retryable)
