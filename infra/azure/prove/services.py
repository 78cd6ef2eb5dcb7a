"""Calls to Microsoft's services with the app's identity, and the record of them without IDs and secrets."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

_GUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_CODE: Final = re.compile(r"AADSTS\d+")
_LONGEST_MESSAGE: Final = 300
_PAUSE: Final = 2.0  # seconds between two equal calls at first
_LONGEST_PAUSE: Final = 10.0
_PROGRESS: Final = 30.0  # seconds between two lines about a wait


class NoTokenError(Exception):
    """The identity gets no token, so nothing can be asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One exchange as the report shows it. IDs have pseudonyms; there is no body and no token."""

    service: str
    method: str
    path: str
    status: int
    """0 without an answer."""
    code: str
    message: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An answer of a service."""

    status: int
    body: Mapping[str, Any]
    code: str
    message: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the service did what was asked."""
        return httpx.codes.is_success(self.status)

    @property
    def text(self) -> str:
        """Status and code, as a line of the output names them."""
        return " ".join(filter(None, (str(self.status or "no answer"), self.code)))


@dataclass(kw_only=True)
class Pseudonyms:
    """Names for what identifies a deployment: the same word for the same ID in the whole report."""

    known: dict[str, str] = field(default_factory=dict)

    def hide(self, text: str) -> str:
        """A text without IDs and without the names of known hosts."""
        for word, name in self.known.items():
            if not _GUID.fullmatch(word):
                text = text.replace(word, name)
        return _GUID.sub(lambda found: self._name(found.group().lower()), text)

    def _name(self, value: str) -> str:
        return self.known.setdefault(value, f"<id-{len(self.known) + 1}>")


class Services:
    """Graph, Resource Manager, Key Vault and login, with one credential.

    Args:
        urls: base URL by service; a service that is not in the deployment is absent.
        scopes: scope of the tokens by service; login has none.
        credential: of the app's identity.
        http: client with the trust that the network needs.
        pseudonyms: for the record.
    """

    def __init__(
        self,
        *,
        urls: Mapping[str, str],
        scopes: Mapping[str, str],
        credential: TokenCredential,
        http: httpx.Client,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._urls = urls
        self._scopes = scopes
        self._credential = credential
        self._http = http
        self._pseudonyms = pseudonyms
        self.calls: list[Call] = []
        """The exchanges since the last question."""

    def has(self, service: str) -> bool:
        """Whether the deployment has a service."""
        return service in self._urls

    def ask_for_token(self) -> Answer:
        """Whether the identity gets a token for Graph now; a new federation takes a few minutes."""
        try:
            self._credential.get_token(self._scopes["graph"])
        except AzureError as error:
            found = _CODE.search(str(error))
            return Answer(status=0, body={}, code=found.group() if found else type(error).__name__)
        return Answer(status=200, body={}, code="")

    def claims(self) -> Mapping[str, Any]:
        """The claims of the token for Graph; empty where the token cannot be read."""
        payload = self._credential.get_token(self._scopes["graph"]).token.split(".")
        if len(payload) != 3:  # noqa: PLR2004 the parts of a JWT
            return {}
        claims: Mapping[str, Any] = json.loads(
            base64.urlsafe_b64decode(payload[1] + "=" * (-len(payload[1]) % 4))
        )
        return claims

    def send(
        self,
        service: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one call; any answer is a result, and so is none."""
        sent = dict(headers or {})
        if service in self._scopes:
            sent["Authorization"] = f"Bearer {self._credential.get_token(self._scopes[service]).token}"
        started = time.monotonic()
        try:
            response = self._http.request(
                method, f"{self._urls[service]}{path}", json=body, data=form, headers=sent
            )
        except httpx.TransportError as error:
            answer = Answer(status=0, body={}, code=type(error).__name__)
        else:
            answer = _read(response)
        self.calls.append(
            Call(
                service=service,
                method=method,
                path=self._pseudonyms.hide(path),
                status=answer.status,
                code=answer.code,
                message=self._pseudonyms.hide(answer.message)[:_LONGEST_MESSAGE],
                seconds=round(time.monotonic() - started, 3),
            )
        )
        return answer


def _read(response: httpx.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    code, message = "", ""
    if response.is_error:
        error = body.get("error")
        if isinstance(error, dict):
            inner = error.get("innererror") or error.get("innerError") or {}
            code = str(inner.get("code") or error.get("code") or "")
            message = str(error.get("message") or "")
        else:
            message = str(body.get("error_description") or response.reason_phrase)
            code = " ".join(
                [str(error or ""), *(f"AADSTS{number}" for number in body.get("error_codes") or ())]
            )
    return Answer(status=response.status_code, body=body, code=code.strip(), message=message)


@dataclass(frozen=True, kw_only=True, slots=True)
class Waited:
    """The result of a call that was repeated until its answer was the wanted one."""

    reached: bool
    seconds: float
    """From the first call on; how long the last answer took is part of it."""
    first: Answer
    last: Answer

    @property
    def text(self) -> str:
        """A clause for a line of the output."""
        if self.reached and self.first is self.last:
            return "at once"
        if self.reached:
            return f"after {self.seconds:.0f} s; before: {self.first.text}"
        return f"not within {self.seconds:.0f} s: {self.last.text}"


def wait(
    call: Callable[[], Answer],
    wanted: Callable[[Answer], bool],
    *,
    patience: float,
    progress: Callable[[float, Answer], None],
) -> Waited:
    """Repeat a call until its answer is the wanted one, for at most ``patience`` seconds.

    ``progress`` gets the seconds so far, and the last answer, from time to time.
    """
    pause = min(_PAUSE, patience / 10)
    started = shown = time.monotonic()
    first = last = call()
    while not wanted(last) and (waited := time.monotonic() - started) + pause <= patience:
        if waited + started - shown >= min(_PROGRESS, patience / 2):
            shown = started + waited
            progress(waited, last)
        time.sleep(pause)
        pause = min(pause * 1.2, _LONGEST_PAUSE)
        last = call()
    return Waited(reached=wanted(last), seconds=time.monotonic() - started, first=first, last=last)
