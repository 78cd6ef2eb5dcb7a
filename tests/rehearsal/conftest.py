from __future__ import annotations

import pytest

from tests.support.lanes.lane import Lane


@pytest.fixture(scope="session")
async def lane(tmp_path_factory):
    """A local cloud whose host is watched: every request it makes goes by, with its body."""
    async with Lane.opened(tmp_path_factory.mktemp("rehearsal")) as lane:
        yield lane
