#!/usr/bin/env python3
"""Moves communities from the database of a Metagov gateway to a Moothall host.

Needs Python 3.9 and nothing else; psycopg for PostgreSQL. The page `moving-from-metagov.md` says how to use it.
Exit codes: 0 all was moved; 1 something was not, and the report says what and why; 2 wrong usage, or an input that cannot be
read; 3 the host cannot be reached, or does not accept the key.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shlex
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import quote, urlencode

Row = dict[str, Any]
Tables = dict[str, list[Row]]

REQUIRED = {"community": "slug", "plugin": "config", "datastore": "datastore", "governanceprocess": "status"}
# Gateways from before September 2021 do not have them.
OPTIONAL = ("metagovid", "metagovid_linked_ids", "linkedaccount")
JSON_COLUMNS = ("config", "custom_data", "datastore")
# `dumpdata` names references by their fields, and a database by its columns.
REFERENCES = {"community": "community_id", "state": "state_id", "plugin": "plugin_id", "metagov_id": "metagov_id_id"}
SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}\Z")
LINK_TYPES = ("oauth", "manual admin", "email matching", "unknown")
LINK_QUALITIES = ("unknown", "unconfirmed", "confirmed (weak)", "confirmed (strong)")
# Texts of these names are shown; all others could be secrets.
SHOWN = frozenset(
    """name slug readable_name server_url team_id team_name bot_user_id installer_user_id guild_name guild_id owner
    installation_id repo_name collective_slug group channel domain_name contract_id account_id node_url external_id
    community_slug platform_type platform_identifier community_platform_id link_type link_quality key
    primary_instance_id secondary_instance_id""".split()
)
# Whose state here is learnt anew from the platform, or is empty.
LEARNT_ANEW = ("discord", "discourse", "github", "loomio", "opencollective", "slack", "sourcecred")
LUCKY_NUMBER = 4
TRIES, LONGEST_WAIT_S, TIMEOUT_S = 3, 30, 60


class Unusable(Exception):
    """The input, or the usage, is wrong."""


class Unreachable(Exception):
    """The host does not answer, or not to this key."""


class Refused(Exception):
    """The host has refused one request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


# Reading the gateway.


def tables_of(source: str) -> Tables:
    """All that is read of the gateway, by table, in the order of ids."""
    if source.startswith(("postgres://", "postgresql://")):
        return from_database(postgresql(source))
    path = Path(source)
    if not path.is_file():
        raise Unusable(f"{source} is no file")
    with path.open("rb") as file:
        is_sqlite = file.read(16) == b"SQLite format 3\0"
    if is_sqlite:
        return from_database(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True))
    return from_dump(path)


def postgresql(url: str) -> Any:
    try:
        import psycopg
    except ImportError:
        raise Unusable("PostgreSQL needs psycopg (pip install 'psycopg[binary]'); or give a file that manage.py dumpdata wrote") from None
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        raise Unusable(f"the database cannot be opened: {error}") from None


def from_database(connection: Any) -> Tables:
    return {name: rows_of(connection, name) for name in (*REQUIRED, *OPTIONAL)}


def rows_of(connection: Any, name: str) -> list[Row]:
    cursor = connection.cursor()
    try:
        cursor.execute(f"SELECT * FROM core_{name} ORDER BY id")
        columns = [column[0] for column in cursor.description]
        rows = [dict(zip(columns, row)) for row in cursor.fetchall()]
    except Exception as error:
        if name in OPTIONAL and ("no such table" in str(error) or "does not exist" in str(error)):
            return []
        reason = str(error).partition("\n")[0]
        raise Unusable(f"table core_{name} cannot be read; is this the database of a Metagov gateway, and whole? {reason}") from None
    if name in REQUIRED and REQUIRED[name] not in columns:
        raise Unusable(f"table core_{name} has no column {REQUIRED[name]}: the gateway is from before June 2021")
    return [decoded(name, row) for row in rows]


