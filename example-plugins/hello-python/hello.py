"""A plugin in Python with one of each: a configuration with a secret, state, actions, an event, outbound HTTP,
a receiver of webhooks, a producer, and a governance process."""

import random
from dataclasses import dataclass
from typing import Annotated

from mashumaro.jsonschema.annotations import MaxLength, Maximum, Minimum

from moothall import Invalid, Plugin, Response, Secret, Unavailable, WebhookRequest, events, http, log, state
from vote import Vote


@dataclass
class Config:
    webhook_slug: Annotated[str | None, "Makes the URL for webhooks hard to guess."] = None
    greeting: str = "Hello"
    server_url: Annotated[str | None, "The platform's URL. Without it, the producer does nothing."] = None
    api_key: Annotated[Secret | None, "The key of the community's account on the platform."] = None


@dataclass
class Greeted:
    name: str


@dataclass
class Greeting:
    text: str
    greeted: int


@dataclass
class Drawn:
    number: int


@dataclass
class Forecast:
    sky: str


@dataclass
class Post:
    id: int
    text: str


plugin = Plugin(
    "hello-python",
    version="0.1.0",
    title="Hello, Python",
    description="Greets people, in Python.",
    auth_type="api_key",
    config=Config,
    requests={"http": ["config:/server_url"]},
)
plugin.event("greeted", Greeted, description="Somebody was greeted.")
plugin.event("posted", description="Something was posted on the platform.")
plugin.process("vote", outcome=Vote.Outcome, every="60s")(Vote)


@plugin.initialize
def initialize() -> None:
    state.set("greeted", 0)


@plugin.action(public=True)
def greet(name: Annotated[str, MaxLength(100)]) -> Greeting:
    """Greets somebody, and counts."""
    if name == "nobody":
        raise Invalid("nobody cannot be greeted; name somebody")
    greeted = state.get("greeted", 0) + 1
    state.set("greeted", greeted)
    events.emit("greeted", Greeted(name))
    return Greeting(f"{plugin.config.greeting}, {name}!", greeted)


@plugin.action(read_only=True)
def draw(most: Annotated[int, Minimum(1), Maximum(1_000_000)]) -> Drawn:
    """Draws a number by lot."""
    return Drawn(random.randint(1, most))


@plugin.action()
def forecast(city: Annotated[str, MaxLength(100)]) -> Forecast:
    """Asks the platform for tomorrow's weather."""
    config = plugin.config
    if config.server_url is None:
        raise Unavailable("no `server_url` is configured")
    answer = http.get(f"{config.server_url}/forecast", query={"city": city}, bearer=config.api_key)
    log.info(f"the platform answered {answer.status}")
    return Forecast(answer.raise_for_status().json()["days"][0]["sky"])


@plugin.webhook()
def receive(request: WebhookRequest) -> Response | None:
    posted = request.json()
    if "vote" in posted:
        return None
    initiator = {"user_id": posted["account"], "provider": "platform"}
    events.emit("posted", {"text": posted["text"]}, initiator=initiator)
    return Response(202, json={"received": True})


@plugin.producer(every="60s")
def poll() -> None:
    config = plugin.config
    if config.server_url is None:
        return
    after = state.get("last_post", 0)
    answer = http.get(f"{config.server_url}/posts", query={"after": after}, bearer=config.api_key)
    for post in answer.raise_for_status().json(list[Post]):
        events.emit("posted", {"text": post.text}, dedupe_key=f"post-{post.id}")
        state.set("last_post", post.id)
