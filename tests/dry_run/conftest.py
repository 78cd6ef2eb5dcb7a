from __future__ import annotations

import pytest

from tests.support.lanes.lane import Lane


@pytest.fixture(scope="session")
async def lane(tmp_path_factory):
    """A local cloud that records every request of its host, with its body."""
    async with Lane.opened(tmp_path_factory.mktemp("dry_run")) as lane:
        yield lane
