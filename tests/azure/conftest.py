"""The simulated cloud, for the scripts that talk to Microsoft Graph."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from onboarding.cloud.environments import ENVIRONMENTS
from tests.azure.templates import ROOT

_START_SECONDS = 30


@dataclass(frozen=True)
class Outcome:
    """How a script ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Cloud:
    """A running simulated cloud, and an administrator's access to its Graph."""

    facts: dict[str, Any]
    http: httpx.Client

    def token(self, client: dict[str, Any], scope: str) -> str:
        """An access token for one of the cloud's clients."""
        answer = self.http.post(
            f"{self.facts['login']}/{self.facts['tenant']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": client["clientId"],
                "client_secret": client["clientSecret"],
                "scope": scope,
            },
        )
        return str(answer.raise_for_status().json()["access_token"])

    def graph(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask Graph as the administrator."""
        scope = ENVIRONMENTS[self.facts["environment"]].graph_scope
        token = self.token(self.facts["clients"]["administrator"], scope)
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.http.request(method, f"{self.facts['graph']}/v1.0{path}", json=body, headers=headers)
        return dict(answer.raise_for_status().json()) if answer.content else {}

    def writes(self) -> list[tuple[str, str]]:
        """Method and path of every request to Graph since the last call that was not a read."""
        calls = self.http.get(f"{self.facts['control']}/calls", params={"service": "graph"}).json()["value"]
        self.http.delete(f"{self.facts['control']}/calls").raise_for_status()
        return [(call["method"], call["path"]) for call in calls if call["method"] != "GET"]

    def control(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Tell the simulated cloud how to behave."""
        answer = self.http.request(method, f"{self.facts['control']}{path}", json=body).raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def run(self, module: str, *arguments: str, client: str = "administrator") -> Outcome:
        """Run a script of ``infra/azure`` as one of the cloud's clients, in this process."""
        script = importlib.import_module(f"infra.azure.{module}")
        out, err = io.StringIO(), io.StringIO()
        secret = {"AZURE_CLIENT_SECRET": self.facts["clients"][client]["clientSecret"]}
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = script.main([*arguments, *self._options(client)], secret, io.StringIO())
        return Outcome(code, out.getvalue(), err.getvalue())

    def run_at_terminal(self, module: str, *arguments: str, answer: str) -> Outcome:
        """Run a script as a person does: as a separate process, with a terminal for answers."""
        terminal, keyboard = os.openpty()
        os.write(terminal, answer.encode())
        secret = {"AZURE_CLIENT_SECRET": self.facts["clients"]["administrator"]["clientSecret"]}
        done = subprocess.run(  # noqa: S603 a script of ours
            [sys.executable, "-m", f"infra.azure.{module}", *arguments, *self._options("administrator")],
            cwd=ROOT,
            env={**os.environ, **secret},
            capture_output=True,
            text=True,
            check=False,
            stdin=keyboard,
            timeout=120,
        )
        os.close(terminal)
        os.close(keyboard)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def _options(self, client: str) -> list[str]:
        return [
            *("--login", self.facts["login"], "--graph", self.facts["graph"]),
            *("--certificate", self.facts["certificate"], "--tenant", self.facts["tenant"]),
            *("--client-id", self.facts["clients"][client]["clientId"]),
            *("--environment", self.facts["environment"]),
        ]


@contextlib.contextmanager
def started(folder: Path, environment: str) -> Iterator[Cloud]:
    """A simulated cloud that keeps its state in this folder and ends with the block."""
    command = [
        sys.executable,
        "-m",
        "infra.local.cloud",
        "--folder",
        str(folder),
        "--environment",
        environment,
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)  # noqa: S603 a tool of ours
        try:
            facts = _facts(process, folder)
            trust = ssl.create_default_context(cafile=facts["certificate"])
            with httpx.Client(verify=trust, timeout=30) as http:
                yield Cloud(facts, http)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="package")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One simulated cloud for all tests of the scripts."""
    with started(tmp_path_factory.mktemp("cloud"), "AzurePublicCloud") as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    """The simulated cloud without faults or lag, and its identity without permissions."""
    running_cloud.control("DELETE", "/faults", {})
    running_cloud.control("PUT", "/lag", {"seconds": 0})
    running_cloud.control("PUT", "/settings", {"identityRoles": []})
    running_cloud.writes()
    return running_cloud


def _facts(process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + _START_SECONDS
    written = folder / "cloud.json"
    while not written.exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, "the simulated cloud did not start in time"
        time.sleep(0.05)
    return dict(json.loads(written.read_text()))
