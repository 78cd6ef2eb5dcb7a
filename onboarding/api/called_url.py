"""The URL of a call, as the Functions host passes it on."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

import azure.functions as func

from onboarding.api.problems import ProblemError
from onboarding.errors import requests

_PREFIX: Final = re.compile(r"(.*)/api/", re.IGNORECASE)
"""What the host puts before each path: ``routePrefix`` of host.json, in upper or lower case."""

_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{1,5}))?", re.ASCII)

_LAST_PORT: Final = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class CalledUrl:
    """Its parts."""

    origin: str  # scheme, host and port, as its caller reaches it
    path: str
    query: str

    @classmethod
    def of(cls, request: func.HttpRequest) -> Self:
        """The URL of a request. Raises ``ProblemError`` (400) for one that is not valid.

        The host builds it from the header Host and the path. Answers contain links to the same origin, so it
        must be a name or an address with an optional port (RFC 9110, section 7.2; RFC 3986, section 3.2).
        """
        try:
            parts = urlsplit(request.url)
        except ValueError as error:  # such as brackets around what is no IPv6 address
            raise ProblemError(requests.URL_INVALID) from error
        host = request.headers.get("Host", parts.netloc)  # with a slash, its end is in the path
        if parts.scheme not in {"http", "https"} or not all(map(_is_authority, (host, parts.netloc))):
            raise ProblemError(requests.URL_INVALID)
        return cls(origin=f"{parts.scheme}://{parts.netloc}", path=parts.path, query=parts.query)

    @property
    def base(self) -> str:
        """The path of the API; usually /api."""
        found = _PREFIX.match(self.path)
        return f"{found[1] if found else ''}/api"


def _is_authority(text: str) -> bool:
    found = _AUTHORITY.fullmatch(text)
    if not found or int(found[2] or 0) > _LAST_PORT:
        return False
    try:
        return not found[1] or bool(ipaddress.IPv6Address(found[1]))
    except ValueError:
        return False
