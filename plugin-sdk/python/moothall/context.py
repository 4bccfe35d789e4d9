"""Which instance the host calls, and why. Nothing here changes during a call."""

from __future__ import annotations

from .host import ask


class Context:
    @property
    def community(self) -> str:
        return ask("context", "community")

    @property
    def community_name(self) -> str:
        return ask("context", "community_name")

    @property
    def instance(self) -> int:
        return ask("context", "instance")

    @property
    def community_platform_id(self) -> str | None:
        return ask("context", "community_platform_id")

    @property
    def call(self) -> str:
        return ask("context", "call")

    @property
    def origin(self) -> str:
        return ask("context", "origin")

    @property
    def request_id(self) -> str:
        return ask("context", "request_id")


context = Context()
