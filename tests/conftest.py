from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.support.portal import Portal
from tests.support.stacks import local_cloud, logs

# These examples do not test speed, and a busy machine is no reason to fail.
settings.register_profile("quiet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("quiet")


_FIRST = ("durability", "expiry", "operations", "local_host", "tenants", "api")
"""The folders that take longest: they start first, so that none of them runs alone at the end."""

_BY_FILE = {"api"}
"""Folders whose tests leave nothing behind in their local cloud, so each process can have one of its own."""


class FolderScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of a folder share their local cloud, so they run in one process; folders run in parallel."""

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder(nodeid)
        return nodeid.partition("::")[0] if folder in _BY_FILE else folder

    def _reschedule(self, node) -> None:
        # Not before a folder's last test; otherwise the next folder would wait for this one's long tests.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) <= 1:
            super()._reschedule(node)


def pytest_xdist_make_scheduler(config, log):
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items):
    items.sort(
        key=lambda item: _FIRST.index(name) if (name := _folder(item.nodeid)) in _FIRST else len(_FIRST)
    )


def _folder(nodeid: str) -> str:
    """The folder below tests/ (or the file in it) of a test."""
    return nodeid.partition("::")[0].split("/")[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Show what the hosts logged when a test fails, because their folders are deleted later."""
    report = yield
    if report.failed:
        report.sections += list(logs().items())
    return report


@pytest.fixture(scope="session")
async def stack(tmp_path_factory):
    """The local cloud that the tests of the API share: storage, the simulated cloud, one host."""
    async with local_cloud(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="session")
async def portal(stack):
    """Callers of that local cloud, and access to its storage and directory."""
    portal = Portal(stack)
    await portal.control("PUT", "/settings", {"providerSeconds": 0})
    yield portal
    await portal.close()