def from_dump(path: Path) -> Tables:
    """What `manage.py dumpdata core` has written."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        models = [(entry["model"], {"id": entry["pk"], **entry["fields"]}) for entry in entries]
    except (ValueError, TypeError, KeyError):
        raise Unusable(f"{path} is neither an SQLite database nor a file that `manage.py dumpdata core` wrote") from None
    if not any(model == "core.community" for model, _ in models):
        raise Unusable(f"{path} has no community of a Metagov gateway")
    tables: Tables = {name: [] for name in (*REQUIRED, *OPTIONAL)}
    for model, fields in models:
        name = model.rpartition(".")[2]
        if not model.startswith("core.") or name not in tables:
            continue
        for other in fields.pop("linked_ids", []):
            tables["metagovid_linked_ids"].append({"from_metagovid_id": fields["id"], "to_metagovid_id": other})
        tables[name].append(decoded(name, {REFERENCES.get(field, field): value for field, value in fields.items()}))
    return {name: sorted(rows, key=lambda row: row.get("id", 0)) for name, rows in tables.items()}


def decoded(table: str, row: Row) -> Row:
    """With its JSON read: SQLite has it as text."""
    for column in JSON_COLUMNS:
        if isinstance(row.get(column), str):
            try:
                row[column] = json.loads(row[column])
            except ValueError:
                raise Unusable(f"table core_{table}, row {row['id']}: {column} is not JSON") from None
    return row


# What becomes of it here.


def changed(tables: Tables, changes: Any) -> None:
    """Applies the operator's changes, which must be about what there is."""
    by_slug = {row["slug"]: row for row in tables["community"]}
    if not isinstance(changes, dict) or not all(isinstance(change, dict) for change in changes.values()):
        raise Unusable("the changes are a JSON object of objects, one for each community")
    for slug, change in changes.items():
        if slug not in by_slug:
            raise Unusable(f"the changes name the community '{slug}', which the gateway does not have")
        unknown = set(change) - {"slug", "readable_name", "plugins"}
        if unknown:
            raise Unusable(f"the changes of '{slug}' name {', '.join(sorted(unknown))}; known are slug, readable_name and plugins")
        for name, config in (change.get("plugins") or {}).items():
            plugin, _, platform = name.partition("@")
            found = [row for row in tables["plugin"] if row["community_id"] == by_slug[slug]["id"] and row["name"] == plugin]
            found = [row for row in found if not platform or row.get("community_platform_id") == platform]
            if not isinstance(config, (dict, type(None))):
                raise Unusable(f"the changes of '{slug}': the configuration of '{name}' is neither an object nor null")
            if len(found) != 1:
                raise Unusable(f"the changes of '{slug}' name the plugin '{name}', of which it has {len(found)}")
            found[0]["change"] = config
        by_slug[slug].update({"given_slug": slug}, **{name: change[name] for name in ("slug", "readable_name") if name in change})
    for slug, communities in Counter(row["slug"] for row in tables["community"]).items():
        if communities > 1:
            raise Unusable(f"{communities} communities would have the slug '{slug}'")


def config_of(plugin: Row) -> Any:
    """The configuration as the port of the plugin wants it; None if the operator leaves the plugin out."""
    config = dict(plugin["config"]) if isinstance(plugin["config"], dict) else {}
    if plugin["name"] == "loomio":
        # The gateway adds the main key to the list when it enables the plugin, and calls the group by its handle.
        keys = [key for key in config.get("subgroup_api_keys") or [] if key != config.get("api_key")]
        config.pop("subgroup_api_keys", None)
        config.update({"subgroup_api_keys": keys} if keys else {})
        config.update({"group": plugin["community_platform_id"]} if platform_of(plugin) else {})
    if plugin["name"] == "github" and isinstance(config.get("installation_id"), int):
        config["installation_id"] = str(config["installation_id"])
    change = plugin.get("change", {})
    if change is None:
        return None
    return {name: value for name, value in {**config, **change}.items() if value is not None}


