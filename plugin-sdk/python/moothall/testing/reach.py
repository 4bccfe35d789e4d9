"""Which hosts a plugin can reach in a test: those that its manifest asks for.

It never allows more than the real host, or a plugin would pass its tests and fail in use.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..errors import Forbidden, Invalid
from .config import at

PORTS = {"http": 80, "https": 443}


def check_reach(url: str, asked: list[str], config: Any, settings: Any) -> None:
    """Raises `Forbidden` unless one of the asked hosts covers the URL."""
    target = _parsed(url)
    if target is None or target.username is not None:
        raise Invalid(f"the request is not valid: `{url}` is no URL of http or https without a user")
    if not any(_covers(pattern, target, config, settings) for pattern in asked):
        raise Forbidden(
            f"the plugin may not reach `{target.netloc}`: its manifest does not request it; "
            'add it to `requests={"http": […]}`'
        )


def _parsed(url: Any) -> SplitResult | None:
    try:
        target = urlsplit(url) if isinstance(url, str) else None
        return target if target and target.scheme in PORTS and target.hostname and target.port != 0 else None
    except ValueError:
        return None


def _covers(pattern: str, target: SplitResult, config: Any, settings: Any) -> bool:
    of, colon, pointer = pattern.partition(":")
    if colon and of in ("config", "settings") and pointer.startswith("/"):
        named = _parsed(at(config if of == "config" else settings, pointer))
        return named is not None and (_name(named), _port(named)) == (_name(target), _port(target))
    matched = re.fullmatch(r"(.*?)(?::(\d+))?", pattern)
    assert matched is not None
    wanted = int(matched[2]) if matched[2] else PORTS[target.scheme]
    return _port(target) == wanted and _is_name(matched[1].lower(), _name(target))


def _name(url: SplitResult) -> str:
    return (url.hostname or "").removesuffix(".")


def _port(url: SplitResult) -> int:
    return url.port or PORTS[url.scheme]


def _is_name(pattern: str, name: str) -> bool:
    if pattern == "*":
        return True
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
