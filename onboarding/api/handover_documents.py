"""The handover of a connection, as callers see it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from onboarding.api.documents import Document
from onboarding.api.run_documents import OnBehalfOf
from onboarding.connections import records
from onboarding.connections.handover import ConfirmationWay, HandoverState


class Handover(Document):
    """Whether the site is connected, as far as people have reported it."""

    state: HandoverState
    since: Annotated[
        datetime | None, Field(description=("The time from which the site could be connected."))
    ] = None
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    confirmed_via: ConfirmationWay | None = None
    on_behalf_of: OnBehalfOf | None = None

    @classmethod
    def of(cls, record: records.Connection) -> Self:
        """The handover of a connection."""
        handover = record.handover
        confirmation = handover.confirmation if handover else None
        since = handover.since if handover else None
        if confirmation is None:
            return cls(state=record.handover_state, since=since)
        return cls(
            state=record.handover_state,
            since=since,
            confirmed_at=confirmation.at,
            confirmed_by=confirmation.by,
            confirmed_via=confirmation.way,
            on_behalf_of=confirmation.on_behalf_of,
        )
