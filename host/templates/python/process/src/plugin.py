"""A vote: webhooks bring the ballots; it ends when enough people have voted, or when somebody closes it."""

from dataclasses import dataclass
from typing import Annotated

from moothall import Plugin

from vote import Outcome, Vote


@dataclass
class Config:
    """What a community sets when it enables the plugin."""

    webhook_slug: Annotated[str, "Makes the URL for ballots hard to guess: its last part."]


plugin = Plugin("my-plugin", version="0.1.0", title="My Plugin", description="Votes.", config=Config)
plugin.process("vote", outcome=Outcome, every="60s")(Vote)
