"""What an author writes becomes the manifest and the world, or a message that says what is wrong where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import pytest
from mashumaro.jsonschema.annotations import MaxLength

from moothall import Plugin, Process, Response, Secret
from moothall.world import world_of


@dataclass
class Config:
    api_key: Secret
    foo: str = "bar"
    spare: Secret | None = None


def test_only_what_the_plugin_has_is_in_its_world() -> None:
    plugin = Plugin("a")
    assert plugin.interfaces == ["plugin"]
    plugin.producer()(lambda: None)
    assert plugin.interfaces == ["plugin", "producer"]
    plugin.webhook()(lambda request: None)
    exported = [line.strip() for line in world_of(plugin.interfaces).splitlines() if "export" in line]
    assert exported == ["export plugin;", "export webhooks;", "export producer;"]


def test_the_manifest_says_what_was_written_and_nothing_else() -> None:
    plugin = Plugin("a", title="An A", homepage="https://a.example", auth_type="api_key", config=Config)

    @plugin.action(read_only=True)
    def times_two(value: Annotated[int, "The number to double."], mode: Literal["fast", "slow"] = "fast") -> int:
        return value * 2

    @plugin.process(every="5m")
    class MyVote(Process):
        def start(self, at: datetime | None = None, options: list[str] = ["yes", "no"]) -> None: ...
        def close(self) -> None: ...
        def receive_webhook(self, request) -> None: ...

    @plugin.config_changed
    def changed(previous) -> None: ...

    @plugin.worker("w", events=["edge2:*"], max_attempts=3)
    def handle(event) -> None: ...

    @plugin.route("/teapot", methods=["GET"], auth="public")
    def teapot(request) -> Response: ...

    plugin.producer(every="30s", jitter="5s")(lambda: None)
    manifest = plugin.manifest
    (process,) = manifest.pop("processes")
    config = manifest.pop("config_schema")
    assert manifest == {
        "name": "a",
        "title": "An A",
        "homepage": "https://a.example",
        "auth_type": "api_key",
        "lifecycle": ["config-changed"],
        "producer": {"every": "30s", "jitter": "5s"},
        "actions": [
            {
                "slug": "times-two",
                "read_only": True,
                "parameters_schema": {
                    "type": "object",
                    "properties": {
                        "value": {"type": "integer", "description": "The number to double."},
                        "mode": {"enum": ["fast", "slow"], "default": "fast"},
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
                "response_schema": {"type": "integer"},
            }
        ],
        "workers": [{"name": "w", "events": ["edge2:*"], "max_attempts": 3}],
        "routes": [{"path": "/teapot", "methods": ["GET"], "auth": "public"}],
    }
    assert (process["name"], process["functions"]) == ("my-vote", ["close", "receive-webhook"])
    assert process["schedule"] == {"every": "5m"}
    assert process["parameters_schema"]["properties"]["options"]["default"] == ["yes", "no"]
    assert "default" not in process["parameters_schema"]["properties"]["at"]
    assert config["properties"]["api_key"] == {"type": "string", "writeOnly": True}
    assert config["properties"]["spare"]["anyOf"][0] == {"type": "string", "writeOnly": True}
    assert config["required"] == ["api_key"]


def test_a_mistake_is_named() -> None:
    plugin = Plugin("a")
    with pytest.raises(TypeError, match="`greet` takes `name` without a type: write `name: str`"):

        @plugin.action()
        def greet(name): ...

    with pytest.raises(TypeError, match="needs a method `start`, and the base `Process`"):

        @plugin.process()
        class Vote: ...

    plugin.producer()(lambda: None)
    with pytest.raises(TypeError, match="two of the function for 'producer'"):
        plugin.producer()(lambda: None)


def test_constraints_stay_with_their_types() -> None:
    plugin = Plugin("a")

    @plugin.action()
    def greet(names: list[Annotated[str, MaxLength(3)]]) -> None: ...

    schema = plugin.manifest["actions"][0]["parameters_schema"]
    assert schema["properties"]["names"] == {"type": "array", "items": {"type": "string", "maxLength": 3}}
