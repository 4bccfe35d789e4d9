"""The checks that the host makes by the schemas of the manifest: defaults are filled in, then the value is checked."""

from __future__ import annotations

import copy
from typing import Any

from jsonschema import Draft202012Validator

from ..errors import Internal, Invalid


def accepted(schema: Any, value: Any, what: str) -> Any:
    """A copy with its defaults; raises `Invalid` with every place that does not fit."""
    taken = _filled(schema, schema, copy.deepcopy(value))
    wrong = _faults(schema, taken)
    if not wrong:
        return taken
    raise Invalid(f"{what} does not fit its schema: {_said(wrong)}", details={"errors": wrong})


def check_output(schema: Any, value: Any, what: str) -> None:
    """Checks what the plugin hands back; what does not fit is the plugin's fault."""
    wrong = _faults(schema, value)
    if wrong:
        details = {"code": "plugin_bad_output", "errors": wrong}
        raise Internal(f"{what} breaks its schema: {_said(wrong)}", details=details)


def _faults(schema: Any, value: Any) -> list[dict[str, str]]:
    if schema is None:
        return []
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [one for error in checker.iter_errors(value) for one in _faults_of(error)]


def _faults_of(error: Any) -> list[dict[str, str]]:
    """An error with its place; unknown members are named each by itself, as the host names them."""
    path = list(error.absolute_path)
    if error.validator != "additionalProperties" or not isinstance(error.validator_value, bool):
        return [{"path": _pointer(path), "message": error.message}]
    unknown = [key for key in error.instance if key not in error.schema.get("properties", {})]
    return [{"path": _pointer([*path, key]), "message": "no such member is known here"} for key in unknown]


def _pointer(path: Any) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def _said(wrong: list[dict[str, str]]) -> str:
    return ", ".join(f"'{one['path']}' {one['message']}" for one in wrong)


def _filled(root: Any, schema: Any, value: Any) -> Any:
    """Fills in defaults as the host does: of properties, nested, through local references."""
    schema = resolved(root, schema)
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            default = resolved(root, inner).get("default")
            if name not in value and default is not None:
                value[name] = copy.deepcopy(default)
            if name in value:
                value[name] = _filled(root, inner, value[name])
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_filled(root, schema["items"], one) for one in value]
    return value


def resolved(root: Any, schema: Any) -> dict[str, Any]:
    """The schema, with what a reference into the same document leads to."""
    if not isinstance(schema, dict):
        return {}
    reference = schema.get("$ref", "")
    if not reference.startswith("#/"):
        return schema
    found = root
    for key in reference[2:].split("/"):
        found = found.get(key, {})
    return {**resolved(root, found), **schema}
