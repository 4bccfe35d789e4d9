"""Makes `gateway.sql` and `gateway.json` with Metagov's own code: see README.md beside it.

Usage: python make.py GATEWAY, where GATEWAY is the folder `metagov` of a checkout of metagov/gateway.
"""

import json
import os
import random
import re
import sqlite3
import sys
import tempfile
from pathlib import Path

import requests_mock

HERE = Path(__file__).resolve().parent
FORUM = "https://forum.example.org"
TABLES = re.compile(r'(CREATE TABLE|INSERT INTO|CREATE (?:UNIQUE )?INDEX .* ON) "?core_')


def begin(gateway: str, database: Path) -> None:
    """Django with the gateway's settings and an empty database."""
    sys.path.insert(0, gateway)
    os.environ.update(
        DJANGO_SECRET_KEY="x", DATABASE_PATH=str(database), LOG_FILE=os.devnull, DJANGO_SETTINGS_MODULE="metagov.settings"
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def fill() -> None:
    from metagov.core.app import MetagovApp

    app = MetagovApp()
    acme(app.create_community("Acme Tea", slug="acme"))
    makers(app.create_community("The Makers", slug="makers"))
    octo(app.create_community("Octo", slug="octo"))
    app.create_community("A slug that no URL of the gateway's could have", slug="acme.example")
    app.create_community().enable_plugin("randomness", {"default_low": 2, "default_high": 3})


def acme(community) -> None:
    """A forum, numbers, revenue, mail, people, and processes."""
    from metagov.core import identity

    with requests_mock.Mocker() as platform:
        platform.get(f"{FORUM}/about.json", json={"about": {"title": "Acme's forum"}})
        platform.get(f"{FORUM}/admin/users/list/active.json", json=[{"id": 1, "username": "alice"}])
        platform.get(f"{FORUM}/admin/users/1.json", json={"id": 1, "username": "alice", "user_fields": {}})
        config = {"api_key": "d0a5c0de", "server_url": FORUM, "webhook_secret": "a random text of the webhook"}
        community.enable_plugin("discourse", config)
    numbers = community.enable_plugin("randomness", {"default_low": 1, "default_high": 7})
    community.enable_plugin("revshare", {})
    for pointer, weight, key in [("$alice.example", 3, "_DEFAULT"), ("$bob.example", 1, "_DEFAULT"), ("$carol.example", 2, "art")]:
        parameters = {"pointer": pointer, "weight": weight, "key": key}
        community.perform_action("revshare", "add-pointer", parameters)
    community.enable_plugin("mailgun", {"domain_name": "acme.example", "api_key": "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"})
    alice, alice_too, bob = identity.create_id(community, 3)
    identity.link_account(
        alice, community, "discourse", "alice", community_platform_id=FORUM,
        custom_data={"since": 2021}, link_type="email matching", link_quality="confirmed (weak)",
    )
    identity.link_account(alice_too, community, "randomness", "al", link_quality="guessed")
    identity.link_account(bob, community, "mailgun", "bob@acme.example")
    identity.create_id(community)
    identity.merge_ids(alice, alice_too)
    numbers.start_process("delayed-stochastic-vote", "http://driver.example/done", options=["tea", "coffee"], delay=5)
    numbers.start_process("delayed-stochastic-vote", options=["now", "later"], delay=0).close()


def makers(community) -> None:
    """Loomio, and Slack as an installation makes it."""
    from metagov.core.models import LinkQuality, LinkType
    from metagov.plugins.slack.models import Slack

    with requests_mock.Mocker() as platform:
        for key, group in [("key-of-the-makers-bot", "makers"), ("key-of-the-board-bot", "makers-board")]:
            url = f"https://www.loomio.org/api/b1/memberships?api_key={key}"
            platform.get(url, json={"groups": [{"key": "aBcD1234", "handle": group}]})
        config = {"api_key": "key-of-the-makers-bot", "subgroup_api_keys": ["key-of-the-board-bot"]}
        community.enable_plugin("loomio", config)
    config = {
        "team_id": "T0ACME", "team_name": "Acme", "bot_token": "xoxb-of-acme", "bot_user_id": "U0BOT",
        "installer_user_id": "U0ADMIN", "installer_user_token": "xoxp-of-the-admin",
    }
    slack = Slack.objects.create(name="slack", community=community, config=config, community_platform_id="T0ACME")
    strong = LinkQuality.STRONG_CONFIRM.value
    slack.add_linked_account(platform_identifier="U0ADMIN", link_type=LinkType.OAUTH.value, link_quality=strong)


def octo(community) -> None:
    """Two instances of a plugin, and what OAuth makes of GitHub, Discord and Open Collective."""
    from metagov.plugins.discord.models import Discord
    from metagov.plugins.github.models import Github
    from metagov.plugins.opencollective.models import OpenCollective

    for url in ["https://cred.example.org", "https://cred.example.net"]:
        community.enable_plugin("sourcecred", {"server_url": url})
    config = {"owner": "acme", "installation_id": "1001"}
    Github.objects.create(name="github", community=community, config=config, community_platform_id="1001")
    guild = 1200000000000000001
    config = {"guild_id": guild, "guild_name": "Octo"}
    Discord.objects.create(name="discord", community=community, config=config, community_platform_id=str(guild))
    config = {"collective_slug": "octo", "access_token": "token-of-the-governance-bot"}
    OpenCollective.objects.create(name="opencollective", community=community, config=config, community_platform_id="octo")


def written(database: Path) -> None:
    from django.core.management import call_command

    with sqlite3.connect(database) as connection:
        lines = [line for line in connection.iterdump() if TABLES.match(line)]
    (HERE / "gateway.sql").write_text("\n".join(lines) + "\n")
    call_command("dumpdata", "core", output=str(HERE / "gateway.json"), indent=1, verbosity=0)
    json.loads((HERE / "gateway.json").read_text())


if __name__ == "__main__":
    random.seed(2021)
    with tempfile.TemporaryDirectory() as folder:
        begin(sys.argv[1], Path(folder) / "db.sqlite3")
        fill()
        written(Path(folder) / "db.sqlite3")
