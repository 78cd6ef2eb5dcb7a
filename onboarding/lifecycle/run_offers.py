"""What a requester can do with a run that has failed."""

from __future__ import annotations

from collections.abc import Iterator

from onboarding.errors import Action, ActionKind, Actor


def offers(path: str, *, onboarding: bool) -> Iterator[Action]:
    """The actions, the first step first. ``path`` is that of the run in the API."""
    yield Action(
        kind=ActionKind.RETRY,
        label="Retry the run after the cause is corrected",
        actor=Actor.REQUESTER,
        method="POST",
        path=f"/api{path}/retry",
    )
    if onboarding:
        yield Action(
            kind=ActionKind.ROLL_BACK,
            label="Remove what the onboarding created",
            actor=Actor.REQUESTER,
            method="POST",
            path=f"/api{path}/rollback",
        )
