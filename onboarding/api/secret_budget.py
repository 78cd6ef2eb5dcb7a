"""How many client secrets a requester may provide in a day, to limit the growth of the vault.

Unused secrets are removed after a week (``lifecycle/kept_secrets.py``). So the vault has at most a week of
unused secrets of each requester.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from onboarding.api.callers import Caller
from onboarding.api.problems import ProblemError
from onboarding.clock import Clock
from onboarding.errors import requests
from onboarding.storage import keys, names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_PARTITION: Final = "secrets-of-today"
MOST: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedOver:
    """The secrets that a requester has provided on a day in UTC."""

    day: date
    count: int


CODEC: Final = Codec(HandedOver)


class SecretBudget:
    """Counts the secrets of each requester. Operators have no limit."""

    def __init__(self, tables: Tables, clock: Clock, most: int = MOST) -> None:
        """``most`` is the number of secrets a day."""
        self._tables = tables
        self._clock = clock
        self._most = most

    async def take(self, caller: Caller) -> None:
        """Counts a secret before it is stored. Raises ``ProblemError`` (429) after the last one of today."""
        if caller.operates:
            return
        now = self._clock.now()
        new = Row(partition=_PARTITION, key=keys.part(caller.id))
        while True:
            row = await self._tables.get(names.SERVICE, new.partition, new.key)
            found = await readable(self._tables, [row] if row else [], _of)
            count = found[0].count if found and found[0].day == now.date() else 0
            if count >= self._most:
                midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
                seconds = int((midnight - now).total_seconds()) + 1
                raise ProblemError(
                    requests.TOO_MANY_SECRETS, most=self._most, headers={"Retry-After": str(seconds)}
                )
            document = CODEC.dump(HandedOver(day=now.date(), count=count + 1))
            written = replace(new, columns={"document": document}, etag=row.etag if row else "")
            try:
                await self._tables.write(names.SERVICE, written, Write.UPDATE if row else Write.INSERT)
            except ConflictError:
                continue
            return


def _of(row: Row) -> HandedOver:
    return load(CODEC, row)
