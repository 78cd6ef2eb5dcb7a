"""The whole local cloud in one folder: storage, the simulated cloud, and the trigger hosts.

``make run`` keeps one in ``.local``; tests keep theirs in temporary folders::

    async with Stack(folder) as stack:
        stack.endpoints["api"]
        await stack.hosts[0].kill()
        await stack.ready()

All hosts accept connections on one listening socket of the stack, like instances in Azure behind one
front end: while a host restarts, a request waits instead of being refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from infra.local import forks, process, surroundings
from infra.local.component import Component
from infra.local.errors import LocalError
from infra.local.ports import Reservation, listen
from infra.local.stack_folder import StackFolder
from infra.local.storage import Storage

ROOT: Final = Path(__file__).resolve().parents[2]
_START_SECONDS: Final = 30.0
_HOST_STOP_SECONDS: Final = 12.0
"""A host gives running functions ten seconds."""


_ADDRESSES: Final = ("login", "graph", "resourceManager", "keyVault", "managedIdentity", "control")
"""Names of the simulated cloud's addresses in its ``cloud.json``."""


def _quiet(_: str) -> None:
    """Ignore what a stack reports when a test runs it."""


class Stack:
    """Starts, watches and stops the local cloud.

    Args:
        folder: the folder for all files; no other stack can use it at the same time.
        port: of the API; 0 for any free one.
        hosts: number of trigger hosts.
        app: module of the function app.
        host_json: settings of the hosts' triggers.
        azure_environment: the simulated Azure environment; a folder keeps its first one.
        permissions: of the service's identity in Microsoft Graph, as the docs grant them without
            ("base") or with ("consent") the permissions to consent; a folder keeps its first ones.
        storage_tokens: whether the app opens the storage account with its identity, over TLS, as in Azure.
        storage_log: whether the storage account lists its requests in ``storage/azurite.log``.
        environment: settings of the hosts that add to or replace the usual ones.
        say: receives a sentence when something was restarted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        hosts: int = 1,
        app: str = "function_app",
        host_json: Path = ROOT / "host.json",
        azure_environment: str = "AzurePublicCloud",
        permissions: str = "base",
        storage_tokens: bool = False,
        storage_log: bool = False,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        self._files = StackFolder(folder)
        self.folder = self._files.path
        self.environment = dict(environment or {})
        """Read each time a host starts, so a test may change it between two starts."""
        self.webhook_secret = ""
        """The secret that signs events, where ``integration`` has made one; for ``endpoints.json``."""
        self.cloud_info: Mapping[str, Any] = {}
        """The simulated cloud's ``cloud.json``."""
        self._app = app
        self._host_json = host_json
        self._azure_environment = azure_environment
        self._permissions = permissions
        self._port = port
        self._cloud_ports: Reservation | None = None
        self._listener: socket.socket | None = None
        self.published = False
        self._storage_tokens = storage_tokens
        cloud = self.folder / "cloud"
        files = {"certificate": cloud / "server.pem", "authority": cloud / "ca.pem"} if storage_tokens else {}
        self._storage = Storage(self.folder, **files, lists_requests=storage_log)
        self.account = self._storage.account
        self.storage = Component(
            "storage",
            spawn=self._storage.spawn,
            answering=self._storage.answering,
            changed=self.publish,
            say=say,
            stop_seconds=10,
        )
        self.cloud = Component(
            "cloud",
            spawn=self._spawn_cloud,
            answering=self._cloud_answering,
            changed=self.publish,
            say=say,
            stop_seconds=5,
        )
        self.hosts = [self._host(f"host-{number}", say) for number in range(1, hosts + 1)]

    @property
    def api(self) -> str:
        """Base URL of the API and of the hosts' admin endpoints."""
        if self._listener is None:
            raise LocalError("the local cloud is not running")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def endpoints(self) -> dict[str, Any]:
        """The current content of ``endpoints.json``."""
        return surroundings.endpoints(
            cloud=self.cloud_info,
            api=self.api,
            storage=self.account.connection_string,
            pids=[host.pid for host in self.hosts if host.pid is not None],
            log=self.folder / "host.log",
            webhook_secret=self.webhook_secret,
        )

    @property
    def clock_file(self) -> Path:
        """The file with the offset of the local clock."""
        return self.folder / "clock"

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            LocalError: the port is taken, or a part does not start; then nothing is left running.
        """
        try:
            self._listener = listen(self._port)
            if self._storage_tokens:  # Azurite has a certificate of the cloud's authority
                await self.cloud.start()
            await _all(self.storage.start(), *([] if self._storage_tokens else [self.cloud.start()]))
            await _all(*(host.start() for host in self.hosts))
        except BaseException:
            await self.stop()
            raise
        self.published = True
        self.publish()

    def clear(self) -> None:
        """Delete what an earlier run left in the folder; only before the start."""
        self._files.clear()

    async def ready(self) -> None:
        """Wait until every part is ready, after one was killed.

        Raises:
            LocalError: one did not restart.
        """
        parts = (self.storage, self.cloud, *self.hosts)
        waiting = {asyncio.create_task(part.ready(), name=part.name) for part in parts}
        _, late = await asyncio.wait(waiting, timeout=_START_SECONDS)
        for task in late:
            task.cancel()
        if late:
            raise LocalError(f"{', '.join(sorted(task.get_name() for task in late))} did not restart")

    async def stop(self) -> None:
        """Stop everything: the hosts first, so that they can finish their work."""
        self.published = False
        await asyncio.gather(*(host.stop() for host in self.hosts))
        await asyncio.gather(self.cloud.stop(), self.storage.stop())
        self._storage.release()
        if self._cloud_ports is not None:
            self._cloud_ports.release()
            self._cloud_ports = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._files.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _spawn_cloud(self) -> process.Process:
        (self.folder / "cloud" / "cloud.json").unlink(missing_ok=True)
        arguments: list[forks.Argument] = [
            "--folder",
            self.folder / "cloud",
            "--environment",
            self._azure_environment,
            "--reply-to",
            f"{self.api}/api/consented",
            "--permissions",
            self._permissions,
        ]
        return await self._spawn("cloud", "infra.local.cloud", arguments, surroundings.inherited())

    async def _cloud_answering(self, running: process.Process) -> None:
        file = self.folder / "cloud" / "cloud.json"
        self.cloud_info = await self._files.state("cloud", file, running, _START_SECONDS)
        if self._cloud_ports is None:
            # It has chosen them itself and listens on them; they stay reserved while it is down, too. If
            # somebody checks one of them at this moment, the next start corrects this.
            addresses = [urlsplit(self.cloud_info[name]) for name in _ADDRESSES]
            with contextlib.suppress(OSError):
                self._cloud_ports = Reservation([address.port or 0 for address in addresses])

    def _host(self, name: str, say: Callable[[str], None]) -> Component:
        state = self.folder / f"{name}.json"

        async def spawn() -> process.Process:
            state.unlink(missing_ok=True)
            return await self._spawn_host(name)

        async def answering(running: process.Process) -> None:
            await self._files.state(name, state, running, _START_SECONDS)

        return Component(
            name,
            spawn=spawn,
            answering=answering,
            changed=self.publish,
            say=say,
            stop_seconds=_HOST_STOP_SECONDS,
        )

    async def _spawn_host(self, name: str) -> process.Process:
        if self._listener is None:
            raise LocalError("the local cloud is not running")
        opened = surroundings.identity_connection if self._storage_tokens else surroundings.connection
        environment = surroundings.of_host(
            cloud=self.cloud_info,
            api=self.api,
            storage=opened(self.account),
            clock=self.clock_file,
            root=ROOT,
        )
        arguments: list[forks.Argument] = ["--app", self._app, "--name", name, "--folder", self.folder]
        arguments += ["--host-json", self._host_json, "--listener", self._listener]
        return await self._spawn(name, "infra.local.host", arguments, {**environment, **self.environment})

    async def _spawn(
        self,
        name: str,
        module: str,
        arguments: Sequence[forks.Argument],
        environment: Mapping[str, str],
    ) -> process.Process:
        output = self._files.output(name)
        output.unlink(missing_ok=True)
        return await forks.start(module, arguments, environment=environment, folder=ROOT, output=output)

    def publish(self) -> None:
        """Write ``endpoints.json``, once everything runs."""
        if not self.published:
            return
        self._files.publish(self.endpoints)


async def _all(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all together; where one fails, cancel the others before its error is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
