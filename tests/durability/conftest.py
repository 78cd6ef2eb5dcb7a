from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.support.lanes.lane import Lane
from tests.support.lanes.lanes import Lanes

_LANES = 3
"""More than the number of processors, because much of the time is spent waiting."""


@pytest.fixture(scope="package")
async def lanes(tmp_path_factory):
    """The lanes that the tests in this folder share."""
    async with contextlib.AsyncExitStack() as exits:
        opened = [Lane.opened(tmp_path_factory.mktemp("lane")) for _ in range(_LANES)]
        yield Lanes(await asyncio.gather(*map(exits.enter_async_context, opened)))


@pytest.fixture
def lane(lanes):
    """One of the lanes."""
    return lanes.lanes[0]
