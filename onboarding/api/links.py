"""``/api/links``: what a signed link in a message does, without a sign-in.

Mail scanners open links, so opening one changes nothing: it shows a page with a button. The token is a
query parameter, since it is longer than some front ends allow for a part of a path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from http import HTTPStatus
from typing import Final

import azure.functions as func

from onboarding.api.callers import Caller
from onboarding.api.pages import page
from onboarding.clock import Clock
from onboarding.connections.cadence import SECRET
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.expiry.user_responses import UserResponses
from onboarding.notices.signed_links import ACKNOWLEDGE, SNOOZE_DAYS, NoticeLinks

_BY: Final = "signed link"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wish:
    """What a link is for, as long as the expiration is as it was."""

    connection: Connection
    kind: str
    ends_at: datetime
    acknowledges: bool

    @property
    def what(self) -> str:
        """Which end it is about."""
        app = self.connection.server_app.name
        if self.kind == SECRET:
            return f"The client secret of '{app}' ends on {self.ends_at:%Y-%m-%d}"
        return f"The secret of '{app}' can be renewed until {self.ends_at:%Y-%m-%d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """The endpoints."""

    links: NoticeLinks
    connections: ConnectionStore
    responses: UserResponses
    clock: Clock

    async def show(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """Says what a link will do, with a button that does it."""
        wish = await self._wish(request)
        if wish is None:
            return _gone()
        if wish.acknowledges:
            label = "Acknowledge"
            effect = "Whoever looks at the connection sees that it is known, and it is not escalated."
        else:
            until = f"{self._until(wish):%Y-%m-%d %H:%M} UTC"
            label, effect = "Remind me later", f"Until {until} nobody is told of it."
        return page(
            f"{label}: {wish.connection.name}",
            f"<p>{escape(wish.what)} (tenant {escape(wish.connection.tenant_name)}).</p>"
            f'<p>{escape(effect)}</p><form method="post"><button>{escape(label)}</button></form>',
            form=True,
        )

    async def follow(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """Does what a link is for; doing it twice is the same."""
        wish = await self._wish(request)
        if wish is None:
            return _gone()
        where = (wish.connection.id, wish.kind, wish.ends_at)
        if wish.acknowledges:
            title, done = "Acknowledged", await self.responses.acknowledge(*where, _BY)
        else:
            until = self._until(wish)
            title = f"You hear of it again after {until:%Y-%m-%d %H:%M} UTC"
            done = await self.responses.snooze(*where, until, _BY)
        return page(title, f"<p>{escape(wish.what)}.</p><p>You can close this page.</p>") if done else _gone()

    def _until(self, wish: _Wish) -> datetime:
        return min(self.clock.now() + timedelta(days=SNOOZE_DAYS), self.responses.latest(wish.ends_at))

    async def _wish(self, request: func.HttpRequest) -> _Wish | None:
        """What a link is for; None for one that is forged, too old, or about an end that was moved."""
        claims = await self.links.read(request.params.get("token", ""))
        if claims is None or (connection := await self.connections.get(claims["connection"])) is None:
            return None
        ends_at = datetime.fromisoformat(claims["endsAt"])
        if connection.expirations.get(claims["expiration"]) != ends_at:
            return None
        return _Wish(
            connection=connection,
            kind=claims["expiration"],
            ends_at=ends_at,
            acknowledges=claims["do"] == ACKNOWLEDGE,
        )


def _gone() -> func.HttpResponse:
    return page(
        "There is nothing to do here any more",
        "<p>The link is too old or not complete, or what it is about has been renewed since.</p>",
        status=HTTPStatus.GONE,
    )
