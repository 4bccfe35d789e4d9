"""The plugin as a host calls it, without a host: after the check of a webhook's signature."""

import pytest
from moothall import Invalid
from moothall.testing import Host

from plugin import plugin

CONFIG = {"signing_secret": "a secret of at least 16 bytes", "ignored_accounts": ["bot"]}


def test_a_post_becomes_an_event_once() -> None:
    host = Host(plugin, config=CONFIG)
    for _ in range(2):
        assert host.webhook(json={"id": "7", "account": "ann", "text": "Tea?"}).status == 200
    (event,) = host.events
    assert (event.type, event.data) == ("posted", {"id": "7", "text": "Tea?"})


def test_posts_are_counted_but_not_those_of_ignored_accounts() -> None:
    host = Host(plugin, config=CONFIG)
    for id, account in [("1", "ann"), ("2", "bot")]:
        host.webhook(json={"id": id, "account": account, "text": "Tea?"})
    assert host.action("received") == {"posts": 1}


def test_a_body_that_is_no_post_is_an_error() -> None:
    with pytest.raises(Invalid):
        Host(plugin, config=CONFIG).webhook(json={"hello": "world"})
