"""Calls on the in-memory host: values go in and out as the contract has them, and every failure says whose it is."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

import pytest

from moothall import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    Plugin,
    PluginError,
    Process,
    Response,
    Secret,
    Unavailable,
    events,
    http,
    log,
    state,
)
from moothall.http import as_password, in_form, in_json, in_query
from moothall.testing import Host


def host_of_action(run, *, setup=None, read_only=None, **head) -> Host:
    """A host whose only action runs this."""
    plugin = Plugin("a", **head)
    plugin.action("act", read_only=read_only)(run)
    return Host(plugin, **(setup or {}))


def test_own_errors_keep_their_kind_and_details() -> None:
    def act() -> None:
        raise PluginError("out-of-tea", "no tea is left", details={"cups": 0}, retryable=True)

    with pytest.raises(PluginError, match="no tea is left") as failed:
        host_of_action(act).action("act")
    error = failed.value
    assert (error.kind, error.details, error.retryable) == ("out-of-tea", {"cups": 0}, True)


def test_an_unforeseen_error_is_told_to_the_log_and_to_nobody_else() -> None:
    def act() -> None:
        try:
            {}["x"]
        except KeyError as missing:
            raise RuntimeError("password is hunter2") from missing

    host = host_of_action(act)
    with pytest.raises(Internal, match="^the plugin failed unexpectedly") as failed:
        host.action("act")
    assert failed.value.__cause__ is None and failed.value.details is None
    assert "hunter2" in host.log[0][1] and "KeyError: 'x'" in host.log[0][1] and "test_calls.py" in host.log[0][1]


def test_a_coroutine_is_refused_because_nobody_would_wait_for_it() -> None:
    async def act() -> None: ...

    with pytest.raises(TypeError, match="`act` is async"):
        host_of_action(act)
    host = host_of_action(lambda: act())
    with pytest.raises(Internal):
        host.action("act")
    assert "leave out `async`" in host.log[0][1]


def test_a_failed_call_leaves_nothing_and_a_successful_one_all() -> None:
    def act(fail: bool = False) -> list[str]:
        state.set("x", {"deep": [1]})
        events.emit("seen")
        if fail:
            raise Conflict("no")
        return state.keys()

    host = host_of_action(act)
    with pytest.raises(Conflict):
        host.action("act", fail=True)
    assert (host.state("x"), host.events) == (None, [])
    assert host.action("act") == ["x"]
    assert (host.state("x"), host.events[0].type) == ({"deep": [1]}, "seen")


def test_state_refuses_what_the_real_host_refuses() -> None:
    def many() -> None:
        for n in range(1001):
            state.set("k", n)

    for kind, run, read_only in [
        (Invalid, lambda: state.set("", 1), False),
        (Invalid, lambda: state.get("k" * 513), False),
        (Invalid, lambda: state.set("k", "x" * (256 << 10)), False),
        (Conflict, many, False),
        (Forbidden, lambda: state.set("k", 1), True),
        (Internal, lambda: state.set("k", float("nan")), False),
        (Internal, lambda: state.set("k", object()), False),
    ]:
        with pytest.raises(kind):
            host_of_action(run, read_only=read_only).action("act")


def test_outside_of_a_call_the_host_is_not_there() -> None:
    with pytest.raises(Forbidden, match="during a call only"):
        state.get("x")


class Colour(Enum):
    RED = "red"


@dataclass
class Inner:
    at: datetime
    colour: Colour


def test_values_of_types_are_read_and_written_as_json() -> None:
    def act(inner: Inner, more: list[Inner]) -> dict[str, Inner]:
        state.set("inner", inner)
        assert state.get("inner", kind=Inner) == inner
        assert more == [] and inner.colour is Colour.RED
        return {"same": inner}

    given = {"at": "2030-01-01T00:00:00Z", "colour": "red"}
    answer = host_of_action(act).action("act", inner=given, more=[])
    assert answer == {"same": {"at": "2030-01-01T00:00:00+00:00", "colour": "red"}}


@dataclass
class Keyed:
    key: Secret


def test_secrets_are_places_and_their_values_need_a_grant() -> None:
    plugin = Plugin("a", config=Keyed, requests={"reveal": ["/key"]})
    plugin.action("act")(lambda: [plugin.config.key.place, plugin.config.key.reveal()])
    assert Host(plugin, config={"key": "s1"}).action("act") == ["/key", "s1"]
    other = Plugin("a", config=Keyed)
    other.action("act")(lambda: other.config.key.reveal())
    with pytest.raises(Forbidden, match="/key"):
        Host(other, config={"key": "s1"}).action("act")
    with pytest.raises(NotFound):
        host_of_action(lambda: Secret("/none").reveal()).action("act")


def test_the_host_places_secrets_in_requests() -> None:
    key = Secret("/key")

    def act() -> None:
        placed = [in_query("token", key), in_json("/auth/key", key), as_password("me", key)]
        http.post("https://a.example/?x=1#end", json={"auth": {}}, bearer=key, secrets=placed)
        http.post("https://a.example/", form={"a": "1 2"}, secrets=[in_form("key", key)])

    host = host_of_action(act, config=Keyed, requests={"http": ["a.example"]}, setup={"config": {"key": "s&t"}})
    host.answer("POST", "https://a.example/?x=1#end", Response()).answer("POST", "https://a.example/", Response())
    host.action("act")
    first, second = host.sent
    assert first.url == "https://a.example/?x=1&token=s%26t#end"
    assert first.headers == [
        ("content-type", "application/json"),
        ("authorization", "Bearer s&t"),
        ("authorization", "Basic bWU6cyZ0"),
    ]
    assert first.body == b'{"auth":{"key":"s&t"}}'
    assert second.body == b"a=1+2&key=s%26t"


@pytest.mark.parametrize(
    ("pattern", "url", "is_reached"),
    [
        ("a.example", "https://a.example/x?y", True),
        ("a.example", "https://a.example:81", False),
        ("a.example:81", "https://a.example:81", True),
        ("*.example", "https://b.a.example", True),
        ("*.a.example", "https://a.example", False),
        ("*", "https://a.example", True),
        ("*", "https://a.example:81", False),
        ("config:/server", "https://forum.example:8443/posts", True),
        ("config:/server", "https://forum.example/posts", False),
        ("config:/other", "https://forum.example:8443/", False),
        ("a.example", "HTTP://A.Example./", True),
    ],
)
def test_only_what_the_manifest_asks_for_is_reached(pattern: str, url: str, is_reached: bool) -> None:
    config = {"config": {"server": "https://forum.example:8443/"}}
    host = host_of_action(lambda: http.get(url).text(), requests={"http": [pattern]}, setup=config)
    host.answer("GET", url, Response(text="tea"))
    if is_reached:
        assert host.action("act") == "tea"
    else:
        with pytest.raises(Forbidden, match="may not reach"):
            host.action("act")


@pytest.mark.parametrize("url", ["https://user@a.example", "ftp://a.example", "a.example", "http://a.example:81:82/"])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        host_of_action(lambda: http.get(url).text(), requests={"http": ["*"]}).action("act")


@pytest.mark.parametrize(("status", "kind"), [(503, Unavailable), (429, Unavailable), (404, Internal)])
def test_a_platforms_failure_says_whether_it_is_worth_another_try(status: int, kind: type[PluginError]) -> None:
    url = "https://a.example/"
    host = host_of_action(lambda: http.get(url).raise_for_status().text(), requests={"http": ["*"]})
    host.answer("GET", url, Response(status, text="tea"))
    with pytest.raises(kind, match=f"^the platform answered {status}: tea$") as failed:
        host.action("act")
    assert failed.value.details == {"platform_status": status, "platform_body": "tea"}
    assert failed.value.retryable is (kind is Unavailable)


def test_parameters_and_results_are_checked_by_their_schemas() -> None:
    def act(n: int = 2) -> int:
        return n * 2 if n < 100 else "many"  # type: ignore[return-value]

    host = host_of_action(act)
    assert host.action("act") == 4
    for wrong, path in (({"n": "2"}, "/n"), ({"m": 1}, "/m")):
        with pytest.raises(Invalid) as refused:
            host.action("act", **wrong)
        assert [error["path"] for error in refused.value.details["errors"]] == [path]
    with pytest.raises(Internal, match="breaks its schema"):
        host.action("act", n=100)


def test_webhooks_are_read_as_what_they_are_asked_for() -> None:
    plugin = Plugin("a")

    @plugin.webhook()
    def receive(request) -> Response:
        if request.header("content-type") == "application/x-www-form-urlencoded":
            return Response(json=request.form())
        return Response(json=[request.query_param("q"), request.json()])

    host = Host(plugin)
    assert host.webhook(query="q=two%20words+more", json={"a": 1}).json() == ["two words more", {"a": 1}]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert host.webhook(headers=form, text="a=%26&b").json() == {"a": "&", "b": ""}
    with pytest.raises(Invalid, match="is not JSON"):
        host.webhook(text="{")
    with pytest.raises(Invalid):
        host.webhook(headers=form, body=b"\xff")


def test_schedules_workers_and_routes_are_found_by_their_names() -> None:
    plugin = Plugin("a")
    plugin.schedule("nightly", every="1d")(lambda at: state.set("at", at))
    plugin.worker("w", events=["a:*"])(lambda event: state.set("event", event["data"]))
    plugin.route("/tea/{cup}")(lambda request, cup: Response(418, text=f"{request.method} {cup}"))
    host = Host(plugin)
    host.schedule("nightly", datetime(2030, 1, 1, tzinfo=timezone.utc))
    host.handle("w", {"event_type": "a", "data": {"n": 1}})
    assert (host.state("at"), host.state("event")) == ("2030-01-01T00:00:00+00:00", {"n": 1})
    answer = host.route("/tea/{cup}", {"cup": "mug"}, method="GET")
    assert (answer.status, answer.text()) == (418, "GET mug")
    with pytest.raises(NotFound):
        host.schedule("hourly")


def test_a_changed_configuration_is_given_with_the_one_before() -> None:
    plugin = Plugin("a")
    plugin.config_changed(lambda previous: state.set("seen", [previous["foo"], plugin.config["foo"]]))
    host = Host(plugin, config={"foo": "bar"})
    host.change_config({"foo": "baz"})
    assert host.state("seen") == ["bar", "baz"]


def test_a_process_is_finished_once() -> None:
    plugin = Plugin("a")

    @plugin.process()
    class Vote(Process):
        def start(self) -> None:
            self.url = "https://vote.example/1"
            self.state.set("votes", 0)

        def close(self) -> None:
            self.complete({"votes": self.state.get("votes")})

    @plugin.process()
    class Idle(Process):
        def start(self) -> None: ...
        def close(self) -> None: ...

    host = Host(plugin)
    id = host.start("vote")
    assert (host.process(id).status, host.process(id).url) == ("pending", "https://vote.example/1")
    with pytest.raises(Internal, match="no method `update`"):
        host.update(id)
    host.close(id)
    assert host.process(id).outcome == {"votes": 0}
    with pytest.raises(Conflict):
        host.close(id)
    with pytest.raises(Internal, match="the process is not completed"):
        host.close(host.start("idle"))


def test_chance_is_another_in_every_call() -> None:
    def act() -> float:
        return random.random()

    host = host_of_action(act)
    random.seed(1)
    first = host.action("act")
    random.seed(1)
    assert host.action("act") != first


def test_logging_goes_to_the_host() -> None:
    from moothall.log import HostHandler

    logger = logging.getLogger("of-a-test")
    logger.addHandler(HostHandler())

    def act() -> None:
        log.info("tea")
        logger.warning("no %s", "tea")

    host = host_of_action(act)
    host.action("act")
    assert host.log == [("info", "tea"), ("warn", "no tea")]
