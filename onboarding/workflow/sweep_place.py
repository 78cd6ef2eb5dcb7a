"""Where the sweep of a queue continues: after the last run that the previous sweep checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_PARTITION: Final = "sweep"
_KEY: Final = "place"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place among the new and the open runs, as partition and key of the index; empty: the start."""

    partition: str = ""
    key: str = ""


START: Final = Place()
CODEC: Final = Codec(Place)


class SweepPlace:
    """The place for the runs that one table indexes."""

    def __init__(self, tables: Tables, table: str) -> None:
        self._tables = tables
        self._table = table

    async def get(self) -> Place:
        """The place where the last sweep ended; the start if that is not known."""
        row = await self._tables.get(self._table, _PARTITION, _KEY)
        found = await readable(self._tables, [row] if row else [], lambda row: load(CODEC, row))
        return found[0] if found else START

    async def put(self, place: Place) -> None:
        """Makes the next sweep continue after a place."""
        row = Row(partition=_PARTITION, key=_KEY, columns={"document": CODEC.dump(place)})
        await self._tables.write(self._table, row, Write.UPSERT)
