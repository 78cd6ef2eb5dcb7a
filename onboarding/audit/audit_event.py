"""An entry of the audit trail, and its place in a chain.

Text from requesters (reasons, names) is data: it is in ``detail``, and nothing interprets it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from onboarding import version
from onboarding.behalf import Behalf
from onboarding.calls import CloudCall
from onboarding.storage import keys
from onboarding.storage.codec import Codec, UnreadableError
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import UnreadableRowError, text
from onboarding.texts import reasons

SERVICE: Final = "service"
"""The tenant of a chain whose events belong to no tenant, and the actor if nobody has signed in."""

_LONGEST_DETAIL: Final = 1000  # characters
_LONGEST_ID: Final = 100
_LONGEST_LINE: Final = 30_000
"""Characters; a column has at most 32,768
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model)."""

_TENANT: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class EventSubject(NamedTuple):
    """What an event is about; empty fields mean no tenant or no connection."""

    tenant: str = ""
    connection: str = ""

    @classmethod
    def of_connection(cls, connection: str) -> EventSubject:
        """A connection. Its ID begins with its tenant, but a caller can send any text."""
        tenant = connection.partition(".")[0]
        return cls(tenant if _TENANT.fullmatch(tenant) else "", connection[:_LONGEST_ID])


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """Who did what, when, to what, and with which calls."""

    id: str  # the same event has the same ID, even if it is in the trail twice
    at: datetime
    kind: str
    actor: str
    actor_id: str = ""  # object ID in the home tenant; empty for the service
    on_behalf_of: Behalf | None = None  # as the caller reports it; not verified
    tenant: str = ""
    connection: str = ""
    run: str = ""
    step: str = ""
    attempt: int = 0
    request: str = ""  # x-ms-request-id of the call of this API
    status: int = 0  # HTTP status of the answer; 0: the call had not been answered yet
    detail: str = ""
    error: str = ""  # code
    calls: tuple[CloudCall, ...] = ()
    commit: str = ""  # of the code
    chain: str = ""  # month and tenant
    number: int = 0  # in the chain, beginning with 1
    previous: str = ""  # hash of the line before

    def linked(self, number: int, previous: str) -> AuditEvent:
        """The event at its place in its chain. If it is too long, its newest calls are kept."""
        linked = replace(
            self,
            detail=self.detail[:_LONGEST_DETAIL],
            commit=version.current().commit,
            chain=chain_of(self.tenant, self.at),
            number=number,
            previous=previous,
        )
        while linked.calls and len(linked.line) > _LONGEST_LINE:
            linked = replace(linked, calls=linked.calls[len(linked.calls) // 2 + 1 :])
        return linked

    @property
    def line(self) -> str:
        """The event as one line of text, as it is stored."""
        return CODEC.dump(self)

    @property
    def key(self) -> str:
        """The key of its row, which sorts the oldest first."""
        return f"{keys.milliseconds(self.at)}:{self.number:08d}"

    @classmethod
    def of_line(cls, line: str) -> AuditEvent:
        """The event of a line. Raises ``UnreadableError``."""
        return CODEC.load(line)

    @classmethod
    def from_row(cls, row: Row) -> AuditEvent:
        """The event of a row."""
        line = text(row, "document")
        try:
            event = cls.of_line(line)
        except UnreadableError as error:
            raise UnreadableRowError(
                row, reasons.ROW_COLUMN.of(column="document", fault=error.said)
            ) from error
        for name, value in columns_of(event).items():
            if row.columns.get(name) != value:
                raise UnreadableRowError(row, reasons.ROW_COLUMN_DIFFERS.of(column=name))
        return event


CODEC: Final = Codec(AuditEvent)


def row_of(line: str) -> Row:
    """The row of a line. Raises ``UnreadableError``."""
    event = AuditEvent.of_line(line)
    return Row(partition=event.chain, key=event.key, columns={"document": line, **columns_of(event)})


def columns_of(event: AuditEvent) -> Mapping[str, Any]:
    """The columns by which events are found."""
    return {
        "connection": event.connection or None,
        "actor": event.actor_id or event.actor,
        "run": event.run or None,
    }


def hash_of(line: str) -> str:
    """The hash by which the next event of the chain refers to this one."""
    return hashlib.sha256(line.encode()).hexdigest()


def chain_of(tenant: str, at: datetime) -> str:
    """The chain of an event."""
    return chain_in(month_of(at), tenant)


def chain_in(month: str, tenant: str) -> str:
    """The chain of a tenant in a month, which is the partition of its rows too."""
    return f"{month}:{tenant if _TENANT.fullmatch(tenant) else SERVICE}"


def month_of(at: datetime) -> str:
    """The month of a moment in UTC, as text that sorts."""
    return f"{at.astimezone(UTC):%Y%m}"
