"""Turns a platform's webhooks into events. The host checks their signatures before it calls the plugin."""

from dataclasses import dataclass, field
from typing import Annotated

from moothall import Plugin, Response, Secret, WebhookRequest, events, log, state


@dataclass
class Config:
    """What a community sets when it enables the plugin."""

    signing_secret: Annotated[Secret, "With what the platform signs its webhooks."]
    ignored_accounts: Annotated[list[str], "Posts of these accounts are no events."] = field(default_factory=list)


@dataclass
class Posted:
    """The body of the platform's webhook."""

    id: str
    account: str
    text: str


@dataclass
class PostedEvent:
    """What drivers are told."""

    id: Annotated[str, "The platform's id of the post."]
    text: str


@dataclass
class Received:
    posts: Annotated[int, "How many posts became events."]


plugin = Plugin(
    "my-plugin",
    version="0.1.0",
    title="My Plugin",
    description="Turns a platform's webhooks into events.",
    auth_type="api_key",
    config=Config,
)
plugin.event("posted", PostedEvent, description="Somebody posted on the platform.")

SIGNED = {"scheme": "hmac-sha256", "secret": "/signing_secret", "header": "X-Signature-256", "prefix": "sha256="}


@plugin.webhook(verify=SIGNED)
def receive(request: WebhookRequest) -> Response:
    posted = request.json(Posted)
    if posted.account in plugin.config.ignored_accounts:
        log.info(f"post {posted.id} of {posted.account} is ignored")
        return Response()
    state.set("posts", state.get("posts", 0) + 1)
    initiator = {"user_id": posted.account, "provider": "my-plugin"}
    # A platform that sends a post twice makes one event.
    events.emit("posted", PostedEvent(posted.id, posted.text), initiator=initiator, dedupe_key=f"post-{posted.id}")
    return Response()


@plugin.action(read_only=True)
def received() -> Received:
    """How many posts became events."""
    return Received(state.get("posts", 0))
