from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from infra.local.stack import ROOT
from tests.local_host.hosts import alive, until


class Terminal:
    """``python -m infra.local``, as a person uses it at a terminal."""

    process: asyncio.subprocess.Process

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder.parent / "output"

    async def start(self, **environment: str) -> None:
        """Start it with these variables."""
        with self.output.open("wb") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "infra.local"),
                cwd=ROOT,
                env={**os.environ, "LOCAL_FOLDER": str(self.folder), "PORT": "0", **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    async def end(self) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self.process.wait(), 60)

    def text(self) -> str:
        """What it has written so far."""
        return self.output.read_text()


@pytest.fixture
async def terminal(tmp_path):
    """A terminal, without processes in it at the end."""
    terminal = Terminal(tmp_path / "local")
    yield terminal
    if terminal.process.returncode is None:
        terminal.process.kill()
        await terminal.process.wait()


@pytest.mark.soak
async def test_sample(terminal):
    """With ONCE=1 the sample is onboarded, its warning arrives, everything stops, and the exit code is 0.

    So it is with a setting that lets only operators confirm.
    """
    await terminal.start(ONCE="1", OPERATORS_ONLY="confirm")
    code = await terminal.end()
    text = terminal.text()
    assert code == 0, text
    for step in ("preflight", "server-app", "client-app", "consent", "connection"):
        assert any(step in line and line.endswith("Succeeded") for line in text.splitlines()), text
    assert "succeeded; the connection is" in text
    assert "the site is connected: Confirmed" in text
    assert "warning arrived:" in text
    assert not (terminal.folder / "endpoints.json").exists()
    assert "\x1b" not in text


async def test_it_runs_until_it_is_stopped(terminal):
    """Without ONCE it shows all addresses, restarts a killed host, and SIGTERM ends everything."""
    await terminal.start()
    await until(lambda: "Press Ctrl-C to stop." in terminal.text())
    endpoints = json.loads((terminal.folder / "endpoints.json").read_text())
    assert endpoints["api"] in terminal.text()
    (pid,) = endpoints["hostPids"]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: "host-1 is up again" in terminal.text())
    (again,) = json.loads((terminal.folder / "endpoints.json").read_text())["hostPids"]
    assert again != pid
    async with httpx.AsyncClient(timeout=10) as client:
        assert (await client.get(f"{endpoints['api']}/admin/functions")).status_code == 200
    terminal.process.send_signal(signal.SIGTERM)
    assert await terminal.end() == 0
    assert not alive(again)
    assert "Traceback" not in terminal.text()


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"PORT": "x"}, "PORT is 'x'"),
        ({"PORT": "70000"}, "PORT is '70000'"),
        ({"HOSTS": "0"}, "HOSTS is '0'"),
    ],
)
async def test_refused_options(terminal, environment, why):
    """An invalid option is refused in one line."""
    await terminal.start(**environment)
    assert await terminal.end() == 1
    assert why in terminal.text()
    assert len(terminal.text().splitlines()) == 1


async def test_taken_port(terminal):
    """A port that is taken is refused with a line that contains a remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        await terminal.start(PORT=port)
        assert await terminal.end() == 1
    assert f"port {port} cannot be used" in terminal.text()
    assert "Traceback" not in terminal.text()
