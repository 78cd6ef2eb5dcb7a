"""What needs attention, the most serious first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import Field

from onboarding.api.blocked_runs import BlockedRuns
from onboarding.api.counting import Counted, Some
from onboarding.api.documents import AttentionCode, Url
from onboarding.api.overview_facts import OPEN, Facts
from onboarding.errors import Actor, steps
from onboarding.storage import names
from onboarding.workflow.run import RunStatus
from onboarding.workflow.run_index import Entry

RESTORED: Final = (steps.STORAGE_RESTORED.code, steps.VAULT_RESTORED.code)
"""The entries for a restore: until the records are reconciled, no other entry can be trusted."""

OWN_TROUBLE: Final = "own-trouble"
"""The entry for what only the operator of this service can correct: one for each cause."""

ATTENTION: Final[Mapping[str, str]] = {
    "job-late": "A periodic job has not succeeded for three periods",
    "job-failed": "The last run of a periodic job failed",
    "poison-queue": "There are messages on a poison queue",
    "given-up": "There are poison messages",
    "unreadable": "There are stored records that cannot be read",
    "ended": "Something has expired and nobody has acknowledged it",
    "ends-soon": "Something expires within a week",
    "drifting": "The directory differs from what it should be",
    "channel-trouble": "A notification channel is failing",
    "onboarding-failed": "Onboardings have failed",
    "operation-failed": "Operations have failed",
    "waits-for-customer": "Runs wait for a customer",
    "open-for-long": "Onboardings take more than a day",
}
"""What else needs attention, the most serious first: the titles by code."""

_LONG: Final = timedelta(days=1)


class Attention(Counted):
    """Something that needs attention."""

    code: AttentionCode
    title: str
    url: Annotated[Url | None, Field(description="Where to look. Missing: in this document.")]


def attention(facts: Facts, url: Callable[[str], str]) -> Iterator[Attention]:
    """What needs attention, the most serious first."""
    stuck = sum(facts.queues[queue] for queue in names.POISON_QUEUES)
    old = opened(facts.onboardings).where(lambda entry: entry.announced_at < facts.now - _LONG)
    late = [job for job in facts.jobs if job.is_late(facts.now)]
    failing = [job for job in facts.jobs if job.fails and job not in late]
    if gap := facts.gap:
        error = gap.error()
        title = f"{error.title}: notices and removals wait until POST /api/reconcile. {error.detail}"
        yield Attention(code=error.code, title=title, count=1, more=False, url=None)
    for cause in BlockedRuns.all_of(facts.blocked):
        if cause.actor is Actor.OPERATOR:
            title = f"{cause.title}: runs wait since {cause.since:%Y-%m-%d %H:%M} UTC"
            yield Attention(code=OWN_TROUBLE, title=title, count=cause.count, more=cause.more, url=None)
    waiting = facts.blocked.where(lambda step: step.actor is not Actor.OPERATOR)
    needs: Mapping[str, tuple[Some[Any], str]] = {
        "job-late": (Some(late, more=False), ""),  # see jobs
        "job-failed": (Some(failing, more=False), ""),
        "poison-queue": (Some(range(stuck), more=False), "poison"),
        "given-up": (facts.messages, "poison"),
        "unreadable": (facts.unreadable, "unreadable"),
        "ended": (facts.ended, "expirations?state=Expired"),
        "ends-soon": (facts.ends_soon, "expirations?withinDays=7"),
        "drifting": (facts.drifting, ""),  # see differences
        "channel-trouble": (facts.failing, ""),  # see channels
        "onboarding-failed": (facts.failed_onboardings, "onboardings?status=Failed"),
        "operation-failed": (facts.failed_operations, "operations?status=Failed"),
        "waits-for-customer": (waiting, ""),  # see blocked
        "open-for-long": (old, "onboardings?status=Waiting"),
    }
    for code, title in ATTENTION.items():
        some, path = needs[code]
        if some.found or some.more:  # what was not read is unknown, which is not nothing
            yield Attention(
                code=code, title=title, count=some.count, more=some.more, url=url(path) if path else None
            )


def opened(statuses: Mapping[str, Some[Entry]]) -> Some[Entry]:
    """The runs that have not ended."""
    new, running = statuses[RunStatus.NOT_STARTED], statuses[OPEN]
    return Some([*new.found, *running.found], new.more or running.more)
