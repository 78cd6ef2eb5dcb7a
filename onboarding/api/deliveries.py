"""``/api/channels/{name}/deliveries``: what was sent to a channel, and how to send one delivery again."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Self

from pydantic import Field

from onboarding.api.channels import ChannelReports
from onboarding.api.documents import Document, NoticeKind, OutcomeCode, Wording, wording
from onboarding.api.endpoint import OPERATORS, Call, Reply, endpoint
from onboarding.api.paging import Page, PageQuery
from onboarding.api.problems import ProblemError
from onboarding.api.reading import Parameters, is_id
from onboarding.api.told import StepError
from onboarding.errors import requests
from onboarding.notices.deliveries import DELIVER, ESCALATE
from onboarding.notices.delivery_log import DeliveryLog
from onboarding.notices.digests import SEND
from onboarding.notices.notice import DIGEST, DeliveryRequest
from onboarding.texts import phrases, reasons
from onboarding.workflow.interventions import NotPossibleError
from onboarding.workflow.run import Run, RunStatus


class Delivery(Document):
    """A notice on its way to a channel."""

    id: str
    channel: Annotated[str, Field(description="The channel, or mail: and an address.")]
    kind: NoticeKind
    event_id: Annotated[str | None, Field(description="The id of the event. Missing for a digest.")]
    connection_id: str | None
    status: RunStatus
    outcome: Annotated[Wording, Field(description="What the channel answered, or why nothing was sent.")]
    outcome_code: Annotated[OutcomeCode, Field(description="The same for programs.")] = ""
    outcome_args: Annotated[
        dict[str, Any], Field(default_factory=dict, description="The values in `outcome`.")
    ]
    created_at: datetime
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    attempts: int
    error: StepError | None
    repeats: Annotated[str | None, Field(description="The delivery that it repeats.")]

    @classmethod
    def of(cls, run: Run, log: DeliveryLog) -> Self:
        """The delivery of a run."""
        request = log.request(run)
        step = max(run.steps.values(), key=lambda step: (step.error is not None, step.attempt))
        results = (ending.found_in(run) for ending in (DELIVER, ESCALATE, SEND))
        result = next(filter(None, results), None)
        notice = request.notice if isinstance(request, DeliveryRequest) else None
        return cls(
            id=run.head.id,
            channel=request.channel,
            kind=str(notice.kind) if notice else DIGEST,
            event_id=notice.id if notice else None,
            connection_id=(notice.connection or None) if notice else None,
            status=log.status(run),
            **wording("outcome", result.how if result else phrases.NOTHING),
            created_at=run.head.created_at,
            last_attempt_at=step.changed_at,
            next_attempt_at=step.due_at,
            attempts=step.attempt,
            error=step.error,
            repeats=(request.repeats or None) if isinstance(request, DeliveryRequest) else None,
        )


class DeliveryList(Page[Delivery]):
    """A page of deliveries, the newest first."""


class DeliveriesResource:
    """The endpoints."""

    def __init__(self, *, log: DeliveryLog, channels: ChannelReports) -> None:
        self._log = log
        self._channels = channels

    @endpoint(
        "GET /channels/{name}/deliveries",
        name="list_deliveries",
        roles=OPERATORS,
        answers={200: DeliveryList},
        problems=(requests.NOT_FOUND,),
    )
    async def list(self, call: Call[PageQuery, None]) -> DeliveryList:
        """List the deliveries to a channel, the newest first."""
        channel = await self._channels.one(call.path["name"])

        async def shown(run: Run) -> Delivery:
            return Delivery.of(run, self._log)

        found, continuation = await self._log.page(
            channel.name, shown, size=call.query.size, continuation=call.query.continuation
        )
        return DeliveryList.of(found, call.next_link(continuation, maxpagesize=call.query.size))

    @endpoint(
        "POST /deliveries/{id}/redeliver",
        name="redeliver",
        roles=OPERATORS,
        answers={202: Delivery},
        problems=(requests.NOT_FOUND, requests.NOT_IN_THIS_STATUS),
    )
    async def redeliver(self, call: Call[Parameters, None]) -> Reply:
        """Send a notice to its channel again.

        A delivery that waits is retried now. If it has ended, a new delivery starts, and its event has the
        same ID. It is sent whether or not it still applies.
        """
        identifier = call.path["id"]
        run = await self._log.get(identifier) if is_id(identifier) else None
        if run is None:
            raise ProblemError(requests.NOT_FOUND, what=reasons.THE_DELIVERY.of())
        try:
            again = await self._log.again(run, call.caller.author)
        except NotPossibleError as error:
            raise ProblemError(
                requests.NOT_IN_THIS_STATUS,
                what=reasons.THE_DELIVERY.of(),
                current=error.status,
                participle=reasons.REPEATED.of(),
                rule=reasons.REPEATED_RULE.of(),
            ) from error
        return Reply(content=Delivery.of(again, self._log), status=HTTPStatus.ACCEPTED)
