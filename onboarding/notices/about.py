"""What an event is about: who is asked, and what its receiver knows it by.

An event about a change carries it, because the connection can be gone when the event is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from onboarding.behalf import Behalf
from onboarding.connections.records import Connection
from onboarding.words import data
from onboarding.words.word import EMPTY, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """A connection, or the onboarding that makes it."""

    connection: str  # its ID, also before it exists
    name: Word
    tenant: str
    onboarding: str
    requester: str
    requester_name: str = ""
    on_behalf_of: Behalf | None = None  # for whom the requester asked
    labels: Mapping[str, Word] = field(default_factory=dict)
    owners: tuple[str, ...] = ()  # their e-mail addresses
    app: str = ""  # client ID of the server app; empty before it exists
    app_name: Word = EMPTY

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """A connection as it is now."""
        return cls(
            connection=connection.id,
            name=connection.name,
            tenant=connection.tenant,
            onboarding=connection.onboarding,
            requester=connection.requester,
            requester_name=connection.requester_name,
            on_behalf_of=connection.on_behalf_of,
            labels=connection.request.labels,
            owners=tuple(owner.email for owner in connection.request.owners),
            app=connection.server_app.app_id,
            app_name=connection.server_app.name,
        )

    def document(self, origin: str) -> Mapping[str, Any]:
        """The members of an event; ``origin`` is the URL of the API, empty if it is not known."""
        path = f"{origin}/api/connections/{self.connection}" if origin and self.app else None
        connection = {
            "id": self.connection,
            "name": data.text(self.name),
            "tenantId": self.tenant,
            "url": path,
        }
        app = {"name": data.text(self.app_name), "clientId": self.app}
        return {
            "connection": connection,
            "serverApp": app if self.app else None,
            "onboardingId": self.onboarding,
            "requestedBy": {"id": self.requester, "name": self.requester_name},
            "onBehalfOf": behalf(self.on_behalf_of),
            "owners": list(self.owners),
            "labels": {name: data.text(value) for name, value in self.labels.items()},
        }


def behalf(person: Behalf | None) -> Mapping[str, str] | None:
    """Whom a caller names as the person behind a call."""
    if person is None:
        return None
    reference = data.text(person.reference) or None
    members = {"name": data.text(person.name), "reference": reference}
    return {name: value for name, value in members.items() if value}
