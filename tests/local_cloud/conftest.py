from __future__ import annotations

import pytest

from tests.local_cloud.clouds import CloudProcess


@pytest.fixture(scope="session")
async def shared_cloud(tmp_path_factory):
    """One simulated cloud for all tests in this folder."""
    cloud = CloudProcess(tmp_path_factory.mktemp("cloud"))
    await cloud.start()
    yield cloud
    await cloud.close()


@pytest.fixture
async def cloud(shared_cloud):
    """The shared cloud, reset after a test changed it."""
    before = (await shared_cloud.control("GET", "/settings")).json()
    yield shared_cloud
    await shared_cloud.control("DELETE", "/faults")
    lags = (await shared_cloud.control("PUT", "/lag", {})).json()
    await shared_cloud.control("PUT", "/lag", dict.fromkeys(lags, 0))
    after = (await shared_cloud.control("GET", "/settings")).json()
    if after != before:
        await shared_cloud.control("PUT", "/settings", before)
        await shared_cloud.control("DELETE", "/identityTokens")


@pytest.fixture
async def own_cloud(tmp_path):
    """A cloud for one test, to stop and kill."""
    cloud = CloudProcess(tmp_path / "cloud")
    await cloud.start()
    yield cloud
    await cloud.close()
