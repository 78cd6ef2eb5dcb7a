"""What operators dismissed: who decided that no action is needed, when and why.

A dismissal is kept with the dismissed item if that remains, and always in a separate list. It applies to the
item as it was: a new difference, error or failure needs attention again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.former_values import CaseCodeText
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec, fits
from onboarding.storage.tables import Range, Row, Tables, Write
from onboarding.storage.unreadable_rows import Dismissal, Readable, load, readable
from onboarding.texts.phrases import Said

_PARTITION: Final = "dismissed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dismissed:
    """Something that an operator dismissed."""

    code: CaseCodeText  # of the entry of the overview
    id: str
    cause: str
    detail: str
    said: Said | None = None  # the detail; None: an earlier version wrote it
    tenant: str
    since: datetime
    dismissal: Dismissal


CODEC: Final = Codec(Dismissed)


class Dismissals:
    """What operators dismissed, the newest first."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, dismissed: Dismissed) -> None:
        """Adds a dismissal; safe to repeat."""
        _, moment = keys.newest_first(dismissed.dismissal.at)
        key = f"{moment}:{keys.part(dismissed.code)}:{keys.part(dismissed.id)}"
        document = CODEC.dump(dismissed)
        if not fits(document):  # without its values, it is in English
            document = CODEC.dump(replace(dismissed, said=None))
        row = Row(partition=_PARTITION, key=key, columns={"document": document})
        await self._tables.write(names.SERVICE, row, Write.UPSERT)

    async def page(self, *, size: int, continuation: str = "") -> tuple[Readable[Dismissed], str]:
        """Some of them, and the continuation (empty at the end)."""
        page = await self._tables.page(
            names.SERVICE, Range(_PARTITION, ""), size=size, continuation=continuation
        )
        return await readable(self._tables, page.rows, _dismissed), page.continuation


def _dismissed(row: Row) -> Dismissed:
    return load(CODEC, row)
