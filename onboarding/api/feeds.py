"""``/api/expirations/feed``: a URL to which a calendar program can subscribe, and ``…/feeds`` to revoke it.

Such a program sends no Entra token, so the URL contains a signed one, which names a feed. It shows what its
creator can see, until it expires, is revoked, or its key is replaced.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError

from onboarding import signing
from onboarding.api import feed_store
from onboarding.api.callers import OPERATE_ROLE, Caller
from onboarding.api.documents import Document
from onboarding.api.endpoint import CLOUD_REFUSES, OPEN, Call, Reply, endpoint
from onboarding.api.expirations import CALENDAR, ExpirationFilter, ExpirationsResource
from onboarding.api.feed_store import AWAY, MOST_FEEDS, FeedStore
from onboarding.api.links import TokenQuery
from onboarding.api.paging import Page, PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters
from onboarding.api.run_documents import Requester
from onboarding.clock import Clock
from onboarding.errors import feeds, requests
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.link_tokens import LinkTokens
from onboarding.storage.unreadable_rows import Readable
from onboarding.texts import phrases
from onboarding.words.word import Word

_PURPOSE: Final = "calendar-feed"
"""The purpose of the token; a token for anything else is not valid here."""


class Feed(Document):
    """A calendar subscription. Its URL shows what its creator sees, without a sign-in."""

    id: str
    url: str
    expires_at: datetime


class FeedDetails(Document):
    """A calendar subscription without its URL."""

    id: str
    created_by: Requester
    created_at: datetime
    expires_at: datetime
    lapses_at: Annotated[
        datetime,
        Field(
            description=(
                f"When it ends, unless its creator calls this API: {AWAY.days} days after the last call, "
                "or at once when the creator has lost the role. In the past: it has ended."
            )
        ),
    ]
    shows_all: Annotated[bool, Field(description="Whether it shows the connections of all requesters.")]
    filters: Annotated[dict[str, Word], Field(description="As parameters of the URL.")]

    @classmethod
    def of(cls, feed: feed_store.Feed, ends_at: datetime) -> Self:
        """A stored feed."""
        return cls(
            id=feed.id,
            created_by=Requester(id=feed.maker, name=feed.maker_name),
            created_at=feed.created_at,
            expires_at=feed.expires_at,
            lapses_at=ends_at,
            shows_all=feed.operates,
            filters=dict(feed.filters),
        )


class FeedList(Page[FeedDetails]):
    """A page of calendar subscriptions."""


class FeedsResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        expirations: ExpirationsResource,
        store: FeedStore,
        secrets: ChannelSecrets,
        key: str,
        clock: Clock,
    ) -> None:
        """``key`` names the vault's secret that signs. It is empty where a deployment has no feeds."""
        self._expirations = expirations
        self._store = store
        self._tokens = LinkTokens(secrets, key, clock, purpose=_PURPOSE)
        self._clock = clock

    @endpoint(
        "POST /expirations/feed",
        name="create_feed",
        answers={201: Feed},
        problems=(feeds.FEEDS_NOT_SET_UP, feeds.TOO_MANY_FEEDS, CLOUD_REFUSES),
    )
    async def create(self, call: Call[ExpirationFilter, None]) -> Reply:
        """Create a calendar subscription URL."""
        if not await self._tokens.are_possible():
            raise _not_set_up()
        feed = await self._store.add(call.caller, call.query.as_parameters())
        if feed is None:
            raise ProblemError(feeds.TOO_MANY_FEEDS, most=MOST_FEEDS)
        token = await self._tokens.sign({"feed": feed.id}, feed.expires_at)
        document = Feed(id=feed.id, url=f"{call.called_url}?token={token}", expires_at=feed.expires_at)
        return Reply(content=document, status=HTTPStatus.CREATED)

    @endpoint(
        "GET /expirations/feed",
        name="read_feed",
        roles=OPEN,
        answers={200: CALENDAR},
        problems=(feeds.FEED_EXPIRED, CLOUD_REFUSES),
    )
    async def read(self, call: Call[TokenQuery, None]) -> Reply:
        """Get the calendar of a subscription URL."""
        now = self._clock.now()
        claims = await self._tokens.read(call.query.token)
        found = await self._store.find(claims["feed"]) if claims and "feed" in claims else None
        if found is None or found[1] <= now:
            raise ProblemError(feeds.FEED_EXPIRED)
        feed, ends_at = found
        caller = Caller(id=feed.maker, name=feed.maker_name, roles=(OPERATE_ROLE,) if feed.operates else ())
        try:
            filters = ExpirationFilter.model_validate(ExpirationFilter.gathered(feed.filters))
        except ValidationError as error:  # an earlier release allowed more
            raise ProblemError(feeds.FEED_EXPIRED) from error
        wanted = self._expirations.wanted(filters, caller)
        reply, _ = await self._expirations.file(wanted, CALENDAR, feed_ends_at=ends_at)
        return reply

    @endpoint("GET /expirations/feeds", name="list_feeds", answers={200: FeedList})
    async def list(self, call: Call[PageQuery, None]) -> FeedList:
        """List calendar subscriptions: a requester's own, or all for operators."""
        maker = None if call.caller.operates else call.caller.id
        found, continuation = await self._store.page(
            maker, size=call.query.size, continuation=call.query.continuation
        )
        documents = Readable((FeedDetails.of(*feed) for feed in found), found.unreadable)
        return FeedList.of(documents, call.next_link(continuation, maxpagesize=call.query.size))

    @endpoint(
        "DELETE /expirations/feeds/{id}",
        name="revoke_feed",
        answers={200: FeedDetails},
        problems=(requests.NOT_FOUND,),
    )
    async def revoke(self, call: Call[Parameters, None]) -> FeedDetails:
        """Revoke a calendar subscription, and return it as it was. Its URL is no longer valid."""
        found = await self._store.find(call.path["id"])
        if found is None or not call.caller.may_see(found[0].maker):
            raise ProblemError(requests.NOT_FOUND, what=phrases.THE_FEED.of())
        await self._store.remove(found[0])
        return FeedDetails.of(*found)


def _not_set_up() -> ProblemError:
    return ProblemError(feeds.FEEDS_NOT_SET_UP, shortest=signing.SHORTEST_KEY)
