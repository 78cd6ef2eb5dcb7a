"""Notifies subscribers of onboardings, renewals and removals that wait or have ended.

An event about an operation has the data of its connection, or of its onboarding if there is no connection.

The last steps of a renewal and an off-boarding announce their success, because they know the connection.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection, connection_id
from onboarding.errors import Actor
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.requests import REQUESTER, Removal, Renewal
from onboarding.lifecycle.run_offers import offers
from onboarding.notices import changes
from onboarding.notices.about import About
from onboarding.notices.announcing import Notices
from onboarding.notices.notice import NoticeKind
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.words.line import isolated
from onboarding.workflow.run import Author, Head, Run, RunStatus, StepState, StepStatus

log = logging.getLogger(__name__)

_ONBOARDINGS: Final = {
    RunStatus.SUCCEEDED: (NoticeKind.ONBOARDING_SUCCEEDED, "The onboarding of '{name}' has succeeded."),
    RunStatus.FAILED: (NoticeKind.ONBOARDING_FAILED, "The onboarding of '{name}' has failed: {cause}"),
    RunStatus.CANCELLED: (NoticeKind.ONBOARDING_CANCELLED, "The onboarding of '{name}' is cancelled."),
    RunStatus.ROLLED_BACK: (NoticeKind.ONBOARDING_ROLLED_BACK, "The onboarding of '{name}' is rolled back."),
}
_OPERATIONS: Final = {
    RunStatus.FAILED: (NoticeKind.OPERATION_FAILED, "The {plan} of '{name}' has failed: {cause}"),
    RunStatus.CANCELLED: (NoticeKind.OPERATION_CANCELLED, "The {plan} of '{name}' is cancelled."),
}


class RunEvents:
    """What a runtime calls when a run waits or has ended."""

    def __init__(
        self,
        notices: Notices,
        request_of: Callable[[Head], Any],
        *,
        connection: Callable[[str], Awaitable[Connection | None]],
        onboarding: Callable[[str], Awaitable[Head | None]],
    ) -> None:
        """``request_of`` reads the request of a run, ``connection`` and ``onboarding`` what it is about.

        They can raise ``UnreadableRowError``.
        """
        self._notices = notices
        self._request_of = request_of
        self._connection = connection
        self._onboarding = onboarding

    async def ended(self, run: Run, status: RunStatus) -> None:
        """Announces that a run has ended; a repetition has the same ID. Raises what storage raises."""
        about = await self._about(run.head)
        if about is None:
            return
        of_onboarding = about.onboarding == run.head.id
        known = (_ONBOARDINGS if of_onboarding else _OPERATIONS).get(status)
        if known is None:
            return
        kind, text = known
        failed = _failed(run) if status is RunStatus.FAILED else None
        error = failed.error if failed else None
        path = _path(run.head, of_onboarding=of_onboarding)
        values = {"name": isolated(about.name), "plan": run.head.plan, "cause": error.detail if error else ""}
        notice = changes.of_run(
            kind,
            about,
            run=run.head.id,
            path=path,
            at=_ended_at(run),
            message=text.format(**values),
            details=_details(run.head, status, failed, of_onboarding=of_onboarding),
            error=error,
            actor=error.actor if error else Actor.NOBODY,
            actions=(*error.actions, *offers(path, onboarding=of_onboarding)) if error else (),
            ends=error is None,
        )
        await self._notices.tell(notice, subscribers_only=True)

    async def waits(self, run: Run, step: StepState) -> None:
        """Announces that a run begins to wait for somebody. Raises what storage raises."""
        actor = _awaited(step)
        about = None if actor is Actor.NOBODY else await self._about(run.head)
        if about is None:
            return
        of_onboarding, error = about.onboarding == run.head.id, step.error
        what = "onboarding" if of_onboarding else run.head.plan
        cause = f"waits: {error.detail}" if error else f"waits for {step.waiting_for}."
        details = _details(run.head, RunStatus.WAITING, step, of_onboarding=of_onboarding)
        details["waitingCode"] = None if error else step.waiting_code
        notice = changes.of_run(
            NoticeKind.ONBOARDING_WAITS if of_onboarding else NoticeKind.OPERATION_WAITS,
            about,
            run=run.head.id,
            path=_path(run.head, of_onboarding=of_onboarding),
            at=step.changed_at or run.head.created_at,
            key=(step.name,),
            message=f"The {what} of '{isolated(about.name)}' {cause}",
            details=details,
            error=error,
            actor=actor,
            actions=step.actions or (error.actions if error else ()),
        )
        await self._notices.tell(notice, subscribers_only=True)

    async def _about(self, head: Head) -> About | None:
        """What a run is about; None if its request cannot be read, which is shown elsewhere."""
        try:
            request = self._request_of(head)
        except UnreadableRowError:
            log.warning("nobody is told about a run that cannot be read", extra={"run": head.id})
            return None
        requester = head.lists.get(REQUESTER, "")
        match request:
            case OnboardingRequest():
                return _of_onboarding(request, head.id, requester, head.author)
            case Removal() | Renewal():
                return await self._of_operation(request, requester)
        return None

    async def _of_operation(self, request: Removal | Renewal, requester: str) -> About:
        """What an operation is about, as far as it still exists."""
        with contextlib.suppress(UnreadableRowError):
            found = await self._connection(connection_id(request.tenant, request.name))
            if found and found.onboarding == request.onboarding:
                return About.of(found)
        author: Author | None = None
        with contextlib.suppress(UnreadableRowError):
            head = await self._onboarding(request.onboarding)
            author = head.author if head else None
            if head and isinstance(request, Renewal):
                request = Removal(onboarding=head.id, request=PLANS[head.plan].request_of(head))
        if isinstance(request, Removal):
            return _of_onboarding(request.request, request.onboarding, requester, author)
        return About(
            connection=request.connection,
            name=request.name,
            tenant=request.tenant,
            onboarding=request.onboarding,
            requester=requester,
            labels=request.labels,
        )


def _of_onboarding(
    request: OnboardingRequest, onboarding: str, requester: str, author: Author | None = None
) -> About:
    return About(
        connection=connection_id(request.tenant, request.name),
        name=request.name,
        tenant=request.tenant,
        onboarding=onboarding,
        requester=requester,
        requester_name=author.name if author else "",
        on_behalf_of=author.on_behalf_of if author else None,
        labels=request.labels,
        owners=tuple(owner.email for owner in request.owners),
    )


def _awaited(step: StepState) -> Actor:
    """For whom a step waits. A site has its own reminders."""
    if step.error:
        return step.error.actor if step.is_blocked else Actor.NOBODY
    if step.waiting_code in {"", WaitingCode.SITE_CONFIRMATION}:
        return Actor.NOBODY
    return WaitingCode(step.waiting_code).actor


def _path(head: Head, *, of_onboarding: bool) -> str:
    return f"/{'onboardings' if of_onboarding else 'operations'}/{head.id}"


def _details(head: Head, status: RunStatus, step: StepState | None, *, of_onboarding: bool) -> dict[str, Any]:
    operation = {} if of_onboarding else {"operationId": head.id, "operation": head.plan}
    error = step.error if step else None
    return {
        **operation,
        "status": str(status),
        "step": step.name if step else None,
        "code": error.code if error else None,
        "args": dict(error.args) if error else None,
    }


def _failed(run: Run) -> StepState | None:
    return next(
        (step for step in run.steps.values() if step.status is StepStatus.FAILED and step.error), None
    )


def _ended_at(run: Run) -> datetime:
    times = [run.head.undone_at, *(step.changed_at for step in run.steps.values())]
    return max((time for time in times if time), default=run.head.created_at)
