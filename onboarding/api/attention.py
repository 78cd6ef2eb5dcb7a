"""What needs attention, the most serious first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field

from onboarding.api.attention_cases import CaseCode
from onboarding.api.attention_expirations import LONG, URGENT
from onboarding.api.attention_runs import code_of
from onboarding.api.attention_sites import needs_attention
from onboarding.api.blocked_runs import BlockedRuns
from onboarding.api.counting import Counted, Some
from onboarding.api.documents import AttentionCode, Url, Wording
from onboarding.api.overview_facts import OPEN, OverviewFacts
from onboarding.errors import Actor, steps
from onboarding.storage import names
from onboarding.texts import cases
from onboarding.texts.phrases import Said
from onboarding.workflow.blocked_steps import BlockedStep
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.received_message import ERRORS
from onboarding.workflow.run import RunStatus

RESTORED: Final = (steps.STORAGE_RESTORED.code, steps.VAULT_RESTORED.code)
"""The entries for a restore: until the records are reconciled, no other entry can be trusted."""

ATTENTION: Final = {title.code: title for title in cases.TITLES}
"""What else needs attention, the most serious first: the titles by code."""


class Attention(Counted):
    """Something that needs attention."""

    code: AttentionCode
    title: Wording
    args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in `title`.")]
    since: Annotated[datetime | None, Field(description="When the oldest of the cases that were read began.")]
    causes: Annotated[
        dict[str, int],
        Field(default_factory=dict, description="The cases by cause, the most frequent first."),
    ]
    url: Annotated[
        Url | None, Field(description="The URL of the list. Missing if this document has the list.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Need:
    """What an entry is about."""

    some: Some[Any]
    path: str | None = None  # of the list of the cases: /attention by default; empty: the overview
    since: Callable[[Any], datetime | None] = lambda _: None
    cause: Callable[[Any], Iterable[str]] = lambda _: ()


def attention(facts: OverviewFacts, url: Callable[[str], str]) -> Iterator[Attention]:
    """What needs attention, the most serious first."""
    if gap := facts.gap:
        error = gap.error().as_finding()
        restored = cases.RESTORED.of(title=error.said("title"), detail=error.said("detail"))
        yield _entry(error.code, restored, count=1)
    blocked = facts.blocked.where(lambda step: step.dismissed is None)
    own = [cause for cause in BlockedRuns.all_of(blocked) if cause.actor is Actor.OPERATOR]
    for cause in own:
        yield _entry(
            CaseCode.RUN_WAITS_FOR_OPERATOR,
            cases.RUNS_WAIT.of(title=cause.said("title"), since=cause.since),
            count=cause.count,
            more=cause.more,
            since=cause.since,
            causes={cause.code: cause.count},
        )
    if blocked.more and not own:
        yield _entry(
            CaseCode.RUN_WAITS_FOR_OPERATOR,
            cases.RUNS_NOT_READ.of(),
            count=0,
            more=True,
            url=url(f"attention?code={CaseCode.RUN_WAITS_FOR_OPERATOR}"),
        )
    needs = {**_records(facts), **_runs(facts, blocked)}
    for code, title in ATTENTION.items():
        need = needs[code]
        path = f"attention?code={code}" if need.path is None else need.path
        if need.some.found or need.some.more:  # a limit was reached, so there can be more
            begun = [since for thing in need.some.found if (since := need.since(thing))]
            causes = Counter(cause for thing in need.some.found for cause in need.cause(thing) if cause)
            yield _entry(
                code,
                title.of(),
                count=need.some.count,
                more=need.some.more,
                since=min(begun, default=None),
                causes=dict(causes.most_common()),
                url=url(path) if path else None,
            )


def _entry(
    code: str,
    title: Said,
    *,
    count: int,
    more: bool = False,
    since: datetime | None = None,
    causes: Mapping[str, int] = MappingProxyType({}),
    url: str | None = None,
) -> Attention:
    return Attention(
        code=code,
        title=title,
        args=title.args,
        count=count,
        more=more,
        since=since,
        causes=causes,
        url=url,
    )


def _records(facts: OverviewFacts) -> Mapping[str, _Need]:
    """What is wrong with jobs, messages, rows, connections and channels."""
    late = [job for job in facts.jobs if job.is_late(facts.now)]
    failing = [job for job in facts.jobs if job.fails and job not in late]
    stuck = sum(facts.queues[queue] for queue in names.POISON_QUEUES)
    jobs: dict[str, Any] = {"path": "", "cause": lambda job: [job.name]}
    ending: dict[str, Any] = {
        "since": lambda pair: pair[0].expirations[pair[1]],
        "cause": lambda pair: [pair[1]],
    }
    soon: dict[str, Any] = {**ending, "since": lambda pair: pair[0].expirations[pair[1]] - URGENT}
    return {
        "job-late": _Need(some=Some(late, more=False), since=lambda job: job.late_at, **jobs),
        "job-failed": _Need(some=Some(failing, more=False), since=lambda job: job.fails_since, **jobs),
        "trail-gap": _Need(
            some=facts.trail_gaps, since=lambda gap: gap.since, cause=lambda gap: [str(gap.reason)]
        ),
        "poison-queue-not-empty": _Need(some=Some(range(stuck), more=False), path="poison"),
        "poison-message": _Need(
            some=facts.messages,
            path="poison",
            since=lambda message: message.first_at,
            cause=lambda message: [ERRORS[message.reason].code],
        ),
        "row-unreadable": _Need(
            some=facts.unreadable,
            path="unreadable",
            since=lambda row: row.since,
            cause=lambda row: [row.table],
        ),
        "expiration-passed": _Need(some=facts.ended, path="expirations?state=Expired", **ending),
        "expiration-near": _Need(some=facts.ends_soon, path="expirations?withinDays=7", **soon),
        "connection-drifting": _Need(
            some=facts.drifting, since=lambda entry: entry.since, cause=lambda entry: entry.codes
        ),
        "channel-failing": _Need(
            some=Some([channel for channel in facts.channels if channel.fault], more=False),
            path="channels",
            since=lambda channel: channel.since,
            cause=lambda channel: [str(channel.fault)],
        ),
        "delivery-failing": _Need(
            some=facts.failing,
            since=lambda delivery: delivery.announced_at,
            cause=lambda delivery: [delivery.error.code],
        ),
    }


def _runs(facts: OverviewFacts, blocked: Some[BlockedStep]) -> Mapping[str, _Need]:
    """The runs that have failed or wait."""
    old = opened(facts.onboardings).where(
        lambda entry: entry.announced_at < facts.now - LONG and entry.dismissed is None
    )
    failed: dict[str, Any] = {
        "since": lambda entry: entry.since or entry.announced_at,
        "cause": lambda entry: [entry.cause],
    }
    waiting: dict[str, Any] = {"since": lambda step: step.since, "cause": lambda step: [step.code]}
    return {
        "onboarding-failed": _Need(some=facts.failed_onboardings, **failed),
        "operation-failed": _Need(some=facts.failed_operations, **failed),
        "inspection-failed": _Need(some=facts.failed_inspections, **failed),
        "run-retrying": _Need(
            some=blocked.where(lambda step: code_of(step) is CaseCode.RUN_RETRYING), **waiting
        ),
        "run-waits-for-customer": _Need(
            some=blocked.where(lambda step: code_of(step) is CaseCode.RUN_WAITS_FOR_CUSTOMER), **waiting
        ),
        "handover-waits": _Need(
            some=facts.waiting.where(needs_attention), since=lambda wait: wait.since, cause=lambda _: ["site"]
        ),
        "onboarding-late": _Need(
            some=old, path="onboardings?status=Waiting", since=lambda entry: entry.announced_at + LONG
        ),
    }


def opened(statuses: Mapping[str, Some[Entry]]) -> Some[Entry]:
    """The runs that have not ended."""
    new, running = statuses[RunStatus.NOT_STARTED], statuses[OPEN]
    return Some([*new.found, *running.found], new.more or running.more)
