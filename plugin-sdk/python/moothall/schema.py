"""JSON Schemas from type hints, and values of those types from JSON, by mashumaro.

Constraints are its own: `Annotated[str, MaxLength(100)]`. A text beside a type is its description:
`Annotated[str, "Who is greeted."]`.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from typing import Any, Callable, get_args, get_origin, get_type_hints

from mashumaro.codecs import BasicDecoder, BasicEncoder
from mashumaro.exceptions import InvalidFieldValue
from mashumaro.jsonschema import DRAFT_2020_12, build_json_schema
from mashumaro.jsonschema.models import Context, JSONSchema, JSONSchemaInstanceType
from mashumaro.jsonschema.plugins import BasePlugin
from mashumaro.jsonschema.schema import Instance

from .secrets import Secret


@dataclass(unsafe_hash=True)
class _SecretSchema(JSONSchema):
    writeOnly: bool = True


class _Ours(BasePlugin):
    """Secrets, and texts as descriptions."""

    def get_schema(self, instance: Instance, ctx: Context, schema: JSONSchema | None = None) -> JSONSchema | None:
        if instance.type is Secret:
            schema = _SecretSchema(type=JSONSchemaInstanceType.STRING)
        for note in instance.annotations:
            if isinstance(note, str) and schema is not None:
                schema.description = note
        return schema


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a type."""
    return _without_null_defaults(build_json_schema(kind, dialect=DRAFT_2020_12, plugins=[_Ours()]).to_dict())


def _without_null_defaults(schema: Any) -> Any:
    """What is absent is None without a word of the host's, and a configuration shows what was set."""
    if isinstance(schema, list):
        return [_without_null_defaults(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_null_defaults(value) for key, value in schema.items() if (key, value) != ("default", None)}


class Taken:
    """What a function takes as JSON: its parameters by name, each with its type and default."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = get_type_hints(function, include_extras=True)
        parameters = [one for one in inspect.signature(function).parameters.values() if one.name != "self"]
        missing = [one.name for one in parameters if one.name not in hints]
        if missing:
            raise TypeError(f"`{function.__name__}` takes `{missing[0]}` without a type: write `{missing[0]}: str`")
        fields = [(one.name, hints[one.name], _default(one)) for one in parameters]
        self._names = [one.name for one in parameters]
        self._defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
        self._type = make_dataclass(function.__name__, fields, kw_only=True, namespace={"__doc__": ""})
        self._decoder: BasicDecoder[Any] = BasicDecoder(self._type)

    @property
    def schema(self) -> dict[str, Any]:
        schema = schema_of(self._type)
        for name, default in self._defaults.items():
            # mashumaro leaves out those that are made anew each time.
            if default is not None:
                schema["properties"][name].setdefault("default", plain(default))
        return {key: value for key, value in schema.items() if key != "title"}

    def values(self, text: str) -> dict[str, Any]:
        """The arguments in a JSON text, which the host has checked by the schema."""
        taken = self._decoder.decode(json.loads(text))
        return {name: getattr(taken, name) for name in self._names}


def _default(parameter: inspect.Parameter) -> Any:
    if parameter.default is parameter.empty:
        return field()
    if isinstance(parameter.default, (list, dict, set)):
        return field(default_factory=lambda: parameter.default.copy())
    return field(default=parameter.default)


@cache
def _decoder(kind: Any) -> BasicDecoder:
    return BasicDecoder(kind)


def read(kind: Any, value: Any) -> Any:
    """A value of the type; without a type the value itself."""
    if kind is None:
        return value
    origin, inner = get_origin(kind), get_args(kind)
    # So that only the types within need code of their own, which was made at the build.
    if origin is list and isinstance(value, list):
        return [read(inner[0], one) for one in value]
    if origin is dict and isinstance(value, dict) and inner[0] is str:
        return {key: read(inner[1], one) for key, one in value.items()}
    return _decoder(kind).decode(value)


def prepare(kind: Any) -> None:
    """Makes the code that reads and writes a type now: each call begins with the memory of the build."""
    _decoder(kind)
    _encoder(kind)


def plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses, dates, enums, also in lists and dictionaries."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    kind: Any = type(value)
    return _encoder(kind).encode(value)


@cache
def _encoder(kind: Any) -> BasicEncoder:
    return BasicEncoder(kind)


def to_json(value: Any, what: str) -> str:
    """A value as a JSON text; what is no JSON is refused here, with the place in the author's code."""
    try:
        return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    except Exception as failed:
        raise TypeError(f"{what} is no JSON: {failed}") from failed


__all__ = ["InvalidFieldValue", "Taken", "plain", "read", "schema_of", "to_json"]
