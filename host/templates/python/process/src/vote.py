"""The process: what a vote keeps between calls, and how it ends."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Annotated

from mashumaro.jsonschema.annotations import MinItems, Minimum
from moothall import Process, WebhookRequest


@dataclass
class Kept:
    """What the vote keeps between calls."""

    title: str
    options: list[str]
    quorum: int | None
    ballots: Annotated[dict[str, str], "Each person's last choice."] = field(default_factory=dict)


@dataclass
class Outcome:
    title: str
    votes: dict[str, int]


@dataclass
class Ballot:
    """A webhook with a ballot."""

    account: str
    choice: str


class Vote(Process):
    """A vote whose ballots come by webhook."""

    def start(
        self,
        title: Annotated[str, "The question."],
        options: Annotated[list[str], MinItems(1), "The choices; by default yes and no."] = ["yes", "no"],
        quorum: Annotated[Annotated[int, Minimum(1)] | None, "The vote ends when this many people have voted."] = None,
        minutes: Annotated[Annotated[int, Minimum(1)] | None, "The vote ends after so many minutes."] = None,
    ) -> None:
        self.keep(Kept(title, options, quorum))
        if minutes is not None:
            self.closing_at = datetime.now(timezone.utc) + timedelta(minutes=minutes)

    def update(self) -> None:
        kept = self.kept()
        if kept.quorum is not None and len(kept.ballots) >= kept.quorum:
            self.complete(result(kept))

    def close(self) -> None:
        self.complete(result(self.kept()))

    def receive_webhook(self, request: WebhookRequest) -> None:
        ballot = request.json(Ballot)
        kept = self.kept()
        if ballot.choice in kept.options:
            kept.ballots[ballot.account] = ballot.choice
            self.keep(kept)

    def kept(self) -> Kept:
        return self.state.get("vote", kind=Kept)

    def keep(self, kept: Kept) -> None:
        self.state.set("vote", kept)


def result(kept: Kept) -> Outcome:
    """Every option with its votes, also one without any."""
    choices = list(kept.ballots.values())
    return Outcome(kept.title, {option: choices.count(option) for option in kept.options})
