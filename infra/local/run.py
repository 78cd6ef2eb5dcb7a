"""``python -m infra.local``, which ``make run`` calls: the local cloud, with a sample, until Ctrl-C.

Environment: PORT of the API (7071; 0: any free one), HOSTS (1), ONCE=1 to end after the sample, KEEP=1 to
continue with the data of the last run, LOCAL_FOLDER to replace .local, and app settings, which docs/local.md
lists. Exit code 0, or 1 with the
reason on stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local import integration, process
from infra.local.errors import LocalError
from infra.local.sample import Sample
from infra.local.stack import ROOT, Stack

_MOST_HOSTS: Final = 16
_LAST_PORT: Final = 65535
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The options from the environment."""

    port: int
    hosts: int
    once: bool
    keep: bool
    folder: Path

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Read the options.

        Raises:
            LocalError: one of them is invalid.
        """
        return cls(
            port=_number(environment, "PORT", 7071, 0, _LAST_PORT),
            hosts=_number(environment, "HOSTS", 1, 1, _MOST_HOSTS),
            once=environment.get("ONCE", "") not in ("", "0"),
            keep=environment.get("KEEP", "") not in ("", "0"),
            folder=Path(environment.get("LOCAL_FOLDER") or ROOT / ".local"),
        )


def _number(environment: Mapping[str, str], name: str, usual: int, low: int, high: int) -> int:
    text = environment.get(name) or str(usual)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise LocalError(f"{name} is {text!r}; it must be a number from {low} to {high}")
    return int(text)


class Run:
    """One run of the local cloud at a terminal."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._interrupted = asyncio.Event()

    async def main(self) -> None:
        """Start, run the sample, and keep running; stop everything at the end, in any case.

        Raises:
            LocalError: a component or the sample failed.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._interrupted.set)
        work = asyncio.create_task(self._work())
        interruption = asyncio.create_task(self._interrupted.wait())
        await asyncio.wait([work, interruption], return_when=asyncio.FIRST_COMPLETED)
        cut_short = not work.done()
        if cut_short:
            self._say("stopping", _DIM)
            work.cancel()
        interruption.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        if cut_short and self._options.once:
            raise LocalError("stopped before the end of the sample")

    async def _work(self) -> None:
        started = time.monotonic()
        self._say("Starting the local cloud: storage, directory, trigger host.", _BOLD)
        stack = Stack(
            self._options.folder,
            port=self._options.port,
            hosts=self._options.hosts,
            permissions="consent",  # so that the sample ends without an administrator
            environment=integration.settings(os.environ),
            say=self._say,
        )
        if not self._options.keep:
            stack.clear()
        async with stack:
            await integration.prepare(stack)
            self._say(f"Ready after {time.monotonic() - started:.1f} s. The API is at {stack.api}.")
            await self._sample(stack)
            if not self._options.once:
                self._show(stack)
                await asyncio.Event().wait()

    async def _sample(self, stack: Stack) -> None:
        self._say("\nSample request (infra/local/sample.json):", _BOLD)
        try:
            await Sample(stack.endpoints, self._say).run()
        except LocalError as error:
            if self._options.once:
                raise
            # Without ONCE, the local cloud keeps running so that a person can find the reason.
            log = _shown(stack.folder / "host.log")
            print(f"The sample failed: {error}. The log, {log}, has more.", file=sys.stderr)

    def _show(self, stack: Stack) -> None:
        endpoints = stack.folder / "endpoints.json"
        self._say("\nAddresses and files:", _BOLD)
        self._say(f"  API         {stack.api}/api/onboardings")
        self._say(f"  host        {stack.api}/admin/functions")
        self._say(f"  control     {stack.cloud_info['control']}")
        self._say(f"  endpoints   {_shown(endpoints)}")
        self._say(f"  log         {_shown(stack.folder / 'host.log')}")
        self._say("\nGet a token and list the connections:", _BOLD)
        self._say(_curl(endpoints))
        self._say("\nPress Ctrl-C to stop.", _DIM)

    def _say(self, text: str, style: str = "") -> None:
        print(f"{style}{text}{_PLAIN}" if style and self._coloured else text, flush=True)


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _curl(endpoints: Path) -> str:
    file = _shown(endpoints)
    return f"""\
  at() {{ python3 -c 'import json,sys; v=json.load(open("{file}"))
  for k in sys.argv[1].split("."): v=v[k]
  print(v)' "$1"; }}
  TOKEN=$(curl -s --cacert "$(at certificate)" "$(at login)/$(at tenant)/oauth2/v2.0/token" \\
    -d grant_type=client_credentials -d client_id="$(at clients.operator.clientId)" \\
    --data-urlencode client_secret="$(at clients.operator.clientSecret)" -d scope="$(at audience)/.default" \\
    | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -s -H "Authorization: Bearer $TOKEN" "$(at api)/api/connections\""""


def main() -> int:
    """Return the exit code."""
    if "MAKELEVEL" in os.environ:
        # make does not pass SIGINT on, and a killed make passes on nothing.
        process.end_with_parent()
    try:
        asyncio.run(Run(Options.read(os.environ)).main())
    except LocalError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0
