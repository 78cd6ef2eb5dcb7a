"""The steps that wait until somebody acts who is not the requester of their run, with the cause.

Each has a row beside the index of runs, so that many runs that wait for one cause are shown as one entry. A
row is written after its step, again at each attempt, and removed when the step continues or its run is
stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

from onboarding.errors import Actor, Severity
from onboarding.storage import keys
from onboarding.storage.codec import Codec, fits
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Dismissal, load, placed, readable
from onboarding.workflow.run import Head, StepState

_PARTITION: Final = "blocked"


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockedStep:
    """A step that waits for an actor, or that has repeated an error for long."""

    run: str
    step: str
    lists: Mapping[str, str]  # as in the run's head
    actor: Actor
    code: str
    title: str
    detail: str
    remedy: str
    args: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The values in the texts, as JSON."""
    since: datetime
    dismissed: Dismissal | None = None

    @classmethod
    def of(cls, head: Head, step: StepState) -> Self:
        """A step that is blocked. The cause is the first error that its report lists, if it has one."""
        error = step.error
        if error is None or step.since is None:
            raise ValueError(f"step {step.name} of run {step.run} is not blocked")
        listed = (finding for finding in error.findings if finding.severity is Severity.ERROR)
        cause = next((finding for finding in listed if finding.actor is error.actor), error)
        return cls(
            run=step.run,
            step=step.name,
            lists=head.lists,
            actor=error.actor,
            code=cause.code,
            title=cause.title or error.title,
            detail=cause.detail,
            remedy=cause.remedy,
            args=cause.args,
            since=step.since,
        )


class BlockedSteps:
    """The blocked steps of the runs that one table indexes."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    async def enter(self, blocked: BlockedStep) -> None:
        """Records that a step is blocked; safe to repeat. It stays dismissed while its cause is the same."""
        key = _key(blocked.run, blocked.step)
        known = await self._get(key)
        if known and (known.code, known.since) == (blocked.code, blocked.since):
            blocked = replace(blocked, dismissed=known.dismissed)
        await self._put(blocked)

    async def dismiss(self, blocked: BlockedStep, dismissal: Dismissal) -> None:
        """Records that an operator dismissed a step; safe to repeat."""
        if await self._get(_key(blocked.run, blocked.step)):
            await self._put(replace(blocked, dismissed=dismissal))

    async def leave(self, step: StepState) -> None:
        """Records that a step is no longer blocked; safe to repeat."""
        row = Row(partition=_PARTITION, key=_key(step.run, step.name), columns={})
        await self._tables.write(self._table, row, Write.DELETE)

    async def page(self, *, size: int, continuation: str = "") -> tuple[list[BlockedStep], str]:
        """Some blocked steps, and the continuation (empty at the end)."""
        page = await self._tables.page(
            self._table, Range(_PARTITION, ""), size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, _blocked), page.continuation

    async def of_run(self, run: str) -> list[BlockedStep]:
        """The blocked steps of a run."""
        rows = await self._tables.query(self._table, _PARTITION, keys.prefixed(_key(run, "")))
        return await readable(self._tables, rows, _blocked)

    async def _get(self, key: str) -> BlockedStep | None:
        row = await self._tables.get(self._table, _PARTITION, key)
        found = await readable(self._tables, [row] if row else [], _blocked)
        return found[0] if found else None

    async def _put(self, blocked: BlockedStep) -> None:
        document = _CODEC.dump(blocked)
        if not fits(document):  # without its values, it is in English
            document = _CODEC.dump(replace(blocked, args={}))
        columns = {"document": document}
        row = Row(partition=_PARTITION, key=_key(blocked.run, blocked.step), columns=columns)
        await self._tables.write(self._table, row, Write.UPSERT)


def _blocked(row: Row) -> BlockedStep:
    blocked = load(_CODEC, row)
    placed(row, Row(partition=_PARTITION, key=_key(blocked.run, blocked.step)))
    return blocked


def _key(run: str, step: str) -> str:
    return f"{run}:{step}"


_CODEC: Final = Codec(BlockedStep)
