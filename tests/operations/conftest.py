from __future__ import annotations

import pytest

from infra.local.stack import Stack
from tests.helpers import NEVER


@pytest.fixture(scope="session")
async def stack(tmp_path_factory):
    """The local cloud of a deployment that renews secrets on its own."""
    environment = {"SWEEP_SCHEDULE": NEVER, "EXPIRY_SCHEDULE": NEVER, "RENEW_BEFORE_DAYS": "40"}
    async with Stack(tmp_path_factory.mktemp("stack"), environment=environment) as stack:
        yield stack
