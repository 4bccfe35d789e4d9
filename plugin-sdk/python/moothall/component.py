"""The program of a component: the plugin's calls as the classes that componentize-py looks for, on the real host.

Imported only when a component is built: `wit_world` is there only then. Codecs are imported here, because what is not
imported at the build is not in the component.
"""

from __future__ import annotations

import encodings.ascii  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.punycode  # noqa: F401
import encodings.utf_16  # noqa: F401
import encodings.utf_8_sig  # noqa: F401
import gc
import importlib
import json
import logging
import sys
from dataclasses import is_dataclass
from typing import Any

from componentize_py_types import Err  # type: ignore[import-not-found]

from .calls import Calls
from .errors import PluginError, error_of
from .log import HostHandler
from .plugin import Plugin
from .schema import prepare
from .web import WebhookRequest
from .world import IMPORTS

_hosts = {name: importlib.import_module(f"wit_world.imports.{name}") for name in (*IMPORTS, "types", "web")}
_types = _hosts["types"]


class RealHost:
    """The imports of this component."""

    def ask(self, interface: str, function: str, *values: Any) -> Any:
        special = getattr(self, f"_{interface}_{function}", None)
        try:
            return special(*values) if special else getattr(_hosts[interface], function)(*values)
        except Err as refusal:
            refused = refusal.value
        raise _error(refused)

    def _log_log(self, level: str, message: str) -> None:
        _hosts["log"].log(_hosts["log"].Level[level.upper()], message)

    def _process_status(self) -> str:
        return _hosts["process"].status().name.lower()

    def _process_set_status(self, status: str) -> None:
        _hosts["process"].set_status(_hosts["process"].ProcessStatus[status.upper()])

    def _secrets_reveal(self, handle: Any) -> str:
        return handle.reveal()

    def _http_send(self, method: str, url: str, headers: Any, body: bytes, timeout_ms: int | None, secrets: Any) -> Any:
        http = _hosts["http"]
        request = http.Request(method, url, headers, body, timeout_ms)
        placed = [(getattr(http, _case("Placement", tag))(value), handle) for (tag, value), handle in secrets]
        answer = http.send(request, placed)
        return answer.status, answer.headers, answer.body


def _case(variant: str, name: str) -> str:
    """The class of a case: `Placement_BasicUser` of `basic-user`."""
    return f"{variant}_{''.join(word.capitalize() for word in name.split('-'))}"


def _error(refused: Any) -> PluginError:
    kind = refused.kind
    own = getattr(kind, "value", None)
    name = own if own is not None else _KINDS[type(kind).__name__]
    details = None if refused.details is None else json.loads(refused.details)
    return error_of(name, refused.message, details, refused.retryable)


_KINDS = {
    _case("ErrorKind", kind): kind
    for kind in ("invalid", "unauthorized", "forbidden", "not-found", "conflict", "unavailable", "internal")
}


def _refusal(error: PluginError) -> Err:
    known = error.kind in _KINDS.values()
    kind = getattr(_types, _case("ErrorKind", error.kind))() if known else _types.ErrorKind_Other(error.kind)
    details = None if error.details is None else json.dumps(error.details, ensure_ascii=False)
    return Err(_types.Error(kind, error.message, details, error.retryable))


def exports_of(plugin: Plugin[Any]) -> dict[str, type]:
    """A class for each interface that the plugin exports, by the names that componentize-py looks for."""
    logging.getLogger().addHandler(HostHandler())
    manifest = json.dumps(plugin.manifest, ensure_ascii=False)
    calls = Calls(plugin, RealHost())
    prepare_calls(plugin)
    classes = {"Plugin": type("Plugin", (), {"describe": lambda self: manifest})}
    for interface in plugin.interfaces[1:]:
        functions = {name: _function(calls, interface, name) for name in FUNCTIONS[interface]}
        classes[interface.capitalize()] = type(interface.capitalize(), (), functions)
    return classes


def prepare_calls(plugin: Plugin[Any]) -> None:
    """Does once, at the build, what each call would have to do at its beginning."""
    declared = plugin.declared
    functions = [action.run for action in declared.actions.values()] + [one for one, _ in declared.single.values()]
    modules = {function.__module__ for function in functions}
    modules |= {type(one.process).__module__ for one in declared.processes.values()}
    for module in modules:
        for kind in list(vars(sys.modules[module]).values()):
            if isinstance(kind, type) and is_dataclass(kind):
                prepare(kind)
    # Nothing looks for cycles of garbage, because a call's memory is given back as a whole; and what there is now is none.
    gc.collect()
    gc.freeze()
    gc.disable()


FUNCTIONS = {
    "lifecycle": ("initialize", "config_changed", "upgraded", "close"),
    "actions": ("perform",),
    "webhooks": ("receive",),
    "producer": ("tick",),
    "processes": ("start", "update", "close", "receive_webhook"),
    "schedules": ("tick",),
    "workers": ("enabled", "handle"),
    "routes": ("handle",),
}


def _function(calls: Calls, interface: str, name: str) -> Any:
    def run(self: Any, *values: Any) -> Any:
        try:
            answer = calls.call(interface, name, *map(_taken, values))
        except PluginError as failed:
            # Raised outside of every block, because nothing can be noted on it.
            refusal = _refusal(failed)
        else:
            return _hosts["web"].Response(*answer) if isinstance(answer, tuple) else answer
        raise refusal

    return run


def _taken(value: Any) -> Any:
    if not hasattr(value, "method"):
        return value
    return WebhookRequest(
        headers=value.headers, body=bytes(value.body), method=value.method, path=value.path, query=value.query
    )
