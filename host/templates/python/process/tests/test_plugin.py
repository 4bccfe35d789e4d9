"""The plugin as a host calls it, without a host."""

import pytest
from moothall import Invalid
from moothall.testing import Host

from plugin import plugin


def started(**parameters: object) -> tuple[Host, str]:
    host = Host(plugin, config={"webhook_slug": "hard-to-guess"})
    return host, host.start("vote", **parameters)


def test_the_quorum_ends_a_vote_with_each_person_s_last_choice() -> None:
    host, id = started(title="Tea?", quorum=2)
    for account, choice in [("ann", "no"), ("ann", "yes"), ("eve", "perhaps")]:
        host.webhook(json={"account": account, "choice": choice})
    host.update(id)
    assert host.process(id).status == "pending"

    host.webhook(json={"account": "bob", "choice": "yes"})
    host.update(id)
    vote = host.process(id)
    assert (vote.status, vote.outcome) == ("completed", {"title": "Tea?", "votes": {"yes": 2, "no": 0}})


def test_a_vote_can_be_closed_and_has_a_time_at_which_the_host_closes_it() -> None:
    host, id = started(title="When?", options=["now"], minutes=5)
    assert host.process(id).closing_at is not None
    host.close(id)
    assert host.process(id).outcome == {"title": "When?", "votes": {"now": 0}}


def test_a_vote_needs_an_option() -> None:
    with pytest.raises(Invalid):
        started(title="Tea?", options=[])
