"""Outbound HTTP, to hosts that the manifest asks for and the operator grants.

The host places secrets, so that a request never contains one. It waits for the whole answer; redirects are not
followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence
from urllib.parse import urlencode

from .host import ask
from .secrets import Secret
from .web import Headers, HttpResponse, add_if_absent, json_bytes

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Placed:
    """A secret, and where the host puts it. Made by the functions below."""

    tag: str
    value: Any
    secret: Secret


def in_header(name: str, secret: Secret, prefix: str = "") -> Placed:
    return Placed("header", (name, prefix), secret)


def in_query(name: str, secret: Secret) -> Placed:
    return Placed("query", name, secret)


def in_form(name: str, secret: Secret) -> Placed:
    return Placed("form", name, secret)


def in_json(pointer: str, secret: Secret) -> Placed:
    """A text at a JSON Pointer of the body, or a new member of the object above."""
    return Placed("json", pointer, secret)


def as_password(user: str, secret: Secret) -> Placed:
    """Basic authentication with the secret as password."""
    return Placed("basic-password", user, secret)


def as_user(secret: Secret, password: str = "") -> Placed:
    """Basic authentication with the secret as user name."""
    return Placed("basic-user", password, secret)


def send(
    method: str,
    url: str,
    *,
    query: dict[str, Any] | None = None,
    headers: dict[str, str] | Headers | None = None,
    json: Any = None,
    form: dict[str, Any] | None = None,
    text: str | None = None,
    body: bytes = b"",
    timeout_ms: int | None = None,
    bearer: Secret | None = None,
    secrets: Sequence[Placed] = (),
) -> HttpResponse:
    """Sends a request; one of `json`, `form`, `text` and `body` is its body."""
    listed = list(headers.items() if isinstance(headers, dict) else headers or [])
    content = _body(listed, json, form, text, body)
    placed = [*([in_header("authorization", bearer, "Bearer ")] if bearer else []), *secrets]
    handles = [((one.tag, one.value), one.secret.handle()) for one in placed]
    status, answered, received = ask("http", "send", method, _with_query(url, query), listed, content, timeout_ms, handles)
    return HttpResponse(headers=answered, body=received, status=status)


def get(url: str, **options: Any) -> HttpResponse:
    return send("GET", url, **options)


def post(url: str, **options: Any) -> HttpResponse:
    return send("POST", url, **options)


def put(url: str, **options: Any) -> HttpResponse:
    return send("PUT", url, **options)


def patch(url: str, **options: Any) -> HttpResponse:
    return send("PATCH", url, **options)


def delete(url: str, **options: Any) -> HttpResponse:
    return send("DELETE", url, **options)


def _with_query(url: str, query: dict[str, Any] | None) -> str:
    if query is None:
        return url
    before, mark, fragment = url.partition("#")
    given = {name: value for name, value in query.items() if value is not None}
    return f"{before}{'&' if '?' in before else '?'}{urlencode(given)}{mark}{fragment}"


def _body(headers: Headers, json: Any, form: dict[str, Any] | None, text: str | None, body: bytes) -> bytes:
    if json is not None:
        add_if_absent(headers, "content-type", "application/json")
        return json_bytes(json)
    if form is not None:
        add_if_absent(headers, "content-type", FORM)
        return urlencode(form).encode()
    if text is not None:
        add_if_absent(headers, "content-type", "text/plain; charset=utf-8")
        return text.encode()
    return body
