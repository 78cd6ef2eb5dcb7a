"""``/api/expirations/feed``: a URL to which a calendar program can subscribe.

Such a program sends no Entra token, so the URL contains a signed one. It shows what the caller who asked for
it sees, until it expires or its key is replaced.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from pydantic import ValidationError

from onboarding import signing
from onboarding.api.callers import OPERATE_ROLE, Caller
from onboarding.api.documents import Document
from onboarding.api.endpoint import CLOUD_REFUSES, OPEN, Call, Reply, endpoint
from onboarding.api.expirations import CALENDAR, ExpirationFilter, ExpirationsResource
from onboarding.api.links import TokenQuery
from onboarding.api.problems import ProblemError
from onboarding.clock import Clock
from onboarding.errors import requests
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.signed_links import ACTIVE_KEYS

_PURPOSE: Final = "calendar-feed"
"""The purpose of the token; a token for anything else is not valid here."""

_LIFETIME: Final = timedelta(days=366)


class Feed(Document):
    """A calendar subscription. Its URL shows what its creator sees, without a sign-in."""

    url: str
    expires_at: datetime


class FeedsResource:
    """The endpoints."""

    def __init__(
        self, *, expirations: ExpirationsResource, secrets: ChannelSecrets, key: str, clock: Clock
    ) -> None:
        """``key`` names the vault's secret that signs. It is empty where a deployment has no feeds."""
        self._expirations = expirations
        self._secrets = secrets
        self._key = key
        self._clock = clock

    @endpoint(
        "POST /expirations/feed",
        name="create_feed",
        answers={201: Feed},
        problems=(requests.FEEDS_NOT_SET_UP, CLOUD_REFUSES),
    )
    async def create(self, call: Call[ExpirationFilter, None]) -> Reply:
        """Create a calendar subscription URL."""
        if not self._key:
            raise _not_set_up()
        expires_at = self._clock.now() + _LIFETIME
        filters = call.query.model_dump(mode="json", by_alias=True, exclude_unset=True)
        requester = "" if call.caller.operates else call.caller.id
        claims = {"for": requester, **{name: str(value) for name, value in filters.items()}}
        try:
            key = await self._secrets.value(self._key)
            token = signing.sign(key, claims, expires_at, purpose=_PURPOSE)
        except ValueError as error:  # the key is too short
            raise _not_set_up() from error
        feed = Feed(url=f"{call.called_url}?token={token}", expires_at=expires_at)
        return Reply(content=feed, status=HTTPStatus.CREATED)

    @endpoint(
        "GET /expirations/feed",
        name="read_feed",
        roles=OPEN,
        answers={200: CALENDAR},
        problems=(requests.FEED_EXPIRED, CLOUD_REFUSES),
    )
    async def read(self, call: Call[TokenQuery, None]) -> Reply:
        """Get the calendar of a subscription URL."""
        keys = await self._secrets.newest(self._key, ACTIVE_KEYS) if self._key else ()
        claims = signing.verify(keys, call.query.token, self._clock.now(), purpose=_PURPOSE)
        if claims is None:
            raise ProblemError(requests.FEED_EXPIRED)
        requester = claims.pop("for")
        caller = Caller(id=requester, name="calendar", roles=() if requester else (OPERATE_ROLE,))
        try:
            filters = ExpirationFilter.model_validate(claims)
        except ValidationError as error:  # an earlier release allowed more
            raise ProblemError(requests.FEED_EXPIRED) from error
        wanted = self._expirations.wanted(filters, caller)
        reply, _ = await self._expirations.file(wanted, CALENDAR)
        return reply


def _not_set_up() -> ProblemError:
    return ProblemError(requests.FEEDS_NOT_SET_UP, shortest=signing.SHORTEST_KEY)
