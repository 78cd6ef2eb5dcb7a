"""``/api/links``: what a signed link in a message does, without a sign-in.

Mail scanners open links, so opening one changes nothing: it shows a page with a button. The token is a
query parameter, since it is longer than some front ends allow for a part of a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from onboarding.api.connection_documents import Connection as Document
from onboarding.api.connections import Connections
from onboarding.api.endpoint import CLOUD_REFUSES, HTML, OPEN, Call, Reply, endpoint
from onboarding.api.handover_links import AUTHOR, HandoverLinks, gone
from onboarding.api.pages import page
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters, Query
from onboarding.clock import Clock
from onboarding.connections.cadence import SECRET
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.errors import requests
from onboarding.expiry.user_responses import Responder, UserResponses
from onboarding.notices.signed_links import (
    ACKNOWLEDGE,
    CONFIRM,
    OPERATORS,
    OWNER,
    SNOOZE_DAYS,
    NoticeLinks,
    is_revoked,
)
from onboarding.texts import phrases
from onboarding.texts.phrases import Said


class TokenQuery(Query):
    """The token of a signed URL. Other parameters are ignored, because mail filters add some."""

    token: str = Field("", description="Opaque; part of the link.", json_schema_extra={"required": True})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Action:
    """What a link does, as long as the expiration has not changed."""

    connection: Connection
    kind: str
    ends_at: datetime
    acknowledges: bool
    operator: bool  # the link was in a message to a channel of the deployment

    @property
    def expiration(self) -> Said:
        """A sentence about the expiration, without its full stop."""
        kind = phrases.SECRET_EXPIRES if self.kind == SECRET else phrases.SECRET_RENEWABLE
        return kind.of(app=self.connection.server_app.name, day=self.ends_at)


class LinksResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        links: NoticeLinks,
        shown: Connections,
        connections: ConnectionStore,
        responses: UserResponses,
        handovers: HandoverLinks,
        clock: Clock,
    ) -> None:
        self._links = links
        self._shown = shown
        self._handovers = handovers
        self._connections = connections
        self._responses = responses
        self._clock = clock

    @endpoint(
        "GET /links",
        name="show_link",
        roles=OPEN,
        answers={200: HTML, 410: HTML},
        problems=(CLOUD_REFUSES,),
    )
    async def show(self, call: Call[TokenQuery, None]) -> Reply:
        """Show a page that describes a signed link, with a button."""
        claims = await self._links.read(call.query.token)
        if claims and claims["do"] == CONFIRM:
            return await self._handovers.show(claims) if self._may_confirm(claims) else gone()
        action = await self._action(claims)
        if action is None:
            return gone()
        if action.acknowledges:
            label = phrases.ACKNOWLEDGE.of()
            effect = (phrases.NOT_ESCALATED if action.operator else phrases.NO_MORE_REMINDERS).of()
        else:
            label = phrases.REMIND_LATER.of()
            effect = phrases.NO_REMINDERS_UNTIL.of(until=self._until(action))
        return page(
            "link.html",
            form=True,
            action=label,
            effect=effect,
            connection=action.connection,
            expiration=action.expiration,
        )

    @endpoint(
        "POST /links",
        name="follow_link",
        roles=OPEN,
        answers={200: HTML, 410: HTML},
        problems=(CLOUD_REFUSES,),
    )
    async def follow(self, call: Call[TokenQuery, None]) -> Reply:
        """Carry out a signed link."""
        claims = await self._links.read(call.query.token)
        if claims and claims["do"] == CONFIRM:
            return await self._handovers.follow(claims) if self._may_confirm(claims) else gone()
        action = await self._action(claims)
        if action is None:
            return gone()
        expiration = (action.connection.id, action.kind, action.ends_at)
        if action.acknowledges:
            done = await self._responses.acknowledge(*expiration, Responder(AUTHOR, operates=action.operator))
            result = phrases.ACKNOWLEDGED.of()
        else:
            until = self._until(action)
            result = phrases.SNOOZED.of(until=until)
            responder = Responder(AUTHOR, operates=action.operator)
            done = await self._responses.snooze(*expiration, until, responder)
        return page("link-done.html", result=result, expiration=action.expiration) if done else gone()

    @endpoint(
        "POST /connections/{id}/links/revoke",
        name="revoke_links",
        answers={200: Document},
        problems=(requests.NOT_FOUND,),
    )
    async def revoke(self, call: Call[Parameters, None]) -> Document:
        """Revoke all links in messages about a connection that have been sent so far."""
        found = await self._shown.find(call)
        changed = await self._responses.revoke_links(found, call.caller.author)
        if changed is None:
            raise ProblemError(requests.NOT_FOUND, what=phrases.THE_CONNECTION.of())
        return self._shown.document(changed)

    def _may_confirm(self, claims: Mapping[str, str]) -> bool:
        """Whether a link confirms: the deployment can reserve that for operators after it was sent."""
        return self._links.may_confirm(claims.get("for", OWNER))

    def _until(self, action: _Action) -> datetime:
        latest = self._responses.latest(action.ends_at)
        return min(self._clock.now() + timedelta(days=SNOOZE_DAYS), latest)

    async def _action(self, claims: Mapping[str, str] | None) -> _Action | None:
        """What a link does; None if it is forged or too old, or if the expiration has changed."""
        if claims is None or (connection := await self._connections.get(claims["connection"])) is None:
            return None
        ends_at = datetime.fromisoformat(claims["endsAt"])
        if connection.expirations.get(claims["expiration"]) != ends_at or is_revoked(claims, connection):
            return None
        return _Action(
            connection=connection,
            kind=claims["expiration"],
            ends_at=ends_at,
            acknowledges=claims["do"] == ACKNOWLEDGE,
            operator=claims.get("for") == OPERATORS,
        )