def platform_of(row: Row) -> str | None:
    """The gateway writes `None` as a text where a plugin with several instances has no id."""
    platform = row.get("community_platform_id")
    return None if platform in ("", "None") else platform


def state_of(plugin: Row, tables: Tables) -> Row:
    """The plugin's state, each value of which is a text of JSON."""
    stores = (row["datastore"] for row in tables["datastore"] if row["id"] == plugin.get("state_id"))
    return {key: json.loads(value) for key, value in (next(stores, None) or {}).items()}


def groups_of(people: list[Row], pairs: list[Row]) -> list[list[Row]]:
    """People who are merged with one another, the primary one first."""
    group = {person["id"]: [person] for person in people}
    for pair in pairs:
        one, other = group.get(pair["from_metagovid_id"]), group.get(pair["to_metagovid_id"])
        if one is not None and other is not None and one is not other:
            one.extend(other)
            group.update({person["id"]: one for person in other})
    distinct = {id(members): members for members in group.values()}
    return [sorted(members, key=lambda person: (not person["primary"], person["id"])) for members in distinct.values()]


# The host.


class Host:
    """The host's API."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url, self.key = url.rstrip("/"), key
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())

    def get(self, path: str, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return self.send("GET", path + ("?" + urlencode(given) if given else ""))[1]

    def send(self, method: str, path: str, body: Any = None, headers: Row | None = None) -> tuple[int, Any]:
        """The status and the answer. What can succeed later is tried again."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        for left in reversed(range(TRIES)):
            try:
                with self.opener.open(request, timeout=TIMEOUT_S) as response:
                    text = response.read()
                    return response.status, json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                if left and error.code in (429, 503) and error.headers.get("Retry-After", "").isdigit():
                    time.sleep(min(int(error.headers["Retry-After"]), LONGEST_WAIT_S))
                    continue
                raise self.refusal(error) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise Unreachable(f"{self.url} does not answer as a Moothall host: {getattr(error, 'reason', error)}") from None
        raise AssertionError

    def refusal(self, error: urllib.error.HTTPError) -> Exception:
        try:
            problem = json.loads(error.read())
            detail = problem["detail"]
        except (ValueError, KeyError, TypeError):
            return Unreachable(f"{self.url} does not answer as a Moothall host: status {error.code}")
        return Refused(error.code, detail)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could lead the key elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Rehearsal(Host):
    """Reads from the host, if there is one, and prints what would be sent."""

    def __init__(self, host: Host | None, shows_secrets: bool) -> None:
        super().__init__(host.url if host else "http://127.0.0.1:8000", host.key if host else None)
        self.is_alone, self.shows_secrets = host is None, shows_secrets

    def send(self, method: str, path: str, body: Any = None, headers: Row | None = None) -> tuple[int, Any]:
        if method == "GET" or path.endswith("/revshare.get-config"):
            if self.is_alone:
                raise Refused(404, "there is no host to ask")
            return super().send(method, path, body, headers)
        given = {"Content-Type": "application/json", **(headers or {})}
        words = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in given.items()]
        words += ['-H "Authorization: Bearer $MOOTHALL_API_KEY"'] if self.key else []
        shown = body if self.shows_secrets else masked(body)
        words.append(f"--data-raw {shlex.quote(json.dumps(shown, ensure_ascii=False))}")
        print(" \\\n    ".join([f"curl -X {method} {shlex.quote(self.url + path)}", *words]))
        return 201, None


def masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: masked(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [masked(member, name) for member in value]
    return "********" if isinstance(value, str) and name not in SHOWN else value


# Moving.


class Move:
    """Moves one community after the other, and counts what became of each thing."""

    def __init__(self, host: Host, tables: Tables, people_file: Path) -> None:
        self.host, self.tables, self.people_file = host, tables, people_file
        self.is_rehearsal = isinstance(host, Rehearsal)
        self.counts: Counter[str] = Counter()
        self.people: Row = read(str(people_file), json.loads) if people_file.exists() else {}
        self.plugins = self.asked("/api/internal/plugin-schemas")
        self.slug = ""

    def asked(self, path: str, **query: Any) -> Any:
        """An answer of the host's; None where there is none."""
        try:
            return self.host.get(path, **query)
        except Refused as error:
            # No plugin has a part in these, so it is the host that does not let the key in.
            if error.status in (401, 403):
                raise Unreachable(f"{self.host.url}: {error}; --key-file names a file with an API key") from None
            if error.status >= 500:
                raise Unreachable(f"{self.host.url}: {error}") from None
            return None

    def note(self, what: str) -> None:
        print(f"{'# ' if self.is_rehearsal else ''}{self.slug}: {what}", flush=True)

    def say(self, outcome: str, what: str) -> None:
        self.counts[outcome] += 1
        self.note(what)

    def attempt(self, what: str, method: str, path: str, body: Any, headers: Row | None = None) -> tuple[int, Any] | None:
        """Sends a request, and says so if the host refuses it."""
        try:
            return self.host.send(method, path, body, headers)
        except Refused as error:
            self.say("not moved", f"{what} NOT MOVED: {error}")
            return None

    def of_community(self, table: str, community: Row) -> list[Row]:
        return [row for row in self.tables[table] if row["community_id"] == community["id"]]

    def community(self, community: Row) -> None:
        self.slug, self.given = community["slug"], {"X-Metagov-Community": community["slug"]}
        if not isinstance(self.slug, str) or not SLUG.match(self.slug):
            return self.say(
                "not moved", "community NOT MOVED: here a slug has 1 to 50 letters, digits, - and _; give it another one with --changes"
            )
        path = f"/api/internal/community/{self.slug}"
        there, name = self.asked(path), community["readable_name"]
        if not there or there["readable_name"] != name:
            if not self.attempt("community", "PUT", path, {"readable_name": name}):
                return None
            self.say("moved", f"community {'renamed' if there else 'made'}")
        else:
            self.say("there", "community was there")
        plugins = self.of_community("plugin", community)
        for plugin in plugins:
            self.plugin(plugin)
        self.accounts(community, self.identities(community), bool(there))
        for plugin in plugins:
            self.processes(plugin)
        for hook in (self.asked(f"{path}/hooks") or {}).get("hooks", []):
            self.note(f"webhooks arrive at {hook}")
        return None

    def plugin(self, plugin: Row) -> None:
        config, name = config_of(plugin), plugin["name"]
        what = f"plugin {name}" + (f" ({platform_of(plugin)})" if platform_of(plugin) else "")
        if config is None:
            return self.say("left out", f"{what} left out, as --changes says")
        if self.plugins is not None and name not in self.plugins:
            return self.say("not moved", f"{what} NOT MOVED: the host has no plugin of this name")
        answer = self.attempt(what, "POST", f"/api/internal/plugin/{name}", config, self.given)
        if answer is None:
            return None
        self.say(*(("there", f"{what} was there") if answer[0] == 200 else ("moved", f"{what} enabled")))
        return self.state(name, state_of(plugin, self.tables))

    def state(self, name: str, state: Row) -> None:
        """The plugin's state, by its own actions."""
        if name == "revshare":
            for key, pointers in state.items():
                if pointers and self.act("revshare.get-config", {"key": key}) != pointers:
                    self.act("revshare.replace-config", {"pointers": pointers, "key": key}, f"pointers of {key}")
        elif name == "randomness":
            if state.get("lucky_number", LUCKY_NUMBER) != LUCKY_NUMBER:
                self.act("randomness.set-lucky-number", {"lucky_number": state["lucky_number"]}, "lucky number")
        elif state and name not in LEARNT_ANEW:
            self.say("not moved", f"state of {name} NOT MOVED ({', '.join(state)}): only the plugin itself can write it")

    def act(self, action: str, parameters: Row, what: str = "") -> Any:
        """An action of the community; without `what` it only asks, and any refusal is no answer."""
        path, body = f"/api/internal/action/{action}", {"parameters": parameters}
        if what:
            if self.attempt(what, "POST", path, body, self.given):
                self.say("moved", f"{what} moved")
            return None
        try:
            return self.host.send("POST", path, body, self.given)[1]
        except Refused:
            return None

    def identities(self, community: Row) -> list[Row]:
        """Makes each person of the community, as `here`, and merges who is merged."""
        people = self.of_community("metagovid", community)
        for person in people:
            person["here"] = self.person(community, person)
        for primary, *others in groups_of(people, self.tables["metagovid_linked_ids"]):
            for other in others:
                if primary["here"] and other["here"] and not self.are_merged(primary["here"], other["here"]):
                    body = {"primary_instance_id": primary["here"], "secondary_instance_id": other["here"]}
                    if self.attempt("merged people", "POST", "/api/internal/identity/merge_ids", body):
                        self.say("moved", f"person {other['external_id']} merged with {primary['external_id']}")
        return people

    def person(self, community: Row, person: Row) -> Any:
        """The person's id here: from an earlier run, by an account that is here already, or a new one."""
        metagov = str(person["external_id"])
        here = self.people.get(metagov)
        if not here or not self.asked("/api/internal/identity/get_user", external_id=here):
            own = (row for row in self.tables["linkedaccount"] if row["metagov_id_id"] == person["id"])
            found = (self.account_here(community["slug"], account) for account in own)
            here = next((account["external_id"] for account in found if account), None)
        if here:
            self.counts["there"] += 1
        else:
            here = self.new_person(community["slug"], metagov)
        if here and not self.is_rehearsal:
            self.people[metagov] = here
            self.keep_people()
        return here

    def new_person(self, slug: str, metagov: str) -> Any:
        # Sent again after a break in between, it makes nobody a second time.
        headers = {"Idempotency-Key": f"metagov-{slug}-{metagov}"}
        answer = self.attempt(
            f"person {metagov}", "POST", "/api/internal/identity/create_id", {"community_slug": slug, "count": 1}, headers
        )
        if not answer:
            return None
        here = f"<new id of {metagov}>" if self.is_rehearsal else answer[1][0]
        self.say("moved", f"person {metagov} is {here} here")
        return here

    def keep_people(self) -> None:
        beside = self.people_file.with_name(self.people_file.name + ".new")
        beside.write_text(json.dumps(self.people, indent=1) + "\n")
        os.replace(beside, self.people_file)

    def are_merged(self, one: Any, other: Any) -> bool:
        of = [self.asked("/api/internal/identity/get_user", external_id=person) for person in (one, other)]
        return all(of) and of[0]["primary_ID"] == of[1]["primary_ID"]

    def account_here(self, slug: str, account: Row) -> Row | None:
        """The account, if it is linked here."""
        platform = platform_of(account)
        names = {name: account[name] for name in ("platform_type", "platform_identifier")}
        people = self.asked("/api/internal/identity/get_users", community=slug, community_platform_id=platform, **names)
        accounts = (one for person in people or [] for one in person["linked_accounts"])
        wanted = {**names, "community_platform_id": platform}
        return next((one for one in accounts if all(one[name] == value for name, value in wanted.items())), None)

    def accounts(self, community: Row, people: list[Row], could_be_there: bool) -> None:
        here = {person["id"]: person["here"] for person in people}
        for account in self.of_community("linkedaccount", community):
            what = f"account {account['platform_identifier']} on {account['platform_type']}"
            if not here.get(account["metagov_id_id"]):
                self.say("not moved", f"{what} NOT MOVED: its person is not here")
                continue
            claim = self.claim(account, here[account["metagov_id_id"]], what)
            linked = self.account_here(community["slug"], account) if could_be_there else None
            if linked and all(linked[name] == value for name, value in claim.items()):
                self.counts["there"] += 1
                continue
            body = {"community_slug": community["slug"], **claim}
            if self.attempt(what, "POST", "/api/internal/identity/link_account", body):
                self.say("moved", f"{what} linked")

    def claim(self, account: Row, person: Any, what: str) -> Row:
        claim = {name: account[name] for name in ("platform_type", "platform_identifier", "custom_data", "link_type", "link_quality")}
        for name, known in (("link_type", LINK_TYPES), ("link_quality", LINK_QUALITIES)):
            if claim[name] not in known:
                self.note(f"{what}: its {name} is unknown in place of '{claim[name]}'")
                claim[name] = "unknown"
        return {"external_id": person, "community_platform_id": platform_of(account), **claim}

    def processes(self, plugin: Row) -> None:
        for process in self.tables["governanceprocess"]:
            if process["plugin_id"] == plugin["id"] and process["status"] != "completed":
                url = f" ({process['url']})" if process.get("url") else ""
                self.say("not moved", f"process {plugin['name']}.{process['name']} {process['id']}{url} NOT MOVED: it is {process['status']}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("gateway", help="its SQLite database, a postgresql:// URL, or a file that `manage.py dumpdata core` wrote")
    add("--to", metavar="URL", help="the host; without it only --dry-run is possible")
    add("--key-file", metavar="FILE", help="a file with an API key of the host")
    add("--dry-run", action="store_true", help="print the requests as curl commands and send nothing; with --to, only what would change")
    add("--show-secrets", action="store_true", help="with --dry-run: print secrets, too")
    add("--only", metavar="SLUG", action="append", help="move this community; can be given several times")
    add("--changes", metavar="FILE", help="JSON: what is to be different here")
    add("--people", metavar="FILE", default="people.json", help="where the new ids of people are kept, by their old ones (%(default)s)")
    return parser.parse_args()


def read(path: str, parse: Any) -> Any:
    try:
        return parse(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise Unusable(f"{path}: {error}") from None


def chosen(tables: Tables, only: list[str] | None) -> Iterator[Row]:
    named = {slug for row in tables["community"] for slug in (row["slug"], row.get("given_slug"))}
    for slug in only or []:
        if slug not in named:
            raise Unusable(f"--only names the community '{slug}', which the gateway does not have")
    for community in tables["community"]:
        if not only or community["slug"] in only or community.get("given_slug") in only:
            yield community


def moved(options: argparse.Namespace) -> int:
    if not options.to and not options.dry_run:
        raise Unusable("say --to URL, or --dry-run")
    if options.to and not options.to.startswith(("http://", "https://")):
        raise Unusable(f"--to is a URL that begins with http:// or https://, not {options.to}")
    tables = tables_of(options.gateway)
    changed(tables, read(options.changes, json.loads) if options.changes else {})
    communities = list(chosen(tables, options.only))
    host = Host(options.to, read(options.key_file, str.strip) if options.key_file else None) if options.to else None
    sender = Rehearsal(host, options.show_secrets) if options.dry_run or not host else host
    move = Move(sender, tables, Path(options.people))
    for community in communities:
        move.community(community)
    outcomes = ", ".join(f"{move.counts[name]} {name}" for name in ("moved", "there", "left out", "not moved"))
    print(f"# A dry run: nothing was sent. It would be {outcomes}" if move.is_rehearsal else outcomes)
    return 1 if move.counts["not moved"] else 0


def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        return moved(arguments())
    except Unusable as error:
        print(f"move.py: {error}", file=sys.stderr)
        return 2
    except Unreachable as error:
        print(f"move.py: {error}; what is listed above was done, and running it again goes on", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
