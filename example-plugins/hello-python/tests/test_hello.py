"""The plugin's own tests: an in-memory host, no wasm. `pytest` runs them."""

import pytest
from moothall import Invalid, PluginError, Response
from moothall.testing import Host

from hello import plugin

CONFIG = {"server_url": "https://platform.example", "api_key": "s3cret"}


def test_people_are_greeted_and_counted_and_drivers_hear_of_it() -> None:
    host = Host(plugin, config={"greeting": "Hi"})
    host.enable()
    assert host.action("greet", name="Ann") == {"text": "Hi, Ann!", "greeted": 1}
    assert host.action("greet", name="Bob") == {"text": "Hi, Bob!", "greeted": 2}
    assert [event.data for event in host.events] == [{"name": "Ann"}, {"name": "Bob"}]


def test_a_refusal_leaves_nothing_behind() -> None:
    host = Host(plugin, state={"greeted": 7})
    with pytest.raises(Invalid, match="name somebody"):
        host.action("greet", name="nobody")
    with pytest.raises(Invalid):
        host.action("greet")
    assert (host.state("greeted"), host.events) == (7, [])


def test_the_platform_is_asked_with_the_key_which_the_plugin_does_not_see() -> None:
    host = Host(plugin, config=CONFIG)
    url = "https://platform.example/forecast?city=Bad+T%C3%B6lz"
    host.answer("GET", url, Response(json={"days": [{"sky": "blue"}]}))
    assert host.action("forecast", city="Bad Tölz") == {"sky": "blue"}
    assert host.sent[0].header("authorization") == "Bearer s3cret"


def test_what_goes_wrong_unforeseen_is_in_the_log_and_not_in_the_answer() -> None:
    host = Host(plugin, config=CONFIG)
    host.answer("GET", "https://platform.example/forecast?city=Rome", Response(json={"days": []}))
    with pytest.raises(PluginError, match="^the plugin failed unexpectedly") as failed:
        host.action("forecast", city="Rome")
    assert failed.value.kind == "internal"
    (message,) = [message for level, message in host.log if level == "error"]
    assert "IndexError" in message and "hello.py" in message


def test_posts_are_emitted_once_by_webhook_and_by_polling() -> None:
    host = Host(plugin, config=CONFIG)
    assert host.webhook(json={"text": "Tea?", "account": "ann"}).status == 202
    assert host.events[0].initiator == {"user_id": "ann", "provider": "platform"}
    for after in (0, 4):
        posts = Response(json=[{"id": 4, "text": "Cake?"}])
        host.answer("GET", f"https://platform.example/posts?after={after}", posts)
        host.tick()
    assert [event.data["text"] for event in host.events] == ["Tea?", "Cake?"]


def test_a_vote_ends_at_its_quorum() -> None:
    host = Host(plugin)
    id = host.start("vote", question="Lunch?", quorum=2)
    assert host.webhook(json={"vote": "yes", "account": "ann"}).json() == {"counted": 1}
    host.update(id)
    assert host.process(id).status == "pending"
    host.webhook(json={"vote": "no", "account": "bob"})
    host.webhook(json={"vote": "yes", "account": "bob"})
    host.update(id)
    assert host.process(id).status == "completed"
    assert host.process(id).outcome == {"question": "Lunch?", "votes": {"yes": 2, "no": 0}}


def test_a_vote_that_somebody_closes_counts_what_there_is() -> None:
    host = Host(plugin)
    id = host.start("vote", question="Lunch?", options=["pizza", "soup"], closing_at="2030-01-01T12:00:00Z")
    assert host.process(id).closing_at == "2030-01-01T12:00:00+00:00"
    host.webhook(json={"vote": "soup", "account": "ann"})
    host.close(id)
    assert host.process(id).outcome["votes"] == {"pizza": 0, "soup": 1}
