"""A local cloud for the examples of the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.local import integration
from infra.local.stack import Stack


@pytest.fixture(scope="package")
async def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of a running local cloud, like the one of ``make run``."""
    folder = tmp_path_factory.mktemp("docs") / "local"
    async with Stack(folder, permissions="consent", environment=integration.settings({})) as stack:
        await integration.prepare(stack)
        yield folder
