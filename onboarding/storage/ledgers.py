"""Append-only text in Blob Storage: append blobs, to which several hosts append one after another.

An append names the position at which the blob must end. So if two hosts append at the same time, one of them
gets a conflict (https://learn.microsoft.com/rest/api/storageservices/append-block#remarks). In Azure the
container has a retention policy that allows protected appends: nobody can change or delete a block during
that time (https://learn.microsoft.com/azure/storage/blobs/immutable-policy-configure-container-scope).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from onboarding.storage.call_timeouts import patient
from onboarding.storage.tables import ConflictError

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

_ABSENT: Final = "ping/absent"
"""A ledger that never exists."""

_END: Final = 2**62
"""A position at which no ledger ends."""

RETRIES: Final[Mapping[str, Any]] = {"retry_total": 3, "initial_backoff": 0.4, "increment_base": 1}


class FullLedgerError(Exception):
    """The blob has as many blocks as it can have: 50,000."""


class Ledgers:
    """The append-only texts of a container. Raises ``azure.core.exceptions`` for all errors but conflicts."""

    def __init__(self, container: Callable[[], ContainerClient]) -> None:
        """``container`` creates the client when it is first needed."""
        self._make = container
        self._made: ContainerClient | None = None

    @property
    def _container(self) -> ContainerClient:
        if self._made is None:
            self._made = self._make()
        return self._made

    async def append(self, name: str, data: bytes, *, at: int) -> None:
        """Appends to a ledger that ends at a position; creates it if the position is 0.

        Raises ``ConflictError`` if it ends elsewhere: somebody has appended, or this call succeeded before
        and its response was lost. Raises ``FullLedgerError`` if it can take no more.
        """
        blob = self._container.get_blob_client(name)
        try:
            async with patient():
                try:
                    await blob.append_block(data, appendpos_condition=at)
                except ResourceNotFoundError:
                    if at:
                        raise
                    await self._create(name)
                    await blob.append_block(data, appendpos_condition=at)
        except HttpResponseError as error:
            if error.status_code == HTTPStatus.PRECONDITION_FAILED:
                raise ConflictError(f"{name} at {at}") from error
            if _code(error) == "BlockCountExceedsLimit":
                raise FullLedgerError(name) from error
            raise

    async def _create(self, name: str) -> None:
        try:
            await self._container.get_blob_client(name).create_append_blob(
                match_condition=MatchConditions.IfMissing
            )
        except ResourceExistsError:
            return

    async def read(self, name: str, start: int = 0) -> bytes:
        """A ledger from a position on; nothing if it is not longer."""
        blob = self._container.get_blob_client(name)
        try:
            async with patient():
                stream = await blob.download_blob(offset=start)
                return bytes(await stream.readall())
        except HttpResponseError as error:
            if error.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return b""
            raise

    async def sizes(self, prefix: str) -> dict[str, int]:
        """The ledgers with a prefix, in the order of their names, with their sizes in bytes."""
        async with patient():
            found = self._container.list_blobs(name_starts_with=prefix)
            return {str(blob.name): int(blob.size) async for blob in found}

    async def check_write(self) -> None:
        """Raises unless the service may append: it appends to a ledger that does not exist.

        Source: https://learn.microsoft.com/rest/api/storageservices/append-block#response.
        """
        try:
            async with patient():
                await self._container.get_blob_client(_ABSENT).append_block(b"-", appendpos_condition=_END)
        except ResourceNotFoundError as error:
            if _code(error) == "ContainerNotFound":
                raise
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.PRECONDITION_FAILED:
                raise

    async def ping(self) -> None:
        """Raises an error unless the container answers."""
        async with patient():
            await self._container.get_container_properties()


def _code(error: HttpResponseError) -> str:
    """The code of an answer of Blob Storage."""
    code = getattr(error, "error_code", "")
    return str(getattr(code, "value", code))
