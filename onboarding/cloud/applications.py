"""What the directory returns about applications."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from onboarding.words import data
from onboarding.words.word import Word


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """An app registration: its object ID, its client ID, and when it was created."""

    object_id: str
    app_id: str
    created_at: datetime | None  # None: the directory does not know it


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """An application that has a unique name."""

    application: Application
    ours: bool | None  # whether this service created it; None: the directory does not show that


@dataclass(frozen=True, kw_only=True, slots=True)
class Password:
    """A new client secret. Only this object contains its text."""

    key_id: str
    ends_at: datetime
    text: str

    def __repr__(self) -> str:
        return f"Password(key_id={self.key_id!r})"


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordCredential:
    """A client secret, as the directory lists it: without its text.

    Source: https://learn.microsoft.com/graph/api/resources/passwordcredential.
    """

    key_id: str
    name: Word
    hint: str  # its first three characters
    starts_at: datetime
    ends_at: datetime

    def is_labeled(self, label: str) -> bool:
        """Whether its name begins with a label of the service."""
        return data.text(self.name).startswith(label)


def passwords_of(application: Mapping[str, Any]) -> list[PasswordCredential]:
    """The client secrets of an application."""
    return [
        PasswordCredential(
            key_id=str(listed["keyId"]),
            name=Word(str(listed.get("displayName") or "")),
            hint=str(listed.get("hint") or ""),
            starts_at=datetime.fromisoformat(str(listed["startDateTime"])).astimezone(UTC),
            ends_at=datetime.fromisoformat(str(listed["endDateTime"])).astimezone(UTC),
        )
        for listed in application.get("passwordCredentials") or ()
    ]


def application_of(document: Mapping[str, Any]) -> Application:
    """The application of a response."""
    created_at = created(document)
    return Application(object_id=document["id"], app_id=document["appId"], created_at=created_at)


def created(application: Mapping[str, Any]) -> datetime | None:
    """When an application was created; None for one that is older than this property."""
    found = application.get("createdDateTime")
    return datetime.fromisoformat(str(found)) if found else None
