"""Write Moothall plugins in Python.

    from moothall import Plugin, state

    plugin = Plugin("greeter")

    @plugin.action(public=True)
    def greet(name: str) -> dict[str, str]:
        state.set("last", name)
        return {"text": f"Hello, {name}!"}
"""

from . import http
from .accounts import accounts
from .context import context
from .errors import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Permanent,
    PluginError,
    Unauthorized,
    Unavailable,
)
from .events import events
from .log import log
from .plugin import Plugin
from .process import Process
from .secrets import Secret
from .state import state
from .web import HttpResponse, Response, WebhookRequest

__all__ = [
    "Conflict",
    "Forbidden",
    "HttpResponse",
    "Internal",
    "Invalid",
    "NotFound",
    "Permanent",
    "Plugin",
    "PluginError",
    "Process",
    "Response",
    "Secret",
    "Unauthorized",
    "Unavailable",
    "WebhookRequest",
    "accounts",
    "context",
    "events",
    "http",
    "log",
    "state",
]
