"""The plugin: an object whose decorators collect what it consists of."""

from __future__ import annotations

import inspect
import json
from typing import Any, Callable, Generic, TypeVar, get_type_hints

from .host import ask
from .manifest import Action, Declared, GovernanceProcess, Route, Schedule, Worker, without_none
from .process import Process
from .schema import Taken, read

Config = TypeVar("Config")
Function = TypeVar("Function", bound=Callable[..., Any])
ProcessClass = TypeVar("ProcessClass", bound=type[Process])


class Plugin(Generic[Config]):
    """A plugin. `config` and `settings` are dataclasses; a field of the type `Secret` is a secret.

    `requests` is what it asks the operator to grant: `{"http": ["config:/server_url"]}`.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str | None = None,
        title: str | None = None,
        homepage: str | None = None,
        description: str | None = None,
        auth_type: str | None = None,
        config: type[Config] | None = None,
        settings: type | None = None,
        community_platform_id_key: str | None = None,
        on_config_change: str | None = None,
        requests: dict[str, list[str]] | None = None,
    ) -> None:
        self.declared = Declared(
            head=without_none(
                name=name,
                version=version,
                title=title,
                homepage=homepage,
                description=description,
                auth_type=auth_type,
                community_platform_id_key=community_platform_id_key,
                on_config_change=on_config_change,
                requests=requests,
            ),
            config=config,
            settings=settings,
        )

    @property
    def config(self) -> Config:
        """The configuration of the instance that is called."""
        return read(self.declared.config, json.loads(ask("context", "config")))

    @property
    def settings(self) -> Any:
        """The operator's settings of the plugin."""
        return read(self.declared.settings, json.loads(ask("settings", "get")))

    @property
    def manifest(self) -> dict[str, Any]:
        """What the plugin says of itself, as `manifest.schema.json` of the contract has it."""
        return self.declared.manifest()

    @property
    def interfaces(self) -> list[str]:
        """The interfaces that its component exports."""
        return self.declared.interfaces()

    def event(self, event_type: str, schema: Any = None, *, description: str | None = None) -> None:
        """Declares an event that the plugin emits; the host checks its data by the type `schema`."""
        self.declared.events[event_type] = (schema, description)

    def action(
        self, slug: str | None = None, *, description: str | None = None, public: bool | None = None, read_only: bool | None = None
    ) -> Callable[[Function], Function]:
        """An action. Its parameters are the function's, its result is what the function returns."""

        def add(function: Function) -> Function:
            _check_waits(function)
            name = slug or _slug(function.__name__)
            result = get_type_hints(function, include_extras=True).get("return")
            told = without_none(description=description or function.__doc__, public=public, read_only=read_only)
            _add(self.declared.actions, name, Action(function, Taken(function), result, told), "action")
            return function

        return add

    def process(
        self,
        name: str | None = None,
        *,
        outcome: Any = None,
        description: str | None = None,
        every: str | None = None,
        cron: str | None = None,
        time_zone: str | None = None,
        jitter: str | None = None,
    ) -> Callable[[ProcessClass], ProcessClass]:
        """A governance process, a class whose base is `Process`. Its parameters are those of `start`."""

        def add(kind: ProcessClass) -> ProcessClass:
            start = getattr(kind, "start", None)
            if not callable(start) or not issubclass(kind, Process):
                raise TypeError(f"the process `{kind.__name__}` needs a method `start`, and the base `Process`")
            for method in ("start", "update", "close", "receive_webhook"):
                _check_waits(getattr(kind, method, None))
            schedule = without_none(every=every, cron=cron, time_zone=time_zone, jitter=jitter)
            told = without_none(description=description or kind.__doc__, schedule=schedule or None)
            process = GovernanceProcess(kind(), Taken(start), outcome, told)
            _add(self.declared.processes, name or _slug(kind.__name__), process, "process")
            return kind

        return add

    def webhook(self, *, verify: Any = None, handshakes: list[Any] | None = None) -> Callable[[Function], Function]:
        """Receives the webhooks of an instance: `def receive(request) -> Response | None`."""
        return self._once("webhook", without_none(verify=verify, handshakes=handshakes))

    def producer(
        self, *, every: str | None = None, cron: str | None = None, time_zone: str | None = None, jitter: str | None = None
    ) -> Callable[[Function], Function]:
        """Called on a schedule, every 60 s if none is given."""
        return self._once("producer", without_none(every=every, cron=cron, time_zone=time_zone, jitter=jitter))

    def schedule(
        self, name: str, *, every: str | None = None, cron: str | None = None, time_zone: str | None = None, jitter: str | None = None
    ) -> Callable[[Function], Function]:
        """Called on a schedule of its own: `def nightly(scheduled_at: datetime)`."""
        told = without_none(every=every, cron=cron, time_zone=time_zone, jitter=jitter)
        return self._named(self.declared.schedules, name, lambda function: Schedule(function, told), "schedule")

    def worker(self, name: str, *, events: list[str], enabled: Callable[[], bool] | None = None, **told: Any) -> Callable[[Function], Function]:
        """Handles events: `def handle(event: dict)`. Patterns are `edge2:*`, `post_created`, `driver:vote_*`."""
        make = lambda function: Worker(function, enabled, {"events": events, **told})  # noqa: E731
        return self._named(self.declared.workers, name, make, "worker")

    def route(self, path: str, *, methods: list[str] | None = None, auth: str | None = None) -> Callable[[Function], Function]:
        """Serves a route: `def teapot(request, cup) -> Response` for `/teapot/{cup}`."""
        told = without_none(methods=methods, auth=auth)
        return self._named(self.declared.routes, path, lambda function: Route(function, told), "route")

    def initialize(self, function: Function) -> Function:
        """Called once when the plugin is enabled for a community."""
        return self._once("initialize", {})(function)

    def config_changed(self, function: Function) -> Function:
        """Called when the configuration of a kept instance has changed: `def changed(previous: dict)`."""
        return self._once("config_changed", {})(function)

    def upgraded(self, function: Function) -> Function:
        """Called before an instance's first call on a new version: `def upgraded(from_version: str)`."""
        return self._once("upgraded", {})(function)

    def _once(self, what: str, told: dict[str, Any]) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            _check_waits(function)
            _add(self.declared.single, what, (function, told), "function for")
            return function

        return add

    def _named(self, table: dict[str, Any], name: str, make: Callable[[Any], Any], what: str) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            _check_waits(function)
            _add(table, name, make(function), what)
            return function

        return add


def _check_waits(function: Any) -> None:
    if inspect.iscoroutinefunction(function):
        raise TypeError(
            f"`{function.__name__}` is async, and the host does not wait for it: everything that the host does is done "
            "when its function returns, so leave out `async` and `await`"
        )


def _add(table: dict[str, Any], name: str, value: Any, what: str) -> None:
    if name in table:
        raise TypeError(f"the plugin has two of the {what} '{name}': rename one")
    table[name] = value


def _slug(name: str) -> str:
    """`times_two` and `TimesTwo` are `times-two`."""
    spaced = "".join(f"-{letter}" if letter.isupper() and at > 0 else letter for at, letter in enumerate(name))
    return spaced.replace("_", "-").lower()
