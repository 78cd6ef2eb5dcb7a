"""The epoch: a restore of storage or the vault is noticed; until it is reconciled, destructive work waits."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from onboarding.errors import PermanentError
from onboarding.recovery.epoch import NAME
from onboarding.storage import names
from onboarding.storage.periodic_jobs import Tally
from onboarding.storage.tables import Row, Write
from tests.support.world import World

STORAGE, VAULT = "storage-restored", "vault-restored"


@pytest.fixture
def world(tmp_path):
    """A new deployment."""
    return World(tmp_path / "clock")


async def codes(world: World) -> list[str]:
    """The codes, the most severe first."""
    return [entry["code"] for entry in (await world.call("get_overview"))["attention"]]


async def advanced(world: World, times: int = 1) -> None:
    """Let the timer run this many times."""
    for _ in range(times):
        world.advance(timedelta(minutes=5))
        assert await world.parts.epoch.advance() == 1


def number(world: World) -> int:
    """The epoch in the vault."""
    return int(world.vault.tags[NAME]["epoch"])


async def test_storage_and_vault_grow_together(world):
    """A new deployment shows no restore, also while its timer runs."""
    for _ in range(3):
        assert await codes(world) == []
        await advanced(world)
    assert (number(world), (await world.parts.epoch.last()).number) == (3, 3)


async def test_storage_of_yesterday_is_noticed(world):
    """A restore of storage is the most severe entry, with the time that was lost."""
    await advanced(world)
    backup = world.snapshot()
    lost_since = world.clock.now()
    world.advance(timedelta(days=1))
    await advanced(world)
    world.restore(backup)
    entry = (await world.call("get_overview"))["attention"][0]
    assert entry["code"] == STORAGE
    assert f"{lost_since:%Y-%m-%d %H:%M}" in entry["title"]
    assert "POST /api/reconcile" in entry["title"]
    with pytest.raises(PermanentError, match="does not know what happened in between"):
        await world.parts.epoch.need_present()


async def test_empty_storage_beside_a_vault_is_noticed(world):
    """A deployment whose storage was wiped does not consider itself new."""
    empty = world.snapshot()
    await advanced(world)
    world.restore(empty)
    assert (await codes(world))[0] == STORAGE


async def test_a_vault_of_yesterday_is_noticed(world):
    """A restored vault, or one without the epoch, is the most severe entry."""
    await advanced(world)
    older = dict(world.vault.tags)
    await advanced(world, 3)
    world.vault.tags = older
    assert (await codes(world))[0] == VAULT
    world.vault.tags = {}
    assert (await codes(world))[0] == VAULT


async def test_a_restore_of_both_to_the_same_moment_is_noticed(world):
    """Both agree, but the epoch in append-only storage is ahead: the next run notices it."""
    await advanced(world, 2)
    backup, tags = world.snapshot(), dict(world.vault.tags)
    await advanced(world, 3)
    lost_since = world.clock.now()
    world.restore(backup)
    world.vault.tags = tags
    assert await world.parts.epoch.advance() == 0
    entry = (await world.call("get_overview"))["attention"][0]
    assert entry["code"] == STORAGE
    assert f"{lost_since:%Y-%m-%d %H:%M}" in entry["title"]
    assert await world.parts.epoch.take_up("Op")
    await advanced(world)
    assert await codes(world) == []


async def test_append_only_storage_that_is_damaged_or_silent_stops_nothing(world):
    """What others append is skipped; without a response, the epoch advances as before."""
    await advanced(world)
    (name,) = await world.ledgers.sizes("epoch/")
    await world.ledgers.append(name, b'\xff{"number": 9}\n[1]\n', at=(await world.ledgers.sizes(name))[name])
    await advanced(world, 2)
    assert await codes(world) == []

    async def silent(_prefix: str) -> dict[str, int]:
        raise HttpResponseError(message="503")

    world.ledgers.sizes = silent
    await advanced(world, 2)
    assert (number(world), (await world.parts.epoch.last()).number) == (5, 5)


async def test_a_restore_is_not_overwritten_by_the_timer(world, caplog):
    """However often the timer runs after a restore, it stays noticed, and the log names it each time."""
    await advanced(world)
    backup = world.snapshot()
    await advanced(world)
    world.restore(backup)
    with caplog.at_level(logging.ERROR):
        assert [await world.parts.epoch.advance() for _ in range(3)] == [0, 0, 0]
    assert len([line for line in caplog.messages if "does not know what happened in between" in line]) == 3
    assert await codes(world) == [STORAGE]
    assert number(world) == 2


async def test_a_crash_between_the_two_writes_is_no_restore(world):
    """After a crash, storage is one ahead of the vault. The next run corrects that."""
    for _ in range(2):  # also at the very first run
        before = world.vault.tags
        await advanced(world)
        world.vault.tags = dict(before)  # as if the worker had ended before it wrote in the vault
        assert await codes(world) == []
        await advanced(world)
        assert (await world.parts.epoch.last()).number == number(world)


async def test_an_epoch_that_cannot_be_read_is_no_restore(world):
    """A damaged row pauses nothing. The next run rewrites it."""
    await advanced(world)
    (row,) = [row for row in world.rows() if row.partition == "epoch"]
    damaged = Row(partition=row.partition, key=row.key, columns={"document": "{"})
    await world.tables.write(names.SERVICE, damaged, Write.UPSERT)
    assert STORAGE not in await codes(world)
    await advanced(world)
    assert await codes(world) == []
    assert (await world.parts.epoch.last()).number == number(world) == 2


@pytest.mark.parametrize("runs", [0, 2])
async def test_reconciled_records_end_the_pause(world, runs):
    """Once the records are reconciled, storage and vault agree again, and the trail names who did it."""
    await advanced(world, runs)
    backup: Any = world.snapshot()
    await advanced(world, 4 - runs)
    world.restore(backup)
    assert await world.parts.epoch.take_up("Op")
    assert await codes(world) == []
    last = await world.parts.epoch.last()
    assert (last.number, last.reconciled_by) == (5, "Op")
    assert await world.parts.epoch.take_up("Op") is None
    await advanced(world)
    assert (await world.parts.epoch.last()).reconciled_by == "Op"


async def test_warnings_and_renewals_wait_while_storage_is_old(world):
    """After a restore, no warning is announced and no renewal starts; afterwards, all that is due does."""
    await world.connect("Contoso", world.clock.now() + timedelta(days=20), drifts=False)
    backup = world.snapshot()
    await advanced(world, 2)
    world.restore(backup)
    jobs = world.timers
    work = (jobs.expiry_sweep.run, jobs.automatic_renewals.run, jobs.inspection_sweep.run)
    assert [await jobs._when_present(each)() for each in work] == [0, 0, 0]
    await world.parts.epoch.take_up("Op")
    announced, begun, _ = [await jobs._when_present(each)() for each in work]
    assert announced == begun == Tally(found=1, done=1)
