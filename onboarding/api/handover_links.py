"""What the signed link to confirm a handover does: a person opens it, or the script at the site posts it."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from onboarding.api.endpoint import Reply
from onboarding.api.pages import page
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.handover import ConfirmationWay, HandoverState
from onboarding.connections.records import Connection
from onboarding.expiry.handovers import Handovers
from onboarding.notices.signed_links import handover_claims, is_revoked
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.workflow.run import Author

AUTHOR: Final = Author(name="signed link")
"""Who follows a link: nobody signs in."""


class HandoverLinks:
    """Shows and follows the links. Each is valid until the handover is confirmed in any way."""

    def __init__(self, *, connections: ConnectionStore, handovers: Handovers) -> None:
        self._connections = connections
        self._handovers = handovers

    async def show(self, claims: Mapping[str, str]) -> Reply:
        """A page with a button."""
        connection = await self._waiting(claims)
        if connection is None:
            return gone()
        return page(
            "link.html",
            form=True,
            action=phrases.SITE_CONNECTED_QUESTION.of(),
            effect=phrases.CONFIRM_AFTER_SCRIPT.of(),
            connection=connection,
            expiration=_sentence(connection),
        )

    async def follow(self, claims: Mapping[str, str]) -> Reply:
        """Confirms the handover."""
        connection = await self._waiting(claims)
        done = connection and await self._handovers.confirm(connection, AUTHOR, ConfirmationWay.LINK)
        if not done:
            return gone()
        result = phrases.SITE_CONNECTED.of(name=done.name)
        return page("link-done.html", result=phrases.IS_CONFIRMED.of(), expiration=result)

    async def _waiting(self, claims: Mapping[str, str]) -> Connection | None:
        """The connection of a link, if it still waits for the secret of that handover."""
        found = await self._connections.get(claims["connection"])
        if found is None or found.handover_state is not HandoverState.WAITING:
            return None
        same = handover_claims(found).items() <= claims.items()
        return found if same and not is_revoked(claims, found) else None


def gone() -> Reply:
    """The page of a link that is no longer valid."""
    return page("link-gone.html", HTTPStatus.GONE)


def _sentence(connection: Connection) -> Said:
    return phrases.WAITS_FOR_SITE.of(name=connection.name)
