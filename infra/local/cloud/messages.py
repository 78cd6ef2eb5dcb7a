"""The HTTP request and response of every simulated service."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

JsonObject = dict[str, Any]
"""A JSON object. What is stored is never changed in place: a change makes a new object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """A permission that a service looked for while it served a request."""

    target: str
    """Path of the request inside a batch; empty for the request itself."""
    any_of: tuple[str, ...]
    """The permissions that are sufficient, the least privileged ones first."""
    held: tuple[str, ...]
    """Those of them that the caller has; for actions of Azure, the pattern in its role."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An HTTP request with its body read."""

    method: str
    path: str
    """As sent, still percent-encoded, so that a slash inside a key survives."""
    query: Mapping[str, str]
    """Decoded; the first value where a name is repeated."""
    target: str
    """Path and query as sent."""
    headers: Mapping[str, str]
    """Names compare without case."""
    body: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The service's own id of this request, for the answer's headers and its error body."""
    needs: list[Need] = field(default_factory=list)
    """What the service checked, for the record of calls."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP response: a JSON object, plain text, or no body."""

    status: int
    body: JsonObject | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None

    def content_type(self) -> str | None:
        """The type of the body, where the headers do not name another; None without a body."""
        if self.body is not None:
            return "application/json; charset=utf-8"
        return None if self.text is None else "text/plain; charset=utf-8"

    def encoded(self) -> bytes:
        """The bytes of the body; empty without a body."""
        if self.body is None:
            return (self.text or "").encode()
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A failure that a fault requests; each service formats it in its own error shape."""

    status: int
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None


class Service(Protocol):
    """One simulated service. Handling is synchronous, so each request takes effect as a whole."""

    name: str

    def handle(self, request: Request) -> Answer:
        """Answer one request; every error of the service itself is an answer, too."""
        ...

    def failed(self, request: Request, failure: Failure) -> Answer:
        """Format a failure that a fault requests as this service would."""
        ...


def new_secret() -> str:
    """A client secret in Entra's alphabet and length (40 characters)."""
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789~_."
    return secrets.choice("0123456789") + "~".join(
        "".join(secrets.choice(alphabet) for _ in range(length)) for length in (3, 34)
    )


def new_id() -> str:
    """A random object ID."""
    return str(uuid.uuid4())


def is_guid(value: object) -> bool:
    """Whether a value is a GUID in its usual, hyphenated form."""
    if not isinstance(value, str) or len(value) != len("00000000-0000-0000-0000-000000000000"):
        return False
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


def utc_text(moment: datetime | None = None) -> str:
    """A time in the format of directory objects: UTC, whole seconds, ``Z``."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_moment(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is UTC. Raises ``ValueError`` for anything else.

    Services of .NET origin write up to seven digits of a second; Python reads at most six.
    """
    head, dot, tail = text.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[: min(digits, 6)].ljust(3, '0')}{tail[digits:]}"
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
