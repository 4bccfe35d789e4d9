"""HTTP messages in both directions. Bodies are bytes; text and JSON are read when they are asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Callable
from urllib.parse import parse_qsl

from .errors import Internal, Invalid, Unavailable
from .schema import plain, read

Headers = list[tuple[str, str]]


@dataclass
class _Message:
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return next((value for found, value in self.headers if found.lower() == name.lower()), None)


@dataclass
class WebhookRequest(_Message):
    """A request of a platform to this plugin."""

    method: str
    path: str
    query: str

    def query_param(self, name: str) -> str | None:
        """The first query parameter of this name, decoded."""
        pairs = parse_qsl(self.query, keep_blank_values=True)
        return next((value for found, value in pairs if found == name), None)

    def text(self) -> str:
        return _readable("the body of the webhook is not UTF-8", self.body.decode)

    def json(self, kind: Any = None) -> Any:
        """The body as JSON, as an instance of `kind` if that is given."""
        value = _readable("the body of the webhook is not JSON", lambda: json.loads(self.body))
        return _readable("the body of the webhook does not fit", lambda: read(kind, value))

    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.text(), keep_blank_values=True))


@dataclass
class HttpResponse(_Message):
    """A platform's answer, whatever its status."""

    status: int

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self, kind: Any = None) -> Any:
        return read(kind, json.loads(self.body))

    def raise_for_status(self) -> HttpResponse:
        """Itself if its status is 200 to 299; otherwise raises, `Unavailable` for 429 and 5xx.

        The details have the status as `platform_status` and the beginning of the body as `platform_body`.
        """
        if self.ok:
            return self
        raised = Unavailable if self.status == 429 or self.status >= 500 else Internal
        text = self.text()
        details: dict[str, Any] = {"platform_status": self.status}
        if text:
            details["platform_body"] = text[:1000]
        raise raised(f"the platform answered {self.status}: {text[:200]}", details=details)


@dataclass
class Response:
    """An answer of the plugin's own."""

    status: int = 200
    json: Any = None
    text: str | None = None
    body: bytes = b""
    headers: dict[str, str] | Headers = field(default_factory=dict)

    def parts(self) -> tuple[int, Headers, bytes]:
        headers = list(self.headers.items() if isinstance(self.headers, dict) else self.headers)
        if self.json is not None:
            add_if_absent(headers, "content-type", "application/json")
            return self.status, headers, json_bytes(self.json)
        if self.text is not None:
            add_if_absent(headers, "content-type", "text/plain; charset=utf-8")
            return self.status, headers, self.text.encode()
        return self.status, headers, self.body


def json_bytes(value: Any) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False).encode()


def add_if_absent(headers: Headers, name: str, value: str) -> None:
    if not any(found.lower() == name for found, _ in headers):
        headers.append((name, value))


def _readable(what: str, reading: Callable[[], Any]) -> Any:
    try:
        return reading()
    except Exception as failed:
        raise Invalid(f"{what}: {failed}") from failed
