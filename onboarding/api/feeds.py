"""``/api/expirations/feed``: an address to which a calendar program can subscribe.

Such a program sends no Entra token, so the address itself holds a signed one: for what the caller who asked
for it sees, until it expires or the key that signed it is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import azure.functions as func

from onboarding import signing
from onboarding.api.callers import OPERATE_ROLE, Caller
from onboarding.api.expirations import FILTERS, Expirations
from onboarding.api.front import Front, answer
from onboarding.api.moments import iso
from onboarding.api.parameters import known_only
from onboarding.api.problems import ProblemError
from onboarding.clock import Clock
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.signed_links import ACTIVE_KEYS

_SUBSCRIBE: Final = "subscribe"
"""What the token is for; one that is for anything else is none of a feed."""

_GOOD_FOR: Final = timedelta(days=366)


@dataclass(frozen=True, kw_only=True, slots=True)
class Feeds:
    """The endpoints."""

    front: Front
    expirations: Expirations
    secrets: ChannelSecrets
    key: str  # name of the vault's secret that signs; empty: there are no feeds
    clock: Clock

    async def create(self, request: func.HttpRequest, caller: Caller) -> func.HttpResponse:
        """The address of a feed with what the caller sees, as far as the filters let it through."""
        filters = known_only(request.params, *FILTERS)
        self.expirations.wanted(filters, caller)  # so that a wrong one is told now
        if not self.key:
            raise _not_set_up()
        expires_at = self.clock.now() + _GOOD_FOR
        claims = {"do": _SUBSCRIBE, "for": "" if caller.operates else caller.id, **filters}
        try:
            token = signing.sign(await self.secrets.value(self.key), claims, expires_at)
        except ValueError as error:  # the key is too short
            raise _not_set_up() from error
        url = f"{self.front.url(request, 'expirations/feed')}?token={token}"
        return answer({"url": url, "expiresAt": iso(expires_at)}, HTTPStatus.CREATED)

    async def read(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """The calendar, for whoever has the address."""
        token = request.params.get("token", "")
        keys = await self.secrets.newest(self.key, ACTIVE_KEYS) if self.key else ()
        claims = signing.verify(keys, token, self.clock.now())
        if claims is None or claims.pop("do") != _SUBSCRIBE:
            raise ProblemError(
                HTTPStatus.GONE,
                "feed-expired",
                "The feed's address is not good any more",
                "It is too old, not complete, or its key was replaced. Ask for a new one.",
            )
        requester = claims.pop("for")
        caller = Caller(id=requester, name="calendar", roles=() if requester else (OPERATE_ROLE,))
        return await self.expirations.feed(claims, caller)


def _not_set_up() -> ProblemError:
    return ProblemError(
        HTTPStatus.CONFLICT,
        "feeds-not-set-up",
        "There is no key that signs feeds",
        f"Whoever operates it sets LINK_KEY to one of at least {signing.SHORTEST_KEY} characters.",
    )
