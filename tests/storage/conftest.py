from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from infra.local.storage import Storage
from onboarding.storage import names
from onboarding.workflow.runtime import Limits
from tests.storage.trails import Trails
from tests.storage.workbench import DIAMOND, STALLED, Workbench, done
from tests.support.accounts import EmulatedAccount, MemoryAccount


class Emulator:
    """The emulator that the tests in this folder share; the first test that needs it starts it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._storage: Storage | None = None

    async def account(self) -> EmulatedAccount:
        """Its account."""
        if self._storage is None:
            self._storage = Storage(self._folder)
            await self._storage.start()
        return EmulatedAccount(self._storage.account.connection_string)

    async def stop(self) -> None:
        """Stop it if a test has started it."""
        if self._storage is not None:
            await self._storage.stop()


@pytest.fixture(scope="package")
async def emulator(tmp_path_factory):
    """The emulator, which takes some time to start."""
    emulator = Emulator(tmp_path_factory.mktemp("azurite"))
    yield emulator
    await emulator.stop()


@pytest.fixture
async def account(request, emulator):
    """A storage account in memory; a test can request the emulator's, or both in turn."""
    kind = getattr(request, "param", "memory")
    account = MemoryAccount() if kind == "memory" else await emulator.account()
    yield account
    await account.close()


@pytest.fixture
def fuse(account):
    """The fuse through which each call to storage passes."""
    return account.fuse


@pytest.fixture
def tables(account):
    """All tables, as the app uses them."""
    return account.tables


@pytest.fixture
async def table(account):
    """The name of a table for one test."""
    name = f"t{uuid.uuid4().hex}"
    await account.create_table(name)
    return name


@pytest.fixture
def limits():
    """The time limits; a test can parametrize them."""
    return Limits(stalled=STALLED, lease=timedelta(0))


@pytest.fixture
async def bench(account, tmp_path, limits, monkeypatch):
    """An engine whose steps all succeed immediately, unless a test sets a handler."""
    bench = await Workbench.open(account, tmp_path / "clock", limits=limits)
    monkeypatch.setattr(names, "QUEUES", (*names.QUEUES, bench.runs.queue))  # only known plans have messages
    for name in DIAMOND.steps:
        bench.on(name, done)
    return bench


@pytest.fixture
def trails(monkeypatch):
    """An empty audit trail and its copy; a verification does not pause before it looks again."""
    monkeypatch.setattr("onboarding.audit.verification._PAUSES", (0, 0))
    return Trails()
