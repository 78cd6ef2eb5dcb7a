"""The epoch: a number that grows in storage and in Key Vault, so that a restore of either is noticed.

A timer advances it: in storage first, then as a tag in the vault. So the vault is never ahead, and at most
one behind after a crash between the two. Finally, the timer appends it to storage that no restore resets. A
vault that is ahead shows that storage was restored from a backup, or replaced by an empty one. If the vault
is further behind, the vault itself was restored.

If both were restored to the same moment, the appended epoch is ahead of both. The timer then writes it into
the vault, and from then on every process sees the gap.

Until an operator has reconciled the records, the epoch stays as it is, and so does the gap. Nothing else is
recorded about the gap: every process sees it at once, even one that starts later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onboarding.cloud.ports import Vault
from onboarding.errors import ErrorType, OnboardingError, steps
from onboarding.recovery.epoch_witness import EpochWitness
from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable
from onboarding.texts import reasons
from onboarding.texts.phrases import Said

log = logging.getLogger(__name__)

NAME: Final = "service-epoch"
"""The name in Key Vault. The tags of the secret matter; its value does not."""

_VALUE: Final = "See the tags of this secret."
_NUMBER: Final = "epoch"
_AT: Final = "at"
_PLACE: Final = Row(partition="epoch", key="epoch")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """The epoch in one of the two places, and since when."""

    number: int = 0  # 0: the place has none
    at: datetime | None = None
    reconciled_at: datetime | None = None  # in storage: after a restore, the records were reconciled
    reconciled_by: str = ""


CODEC: Final = Codec(Mark)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewind:
    """Storage and Key Vault are not from the same time."""

    kind: ErrorType  # which of them is the older one
    storage: datetime | None  # the time of each; None: it has no epoch
    vault: datetime | None

    @classmethod
    def between(cls, storage: Mark, vault: Mark) -> Rewind | None:
        """The gap; None if both are from the same time, apart from a crash between the two writes."""
        if storage.number < vault.number:
            return cls(kind=steps.STORAGE_RESTORED, storage=storage.at, vault=vault.at)
        if storage.number > vault.number + 1:
            return cls(kind=steps.VAULT_RESTORED, storage=storage.at, vault=vault.at)
        return None

    def error(self) -> OnboardingError:
        """Why the service waits."""
        return self.kind.error(storage=_moment(self.storage), vault=_moment(self.vault))


class Epoch:
    """Compares the epoch of storage with that of the vault."""

    def __init__(self, tables: Tables, vault: Callable[[], Vault], witness: EpochWitness) -> None:
        """``vault`` makes the client of the vault; ``witness``: append-only storage."""
        self._tables = tables
        self._vault = vault
        self._witness = witness

    async def advance(self) -> int:
        """Advances the epoch, unless there is a gap; returns 1 if it did. Safe to repeat, and on all hosts.

        If the vault does not answer, it is left as it is, and the next call completes what this one began.
        """
        try:
            row, known = await self._stored()
            there = await self._witnessed(known, await self._in_vault())
            if gap := self._gap(row, known, there):
                log.error("%s", gap.error().detail)
                return 0
            if row is None or known.number <= there.number:  # including a row that cannot be read
                mark = replace(known, number=there.number + 1, at=self._tables.clock.now())
                if not await self._write(row, mark):
                    return 0  # another host advances it
            await self._complete()
        except OnboardingError as error:
            log.warning("the epoch was not advanced: %s", error.code)
            return 0
        return 1

    async def _witnessed(self, known: Mark, there: Mark) -> Mark:
        """The epoch of the vault, after that of append-only storage replaced it if it was ahead."""
        last = await self._witness.last()
        if last.number <= max(known.number, there.number):
            return there
        ahead = Mark(number=last.number, at=last.at)
        await self._mark_vault(ahead)
        return ahead

    async def gap(self) -> Rewind | None:
        """The gap between storage and the vault, if there is one. Raises this app's errors."""
        row, known = await self._stored()
        return self._gap(row, known, await self._in_vault())

    async def known_gap(self) -> Rewind | None:
        """The same; None if the vault does not answer, or may not be read."""
        try:
            return await self.gap()
        except OnboardingError as error:
            log.warning("the epoch could not be compared: %s", error.code)
            return None

    async def need_no_gap(self) -> None:
        """Raises ``PermanentError`` for a gap that is known."""
        if gap := await self.known_gap():
            raise gap.error()

    async def need_present(self) -> None:
        """Raises ``PermanentError`` while storage or the vault is from an earlier time than the other.

        Code that removes something or reports changes by others calls this first, because the records may be
        outdated.
        """
        if gap := await self.gap():
            raise gap.error()

    async def is_present(self) -> bool:
        """Whether both are from the same time. If the service cannot know, the answer is no."""
        try:
            return await self.gap() is None
        except OnboardingError as error:
            log.warning("the epoch could not be compared: %s", error.code)
            return False

    async def last(self) -> Mark:
        """The epoch in storage."""
        return (await self._stored())[1]

    async def reconciled_at(self) -> datetime | None:
        """When the records were last reconciled after a restore; None if there was no restore."""
        return (await self.last()).reconciled_at

    async def take_up(self, by: str) -> Rewind | None:
        """Ends a gap after the records were reconciled, and records by whom; returns the gap.

        Safe to repeat.
        """
        while True:
            row, known = await self._stored()
            there, now = await self._in_vault(), self._tables.clock.now()
            gap = self._gap(row, known, there)
            if gap is None:
                return None
            number = max(known.number, there.number) + 1
            mark = Mark(number=number, at=now, reconciled_at=now, reconciled_by=by)
            if await self._write(row, mark):
                await self._complete()
                return gap

    @staticmethod
    def _gap(row: Row | None, known: Mark, there: Mark) -> Rewind | None:
        damaged = row is not None and not known.number
        return None if damaged else Rewind.between(known, there)

    async def _stored(self) -> tuple[Row | None, Mark]:
        row = await self._tables.get(names.SERVICE, _PLACE.partition, _PLACE.key)
        found = await readable(self._tables, [row] if row else [], lambda row: load(CODEC, row))
        return row, found[0] if found else Mark()

    async def _in_vault(self) -> Mark:
        secret = await self._vault().stored(NAME)
        tags = secret.tags if secret else {}
        number, at = tags.get(_NUMBER, ""), tags.get(_AT, "")
        if not number.isdecimal():  # nobody has a reason to change it
            return Mark()
        try:
            return Mark(number=int(number), at=datetime.fromisoformat(at))
        except ValueError:
            return Mark(number=int(number))

    async def _write(self, row: Row | None, mark: Mark) -> bool:
        """Writes the epoch in storage; False if another writer was faster."""
        place = row or _PLACE
        try:
            how = Write.UPDATE if row else Write.INSERT
            await self._tables.write(
                names.SERVICE, replace(place, columns={"document": CODEC.dump(mark)}), how
            )
        except ConflictError:
            return False
        return True

    async def _complete(self) -> None:
        """Writes the epoch of storage into the vault.

        If another host has advanced it in the meantime, it repeats that.
        """
        written, (_, known) = 0, await self._stored()
        while known.number > written:
            await self._mark_vault(known)
            await self._witness.note(known.number, known.at or self._tables.clock.now())
            written, (_, known) = known.number, await self._stored()

    async def _mark_vault(self, mark: Mark) -> None:
        tags = {_NUMBER: str(mark.number), _AT: mark.at.isoformat() if mark.at else ""}
        vault = self._vault()
        if not await vault.tag(NAME, tags):
            await vault.store(NAME, _VALUE, ends_at=None, tags=tags)


def _moment(at: datetime | None) -> Said | str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else reasons.UNKNOWN_TIME.of()
