"""People of the community and their accounts on platforms."""

from __future__ import annotations

from typing import Any

from .host import ask, from_json
from .schema import to_json


class Accounts:
    def link(self, account: Any) -> Any:
        """Links an account; returns it as it will be."""
        return from_json(ask("accounts", "link", to_json(account, "the account")))

    def unlink(self, platform_type: str, identifier: str, community_platform_id: str | None = None) -> bool:
        return ask("accounts", "unlink", platform_type, identifier, community_platform_id)

    def find(self, platform_type: str, identifier: str, community_platform_id: str | None = None) -> Any:
        return from_json(ask("accounts", "find", platform_type, identifier, community_platform_id))

    def user(self, external_id: str) -> Any:
        return from_json(ask("accounts", "user", external_id))


accounts = Accounts()
