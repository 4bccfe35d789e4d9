"""What the in-memory host keeps: a value that can be put back, so that a failed call leaves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..web import Response
from .placing import Sent


@dataclass
class EmittedEvent:
    id: str
    type: str
    data: Any
    initiator: Any
    dedupe_key: str | None


@dataclass
class ProcessRecord:
    """A process as drivers see it."""

    name: str
    status: str = "created"
    outcome: Any = field(default_factory=dict)
    errors: Any = field(default_factory=dict)
    url: str | None = None
    closing_at: str | None = None
    state: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Kept:
    """Everything that outlives a call."""

    state: dict[str, str] = field(default_factory=dict)
    events: list[EmittedEvent] = field(default_factory=list)
    processes: dict[str, ProcessRecord] = field(default_factory=dict)


@dataclass
class Call:
    id: str
    origin: str
    process: str | None = None
    is_read_only: bool = False
    writes: int = 0
    events: int = 0
    requests: int = 0


@dataclass
class World:
    manifest: dict[str, Any]
    community: str
    kept: Kept
    config: Any = None
    settings: Any = None
    secrets: dict[str, str] = field(default_factory=dict)
    may_reveal: set[str] = field(default_factory=set)
    script: list[tuple[str, str, Response]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    call: Call = field(default_factory=lambda: Call("0", "none"))
