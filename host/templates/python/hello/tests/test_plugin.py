"""The plugin as a host calls it, without a host."""

import pytest
from moothall import Invalid
from moothall.testing import Host

from plugin import plugin


def test_people_are_greeted_and_counted() -> None:
    host = Host(plugin, config={"greeting": "Ahoy"})
    assert host.action("greet", name="Ann") == {"text": "Ahoy, Ann!", "greeted": 1}
    assert host.action("greet", name="Bob") == {"text": "Ahoy, Bob!", "greeted": 2}


def test_without_a_configuration_the_greeting_is_hello() -> None:
    assert Host(plugin).action("greet", name="Ann")["text"] == "Hello, Ann!"


def test_nobody_is_greeted_without_a_name() -> None:
    host = Host(plugin)
    with pytest.raises(Invalid):
        host.action("greet")
    assert host.state("greeted") is None
