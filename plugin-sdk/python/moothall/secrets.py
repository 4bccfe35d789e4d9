"""Secrets as places, not values: the host keeps the value and puts it where a request needs it."""

from __future__ import annotations

from typing import Any

from mashumaro.types import SerializableType

from .host import ask


class Secret(SerializableType):
    """A JSON Pointer into the configuration (`/api_key`), or the name of a setting."""

    def __init__(self, place: str) -> None:
        self.place = place

    def reveal(self) -> str:
        """The value itself, for a signature that the plugin makes; needs the grant `reveal`."""
        return ask("secrets", "reveal", self.handle())

    def handle(self) -> Any:
        """The host's handle, valid for this call."""
        return ask("secrets", "get" if self.place.startswith("/") else "setting", self.place)

    def __repr__(self) -> str:
        return f"Secret({self.place!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.place == self.place

    def __hash__(self) -> int:
        return hash(self.place)

    @classmethod
    def _deserialize(cls, value: Any) -> Secret:
        return cls(value["$secret"])

    def _serialize(self) -> Any:
        return {"$secret": self.place}
