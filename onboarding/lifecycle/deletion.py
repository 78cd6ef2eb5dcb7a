"""The permanent deletion of an application that an onboarding created, with its service principal.

Both are first moved to the deleted items, where they can be restored for 30 days and reserve their names.
There, each is purged separately; it can take a while until the directory shows it.

Source: https://learn.microsoft.com/graph/api/directory-deleteditems-delete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onboarding.errors import OnboardingError, PermanentError
from onboarding.lifecycle import left_behind
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.left_behind import LeftBehind
from onboarding.lifecycle.requests import Removal
from onboarding.storage.codec import Codec
from onboarding.texts import phrases, reasons
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.plan import Context

_LONGEST: Final = timedelta(hours=1)
_PURGE_LOOKS: Final = (0.2, 0.5, 1, 2, 5, 10, 20, 30, 60)
"""Seconds between attempts to purge what the directory does not show among the deleted items yet."""
_PATIENCE: Final = timedelta(minutes=10)
"""How long the removal tries. Somebody else may have purged the objects, which looks the same."""
_AFTER_CRASH: Final = timedelta(seconds=30)
"""How long it tries if the worker of an earlier attempt died, which has most likely purged them."""

RemovalContext = Context[Services, Removal]
"""An attempt of a step of a removal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeApplication:
    """An application that the onboarding created, by object IDs."""

    object_id: str
    principal_id: str | None  # None: it has no service principal


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """The progress of the permanent deletion of an application, in object IDs."""

    deleted: bool = False  # by this removal, and not by somebody else
    requested: tuple[str, ...] = ()  # purges whose responses were lost
    purged: tuple[str, ...] = ()
    since: datetime | None = None  # of the first attempt


_DELETIONS: Final = Codec(Deletion)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoveResult:
    """Whether there was anything to remove."""

    removed: bool
    kept: tuple[str, ...] = ()  # object IDs of what may still be restored for 30 days
    left: tuple[LeftBehind, ...] = ()


async def delete(
    context: RemovalContext, kind: str, found: MadeApplication | None
) -> Done[RemoveResult] | Wait:
    """Deletes an application with its service principal and secrets, and then purges both.

    What the tenant refuses is left behind.
    """
    if found is None:
        return Done(result=RemoveResult(removed=False))
    tenant = context.request.tenant
    try:
        return await _delete(context, kind, found)
    except PermanentError as error:
        if not left_behind.refused(context.services, tenant, error):
            raise
        left = (left_behind.by_tenant(kind, found.object_id, tenant, error),)
        return Done(result=RemoveResult(removed=False, left=left), note=left_behind.note(left))


async def _delete(context: RemovalContext, kind: str, found: MadeApplication) -> Done[RemoveResult] | Wait:
    directory, now = context.services.directory(context.request.tenant), context.services.clock.now()
    state = _DELETIONS.load(context.step.memo) if context.step.memo else Deletion()
    since = state.since or now
    state = replace(state, since=since)
    if await directory.delete_application(found.object_id):
        state = replace(state, deleted=True)
    halves = [half for half in (found.object_id, found.principal_id) if half]
    denied = []
    for half in (half for half in halves if half not in state.purged):
        try:
            gone = await directory.purge(half) or half in state.requested
        except PermanentError:
            if half == found.object_id:
                raise
            denied.append(half)  # nothing that is in use depends on it
            continue
        except OnboardingError as error:
            error.memo = _DELETIONS.dump(replace(state, requested=(*state.requested, half)))
            raise
        if gone:
            state = replace(state, purged=(*state.purged, half))
    kept = tuple(half for half in halves if half not in state.purged)
    patience = _AFTER_CRASH if context.step.attempt > context.step.tries + 1 else _PATIENCE
    if set(kept) - set(denied) and now - since < patience:  # not visible yet, or purged by somebody else
        pause = _PURGE_LOOKS[min(context.step.tries, len(_PURGE_LOOKS) - 1)]
        return Wait(
            reason=phrases.WAITS_DELETED.of(),
            code=WaitingCode.DIRECTORY,
            after=timedelta(seconds=pause),
            give_up_after=_LONGEST,
            memo=_DELETIONS.dump(state),
        )
    left = tuple(_kept(kind, half, found, denied=half in denied) for half in kept)
    return Done(result=RemoveResult(removed=True, kept=kept, left=left), note=left_behind.note(left))


def _kept(kind: str, half: str, found: MadeApplication, *, denied: bool) -> LeftBehind:
    """What may not be permanently deleted."""
    reason = reasons.LEFT_DELETED.of(
        subject=(reasons.LEFT_APP if half == found.object_id else reasons.LEFT_PRINCIPAL).of(),
        reason=(reasons.LEFT_NOT_ALLOWED if denied else reasons.LEFT_NOT_SHOWN).of(),
    )
    return LeftBehind(kind=kind, id=half, reason=str(reason), said=reason)
