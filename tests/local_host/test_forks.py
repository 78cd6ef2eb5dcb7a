from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

from infra.local import forks, process
from infra.local.errors import LocalError
from infra.local.stack import ROOT
from tests.local_host.hosts import until


def _in(folder: Path) -> list[int]:
    """The processes that run in a folder."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if each.readlink() == folder:
                found.append(int(each.parent.name))
        except OSError:  # It has ended.
            continue
    return found


async def _cloud(folder: Path) -> forks.Fork:
    """A simulated cloud in a folder, while it starts."""
    arguments: list[forks.Argument] = ["--folder", folder / "cloud"]
    return await forks.start(
        "infra.local.cloud", arguments, environment={}, folder=folder, output=folder / "out"
    )


@pytest.mark.parametrize("module", forks.PRELOADED)
def test_what_is_preloaded_exists(module):
    """A renamed module causes an error."""
    assert importlib.util.find_spec(module)


async def test_a_start_that_is_called_off_leaves_no_process(tmp_path):
    """If the caller of a start stops waiting, no process remains."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    waiting = asyncio.create_task(_cloud(first))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    other = await _cloud(second)
    await until((second / "cloud" / "cloud.json").exists)
    assert _in(second) == [other.pid]
    assert _in(first) == []
    await process.kill(other)


async def test_what_can_not_be_started_is_told(tmp_path, monkeypatch):
    """If no process can be forked, the local cloud raises an error with the reason."""

    def refuse(_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess._Popen", staticmethod(refuse))
    with pytest.raises(LocalError, match=r"infra\.local\.cloud cannot be started.*refused"):
        await _cloud(tmp_path)


async def test_an_end_is_told_as_it_was(tmp_path):
    """A fork has the exit code of its command, or minus the number of the signal that ended it."""
    wrong = await forks.start(
        "infra.local.cloud", ["--nonsense"], environment={}, folder=ROOT, output=tmp_path / "out"
    )
    assert await wrong.wait() == 2
    assert "the following arguments are required: --folder" in (tmp_path / "out").read_text()
    with pytest.raises(ProcessLookupError):
        wrong.send_signal(15)
    killed = await _cloud(tmp_path)
    await process.kill(killed)
    assert killed.returncode == -9
