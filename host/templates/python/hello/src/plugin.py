"""Greets people, and counts them."""

from dataclasses import dataclass
from typing import Annotated

from moothall import Plugin, state


@dataclass
class Config:
    """What a community sets when it enables the plugin."""

    greeting: Annotated[str, "The word before the name."] = "Hello"


@dataclass
class Greeting:
    text: str
    greeted: Annotated[int, "How many were greeted so far, this one included."]


plugin = Plugin(
    "my-plugin",
    version="0.1.0",
    title="My Plugin",
    description="Greets people, and counts them.",
    config=Config,
)


@plugin.action(public=True)
def greet(name: Annotated[str, "Who is greeted."]) -> Greeting:
    """Greets somebody."""
    greeted = state.get("greeted", 0) + 1
    state.set("greeted", greeted)
    return Greeting(f"{plugin.config.greeting}, {name}!", greeted)
