"""Configurations and settings as the host keeps them: checked, and with the secrets taken out."""

from __future__ import annotations

from typing import Any

from .schemas import accepted, resolved


def taken(schema: Any, value: Any, what: str) -> tuple[Any, dict[str, str]]:
    """What a guest sees, and its secrets by JSON Pointer."""
    schema = {"type": "object"} if schema is None else schema
    secrets: dict[str, str] = {}
    return _hidden(schema, schema, accepted(schema, value, what), "", secrets), secrets


def _hidden(root: Any, schema: Any, value: Any, pointer: str, secrets: dict[str, str]) -> Any:
    schema = resolved(root, schema)
    if isinstance(value, str) and _is_secret(root, schema):
        secrets[pointer] = value
        return {"$secret": pointer}
    if isinstance(value, list):
        return [_hidden(root, schema.get("items"), one, f"{pointer}/{at}", secrets) for at, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    inner = schema.get("properties", {})
    escaped = {key: key.replace("~", "~0").replace("/", "~1") for key in value}
    return {key: _hidden(root, inner.get(key), one, f"{pointer}/{escaped[key]}", secrets) for key, one in value.items()}


def _is_secret(root: Any, schema: dict[str, Any]) -> bool:
    if schema.get("writeOnly") is True or schema.get("format") == "password":
        return True
    return any(_is_secret(root, resolved(root, one)) for one in schema.get("anyOf", []))


def at(value: Any, pointer: str) -> Any:
    """The value at a JSON Pointer."""
    for key in pointer.split("/")[1:]:
        value = value.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return value
