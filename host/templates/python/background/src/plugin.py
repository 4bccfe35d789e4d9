"""Asks a feed for news, tells drivers of each item as an event, and counts them once a day: what a plugin does by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from moothall import Plugin, events, log, state

from feed import Item, items_after


@dataclass
class Config:
    """What a community sets when it enables the plugin."""

    feed_url: Annotated[str, "The feed's URL. The operator grants its host."]


@dataclass
class Report:
    today: Annotated[int, "The items of today so far."]
    yesterday: Annotated[int | None, "The items of the day before."]


plugin = Plugin(
    "my-plugin",
    version="0.1.0",
    title="My Plugin",
    description="Asks a feed for news.",
    config=Config,
    requests={"http": ["config:/feed_url"]},
)
plugin.event("item_found", Item, description="The feed has a new item.")


@plugin.producer(every="60s", jitter="5s")
def poll() -> None:
    """Called for each community. What it writes is committed together with the time of the next call."""
    for item in items_after(plugin.config.feed_url, state.get("last_id", 0)):
        state.set("last_id", item.id)
        events.emit("item_found", item)


@plugin.worker("count", events=["my-plugin:item_found"])
def count(event: dict[str, Any]) -> None:
    """Handles each event once, at its own pace."""
    today = state.get("today", 0) + 1
    log.info(f"`{event['data']['title']}` is item {today} of today")
    state.set("today", today)


@plugin.schedule("midnight", cron="0 0 * * *")
def midnight(scheduled_at: datetime) -> None:
    state.set("yesterday", state.get("today", 0))
    state.set("today", 0)


@plugin.action(read_only=True)
def report() -> Report:
    """How many items there were."""
    return Report(state.get("today", 0), state.get("yesterday"))
