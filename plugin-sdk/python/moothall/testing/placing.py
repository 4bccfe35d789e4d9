"""Writes secrets into a request, where the real host would place them."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ..errors import Invalid
from ..http import FORM
from ..web import Headers, add_if_absent


@dataclass
class Sent:
    """A request that the plugin sent, as the platform saw it."""

    method: str
    url: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)


def place(sent: Sent, tag: str, value: Any, secret: str) -> None:
    """Puts one secret into its place."""
    if tag == "header":
        sent.headers.append((value[0], f"{value[1]}{secret}"))
    elif tag == "basic-password":
        _basic(sent, value, secret)
    elif tag == "basic-user":
        _basic(sent, secret, value)
    elif tag == "query":
        before, mark, fragment = sent.url.partition("#")
        sent.url = f"{before}{'&' if '?' in before else '?'}{urlencode({value: secret})}{mark}{fragment}"
    elif tag == "form":
        add_if_absent(sent.headers, "content-type", FORM)
        sent.body += (b"&" if sent.body else b"") + urlencode({value: secret}).encode()
    else:
        _into_json(sent, value, secret)


def _basic(sent: Sent, user: str, password: str) -> None:
    if ":" in user:
        raise Invalid("a user name of basic authentication has no colon")
    credentials = b64encode(f"{user}:{password}".encode()).decode()
    sent.headers.append(("authorization", f"Basic {credentials}"))


def _into_json(sent: Sent, pointer: str, secret: str) -> None:
    body = json.loads(sent.body)
    *above, last = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
    there = body
    for key in above:
        there = there.get(key) if isinstance(there, dict) else None
    if not isinstance(there, dict) or not isinstance(there.get(last, ""), str):
        raise Invalid(f"there is no place for a secret at `{pointer}` of the body")
    there[last] = secret
    sent.body = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
