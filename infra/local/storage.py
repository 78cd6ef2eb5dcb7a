"""The storage account of the local cloud: Azurite, with the app's tables, queues and container.

Its account has a name and key that are made for its folder, so no key is in the source. Ports are chosen
once for a folder and stay the same when Azurite restarts, like addresses in Azure. When it is killed, it
loses nothing that it confirmed: see ``storage-emulator/journal.js``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from infra.local import node, ports, process
from infra.local.errors import LocalError
from onboarding.storage import names, protocol

ACCOUNT: Final = "devstoreaccount1"
"""Azurite's default account name; its published key is not used."""

_BEFORE: Final = tuple(node.EMULATOR / name for name in ("lean.js", "journal.js", "keys.js"))
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 10.0
_RELEASE_SECONDS: Final = 2.0
"""How long a killed Azurite may take to release its ports."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The addresses of the storage account, and its key."""

    blob: int
    """Port."""
    queue: int
    table: int
    key: str
    scheme: str = "http"

    @property
    def connection_string(self) -> str:
        """The connection string for the SDKs and the app's setting ONBOARDING_STORAGE."""
        services = (("Blob", self.blob), ("Queue", self.queue), ("Table", self.table))
        endpoints = ";".join(f"{name}Endpoint={self.url(port)}" for name, port in services)
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={self.key};{endpoints};"
        )

    def url(self, port: int) -> str:
        """The URL of one of the services."""
        return f"{self.scheme}://127.0.0.1:{port}/{ACCOUNT}"


class Storage:
    """Azurite in a folder. With a certificate it also takes tokens, as the account in Azure does."""

    def __init__(
        self,
        folder: Path,
        *,
        certificate: Path | None = None,
        authority: Path | None = None,
        lists_requests: bool = False,
    ) -> None:
        """``certificate`` has the key too; ``authority`` issued it. They exist when Azurite starts.

        ``lists_requests``: ``azurite.log`` has a line for each request.
        """
        self._lists_requests = lists_requests
        self._folder = folder / "storage"
        self._process: process.Process | None = None
        self._certificate = certificate
        self._authority = authority
        self.account, self._reserved = _account(folder)
        if certificate:
            self.account = replace(self.account, scheme="https")

    async def start(self) -> process.Process:
        """Start Azurite and wait until it is ready.

        Raises:
            LocalError: it cannot be started.
        """
        running = await self.spawn()
        try:
            await self.answering(running)
        except BaseException:
            await self.stop()
            raise
        return running

    async def spawn(self) -> process.Process:
        """Start Azurite, without waiting for it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AZURITE")}
        environment["AZURITE_ACCOUNTS"] = f"{ACCOUNT}:{self.account.key}"
        with (self._folder / "azurite.log").open("ab") as log:
            self._process = await process.start([*self._command()], environment=environment, output=log)
        return self._process

    async def answering(self, running: process.Process) -> None:
        """Wait until Azurite answers, and create the tables and queues that are missing.

        Raises:
            LocalError: it does not answer.
        """
        await _answering(running, (self.account.blob, self.account.queue, self.account.table))
        trust = {"connection_verify": str(self._authority)} if self._authority else {}
        await create(
            self.account.connection_string,
            tables=names.TABLES,
            queues=names.QUEUES,
            containers=(names.LEDGERS,),
            **trust,
        )

    def _command(self) -> Iterable[str]:
        account = self.account
        yield str(node.program())
        for script in _BEFORE:
            yield from ("--require", str(script))
        yield str(node.AZURITE)
        if not self._lists_requests:
            yield "--silent"
        yield from ("--disableTelemetry", "--location", str(self._folder))
        for name, port in (("blob", account.blob), ("queue", account.queue), ("table", account.table)):
            yield from (f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port))
        if self._certificate:
            yield from ("--oauth", "basic", "--cert", str(self._certificate), "--key", str(self._certificate))

    async def stop(self) -> None:
        """Stop Azurite, which saves its data, and release its ports."""
        if self._process is not None:
            await process.stop(self._process, seconds=_STOP_SECONDS)
            self._process = None
        self.release()

    def release(self) -> None:
        """Release its ports for others."""
        self._reserved.release()


async def create(
    connection_string: str,
    *,
    tables: Iterable[str],
    queues: Iterable[str],
    containers: Iterable[str] = (),
    **trust: str,
) -> None:
    """Create what does not exist yet; ``trust`` is for the clients' transport."""

    async def once(made: object) -> None:
        with contextlib.suppress(ResourceExistsError):
            await made  # type: ignore[misc]

    async with (
        TableServiceClient.from_connection_string(
            connection_string, use_env_settings=False, **trust
        ) as table_service,
        QueueServiceClient.from_connection_string(
            connection_string, api_version=protocol.VERSION, use_env_settings=False, **trust
        ) as queue_service,
        BlobServiceClient.from_connection_string(
            connection_string,
            api_version=protocol.VERSION,
            use_env_settings=False,
            **trust,  # type: ignore[arg-type] # options of the transport
        ) as blob_service,
    ):
        try:
            await asyncio.gather(
                *(once(table_service.create_table(name)) for name in tables),
                *(once(queue_service.create_queue(name)) for name in queues),
                *(once(blob_service.create_container(name)) for name in containers),
            )
        except AzureError as error:
            raise LocalError(f"Azurite does not make tables and queues: {error}") from None


def _account(folder: Path) -> tuple[Account, ports.Reservation]:
    """The account of this folder: its earlier one if its ports are still free, with its key in any case."""
    file = folder / "storage.json"
    known: Mapping[str, str | int] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
    reserved = _again([int(known.get(name, 0)) for name in ("blob", "queue", "table")]) or ports.choose(3)
    blob, queue, table = reserved.ports
    key = str(known.get("key") or base64.b64encode(secrets.token_bytes(64)).decode())
    account = Account(blob=blob, queue=queue, table=table, key=key)
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(account)), encoding="utf-8")
    draft.replace(file)
    return account, reserved


def _again(known: list[int]) -> ports.Reservation | None:
    """The earlier ports of the folder, unless somebody else has one of them now."""
    if not all(known):
        return None
    try:
        reserved = ports.Reservation(known)
    except OSError:
        return None
    deadline = time.monotonic() + _RELEASE_SECONDS
    while not ports.free(known):
        if time.monotonic() > deadline:
            reserved.release()
            return None
        time.sleep(0.05)
    return reserved


async def _answering(running: process.Process, listening: Iterable[int]) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    for port in listening:
        while True:
            if running.returncode is not None:
                raise LocalError(
                    f"Azurite ended at once with code {running.returncode}; its log is azurite.log"
                )
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            if asyncio.get_running_loop().time() > deadline:
                raise LocalError(
                    f"Azurite did not answer within {_START_SECONDS:.0f} s; its log is azurite.log"
                )
            await asyncio.sleep(0.02)
