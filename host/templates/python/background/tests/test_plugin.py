"""The plugin as a host calls it, without a host, and with a feed that answers what a test says."""

import pytest
from moothall import Response, Unavailable
from moothall.testing import Host

from plugin import plugin

FEED = "https://feed.example/items"


def enabled() -> Host:
    return Host(plugin, config={"feed_url": FEED})


def test_each_item_is_an_event_once() -> None:
    host = enabled()
    items = [{"id": 3, "title": "Tea"}, {"id": 5, "title": "Cake"}]
    host.answer("GET", f"{FEED}?after=0", Response(json=items))
    host.answer("GET", f"{FEED}?after=5", Response(json=[]))
    host.tick()
    host.tick()
    assert [event.data["title"] for event in host.events] == ["Tea", "Cake"]


def test_a_feed_that_fails_is_asked_again_for_the_same() -> None:
    host = enabled()
    host.answer("GET", f"{FEED}?after=0", Response(503))
    with pytest.raises(Unavailable):
        host.tick()
    assert host.state("last_id") is None


def test_items_are_counted_until_midnight() -> None:
    host = enabled()
    for id in (1, 2):
        host.handle("count", {"event_type": "item_found", "data": {"id": id, "title": "Tea"}})
    assert host.action("report") == {"today": 2, "yesterday": None}
    host.schedule("midnight")
    assert host.action("report") == {"today": 0, "yesterday": 2}
