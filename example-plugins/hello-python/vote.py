"""The governance process: a vote, whose ballots come as webhooks.

It ends at its quorum, at `closing_at`, or when somebody closes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from mashumaro.jsonschema.annotations import MaxLength, MinItems, Minimum

from moothall import Process, Response, WebhookRequest


@dataclass
class Asked:
    question: str
    options: list[str]
    quorum: int | None


class Vote(Process):
    """A vote on a question."""

    @dataclass
    class Outcome:
        question: str
        votes: dict[str, int]

    def start(
        self,
        question: Annotated[str, MaxLength(500)],
        options: Annotated[list[Annotated[str, MaxLength(100)]], MinItems(2)] = ["yes", "no"],
        quorum: Annotated[Annotated[int, Minimum(1)] | None, "Ends the vote when so many have voted."] = None,
        closing_at: datetime | None = None,
    ) -> None:
        self.state.set("asked", Asked(question, options, quorum))
        self.closing_at = closing_at

    def receive_webhook(self, request: WebhookRequest) -> Response | None:
        ballot = request.json()
        if ballot.get("vote") not in self.asked.options:
            return None
        ballots = {**self.ballots, ballot["account"]: ballot["vote"]}
        self.state.set("ballots", ballots)
        return Response(202, json={"counted": len(ballots)})

    def update(self) -> None:
        quorum = self.asked.quorum
        if quorum is not None and len(self.ballots) >= quorum:
            self.complete(self.result())

    def close(self) -> None:
        self.complete(self.result())

    @property
    def asked(self) -> Asked:
        return self.state.get("asked", kind=Asked)

    @property
    def ballots(self) -> dict[str, str]:
        return self.state.get("ballots", {})

    def result(self) -> Outcome:
        cast = list(self.ballots.values())
        return self.Outcome(self.asked.question, {option: cast.count(option) for option in self.asked.options})
