"""Governance processes. What a call sets is committed with the call."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .host import ask, from_json
from .schema import to_json
from .state import ProcessState


class Process:
    """The process that a call is for: the base of an author's class, whose methods are
    `start(self, …)`, `update(self)`, `close(self)` and `receive_webhook(self, request)`."""

    state = ProcessState()

    @property
    def id(self) -> str:
        return ask("process", "id")

    @property
    def status(self) -> str:
        """`created`, `pending` or `completed`."""
        return ask("process", "status")

    @property
    def outcome(self) -> Any:
        return from_json(ask("process", "outcome"))

    @outcome.setter
    def outcome(self, outcome: Any) -> None:
        ask("process", "set_outcome", to_json(outcome, "the outcome"))

    @property
    def errors(self) -> Any:
        return from_json(ask("process", "errors"))

    @errors.setter
    def errors(self, errors: Any) -> None:
        ask("process", "set_errors", to_json(errors, "the errors"))

    @property
    def url(self) -> str | None:
        return ask("process", "url")

    @url.setter
    def url(self, url: str | None) -> None:
        ask("process", "set_url", url)

    @property
    def closing_at(self) -> datetime | None:
        moment = ask("process", "closing_at")
        return None if moment is None else datetime.fromisoformat(moment)

    @closing_at.setter
    def closing_at(self, moment: datetime | str | None) -> None:
        """A moment with a time zone, or a text of RFC 3339."""
        ask("process", "set_closing_at", moment.isoformat() if isinstance(moment, datetime) else moment)

    def complete(self, outcome: Any) -> None:
        """Sets the outcome, then completes the process: a completed one is never reopened."""
        self.outcome = outcome
        ask("process", "set_status", "completed")
