"""Credentials with which somebody else can get tokens as an application that the service created.

Beside client secrets, an application accepts certificates and tokens of other issuers. Its service principal
has secrets and certificates of its own. The service creates none of these. The client secrets of the server
app are compared with the recorded one (``drift``); the client app needs none.

Sources: https://learn.microsoft.com/graph/api/resources/application,
https://learn.microsoft.com/graph/api/resources/serviceprincipal and
https://learn.microsoft.com/graph/api/resources/federatedidentitycredential.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onboarding.cmg.directory_checks import end_of
from onboarding.texts import phrases
from onboarding.texts.phrases import Phrase, Said

_DATED: Final[tuple[tuple[str, Phrase, Phrase], ...]] = (
    ("passwordCredentials", phrases.THE_SECRET, phrases.PRINCIPAL_SECRET),
    ("keyCredentials", phrases.THE_CERTIFICATE, phrases.PRINCIPAL_CERTIFICATE),
)
"""Lists whose entries have a key ID and an end: what an entry is in an application, and in a principal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherCredential:
    """A credential: its key ID or the ID of a federated one, and its kind. A name would come from outside."""

    id: str
    said: Said


def of_app(app: Mapping[str, Any], now: datetime, *, secrets: bool) -> Iterator[OtherCredential]:
    """The credentials of an application that have not expired. ``secrets``: also its client secrets."""
    for member, phrase, _ in _DATED:
        if secrets or phrase is not phrases.THE_SECRET:
            yield from _valid(app, member, phrase, now)
    for credential in app.get("federatedIdentityCredentials") or ():
        identifier = str(credential["id"])
        yield OtherCredential(id=identifier, said=phrases.THE_FEDERATED.of(key=identifier))


def of_principal(principal: Mapping[str, Any], now: datetime) -> Iterator[OtherCredential]:
    """The credentials of a service principal that have not expired."""
    for member, _, phrase in _DATED:
        yield from _valid(principal, member, phrase, now)


def _valid(
    holder: Mapping[str, Any], member: str, phrase: Phrase, now: datetime
) -> Iterator[OtherCredential]:
    for credential in holder.get(member) or ():
        if end_of(credential) > now:
            yield OtherCredential(id=str(credential["keyId"]), said=phrase.of(key=str(credential["keyId"])))
