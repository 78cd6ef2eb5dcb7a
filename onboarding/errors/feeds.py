"""What callers get about calendar subscriptions and links in messages."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.actions import Action, ActionKind
from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType

FEEDS_NOT_SET_UP: Final = ErrorType(
    code="feeds-not-set-up",
    actor=Actor.OPERATOR,
    status=HTTPStatus.CONFLICT,
    title="Calendar feeds are not set up",
    detail="The deployment has no key for calendar feeds, or the key is too short.",
    remedy="Set LINK_KEY to the name of a vault secret with at least {shortest} characters.",
)
FEED_EXPIRED: Final = ErrorType(
    code="feed-expired",
    status=HTTPStatus.GONE,
    title="The feed URL is no longer valid",
    detail=(
        "The feed URL has expired, was revoked or is incomplete, its key has been replaced, or its creator "
        "no longer uses this API."
    ),
    remedy="Create a new feed URL.",
    actions=(
        Action(
            kind=ActionKind.CREATE_FEED,
            label="Create a new feed URL",
            actor=Actor.REQUESTER,
            method="POST",
            path="/api/expirations/feed",
        ),
    ),
)
TOO_MANY_FEEDS: Final = ErrorType(
    code="too-many-feeds",
    status=HTTPStatus.CONFLICT,
    title="The caller has too many calendar feeds",
    detail="A caller can have {most} calendar feeds at the same time.",
    remedy="Revoke feeds that are no longer used.",
    actions=(
        Action(
            kind=ActionKind.READ,
            label="List the feeds",
            actor=Actor.REQUESTER,
            method="GET",
            path="/api/expirations/feeds",
        ),
    ),
)
