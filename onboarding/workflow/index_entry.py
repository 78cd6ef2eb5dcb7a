"""An entry of the index of runs: it points to a run, and shows why the run needs attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from onboarding.former_values import ErrorCodeText
from onboarding.storage import keys
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Dismissal, UnreadableRow, load, placed
from onboarding.workflow.run import Head


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """Why a run needs attention, and since when."""

    code: str = ""  # of the error
    since: datetime | None = None


UNKNOWN: Final = Cause()
"""No step of the run has an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A pointer to a run."""

    run: str
    lists: Mapping[str, str]  # as in the run's head
    announced_at: datetime
    cause: ErrorCodeText = ""  # of a run that needs attention: the code of its error
    since: datetime | None = None  # when it failed, or when its errors began
    dismissed: Dismissal | None = None  # of an open run: an operator knows that it takes a long time
    partition: Annotated[str, Field(exclude=True)] = ""
    etag: Annotated[str, Field(exclude=True)] = ""
    damaged: Annotated[bool, Field(exclude=True)] = False  # only the key is known, not the lists

    @classmethod
    def of(cls, head: Head, partition: str) -> Entry:
        """The entry of a run in a partition."""
        return cls(run=head.id, lists=head.lists, announced_at=head.created_at, partition=partition)

    @property
    def key(self) -> str:
        """Its key, which sorts the newest first."""
        _, moment = keys.newest_first(self.announced_at)
        return f"{moment}:{self.run}"

    def points_to(self, head: Head) -> bool:
        """Whether the entry belongs to this run, and not to a repeated request."""
        return self.key == Entry.of(head, self.partition).key

    def to_row(self) -> Row:
        """The entry's row."""
        columns = {"document": _ENTRIES.dump(self)}
        return Row(partition=self.partition, key=self.key, columns=columns, etag=self.etag)

    @classmethod
    def from_row(cls, row: Row) -> Entry:
        """The entry of a row."""
        entry = replace(load(_ENTRIES, row), partition=row.partition, etag=row.etag)
        placed(row, Row(partition=row.partition, key=entry.key))
        return entry

    @classmethod
    def of_key(cls, row: UnreadableRow) -> Entry | None:
        """The entry of a row that cannot be read: its key names the run, too."""
        moment, _, run = row.key.partition(":")
        if not run or not moment.isdecimal():
            return None
        at = keys.moment(moment)
        return cls(run=run, lists={}, announced_at=at, partition=row.partition, etag=row.etag, damaged=True)


_ENTRIES: Final = Codec(Entry)
