"""Table Storage for the rest of the app: rows by key, transactions, pages.

A thin layer over azure-data-tables: it turns the service's conflicts into one exception, keeps
continuation tokens opaque, and fixes how often a failed call is repeated.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableErrorCode, TransactionOperation, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from onboarding.clock import Clock, SystemClock
from onboarding.storage.call_timeouts import patient

RETRIES: Final[Mapping[str, Any]] = {"retry_total": 3, "retry_backoff_factor": 0.4, "retry_backoff_max": 4}
"""Calls are short and retried quickly; after that, the message is delivered again."""

_POST: Final[Mapping[str, Any]] = {"retry_on_methods": frozenset({"POST"})}
"""The SDK repeats a POST only after an answer. The service repeats one whose connection was lost, too.

An idle connection can close while a call is sent on it. If the call had already taken effect, the repetition
is a conflict.
"""

_CONFLICTS: Final = frozenset({409, 412})


class ConflictError(Exception):
    """Another writer was first (or this call succeeded, and its response was lost)."""


class InvalidContinuationError(ValueError):
    """This service did not create the continuation token."""


class Range(NamedTuple):
    """Keys from ``first`` (included) to ``last`` (excluded)."""

    first: str
    last: str


class Write(StrEnum):
    """How a row is written."""

    INSERT = "insert"  # it must not exist
    UPDATE = "update"  # it must be unchanged since it was read (ETag)
    UPSERT = "upsert"  # an existing row is replaced
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a table: its keys, its columns, and the ETag it was read with."""

    partition: str
    key: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    etag: str = ""
    table: str = field(default="", compare=False)  # of a row that was read

    def as_entity(self) -> dict[str, Any]:
        """The row in the shape of the SDK; a column that is None is not stored."""
        present = {name: value for name, value in self.columns.items() if value is not None}
        return {**present, "PartitionKey": self.partition, "RowKey": self.key}

    @classmethod
    def from_entity(cls, entity: Mapping[str, Any], table: str = "") -> Row:
        """The row of an entity that was read from a table."""
        columns = {name: value for name, value in entity.items() if name not in {"PartitionKey", "RowKey"}}
        etag = str(getattr(entity, "metadata", {}).get("etag", ""))
        place = {"partition": entity["PartitionKey"], "key": entity["RowKey"], "table": table}
        return cls(**place, columns=columns, etag=etag)


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows, and the continuation (empty at the end)."""

    rows: tuple[Row, ...]
    continuation: str


class Tables:
    """All tables of the storage account. Raises ``azure.core.exceptions`` for all errors but conflicts."""

    clock: Clock = SystemClock()

    def __init__(self, service: TableServiceClient, clock: Clock | None = None) -> None:
        self._service = service
        self.clock = clock or self.clock
        self._clients: dict[str, TableClient] = {}

    def _client(self, table: str) -> TableClient:
        """The client of a table. It is kept, because creating one costs as much as a call."""
        if table not in self._clients:
            self._clients[table] = self._service.get_table_client(table)
        return self._clients[table]

    async def get(self, table: str, partition: str, key: str) -> Row | None:
        """One row, or None; a missing table is an error."""
        client = self._client(table)
        try:
            async with patient():
                return Row.from_entity(await client.get_entity(partition, key), table)
        except ResourceNotFoundError as error:
            if getattr(error, "error_code", None) == TableErrorCode.TABLE_NOT_FOUND:
                raise
            return None

    async def query(self, table: str, partition: str, keys: Range | None = None) -> list[Row]:
        """All rows of one partition (within a range of keys), in the order of their keys."""
        return [row async for row in self.scan(table, Range(partition, ""), keys=keys)]

    async def scan(self, table: str, partitions: Range, *, keys: Range | None = None) -> AsyncIterator[Row]:
        """All rows of a range of partitions, in order; they are read page by page, as they are needed."""
        client = self._client(table)
        text, parameters = _filter(partitions, keys)
        pages = client.query_entities(text, parameters=parameters).by_page()
        while True:
            async with patient():
                page = await anext(pages, None)
            if page is None:
                return
            async for entity in page:
                yield Row.from_entity(entity, table)

    async def page(
        self,
        table: str,
        partitions: Range,
        *,
        size: int,
        keys: Range | None = None,
        columns: Mapping[str, str] | None = None,
        continuation: str = "",
    ) -> RowPage:
        """At most ``size`` rows of a range of partitions, in order, from a continuation on.

        ``columns`` selects rows by their content, but the service also reads all others.

        Azure can return an empty page with a continuation, which is not the end
        (https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination).
        """
        client = self._client(table)
        text, parameters = _filter(partitions, keys, columns)
        pages = client.query_entities(text, parameters=parameters, results_per_page=size).by_page(
            continuation_token=_decode(continuation)
        )
        rows: tuple[Row, ...] = ()
        async with patient():
            async for page in pages:
                rows = tuple([Row.from_entity(entity, table) async for entity in page])
                if rows:
                    break
        return RowPage(rows, _encode(getattr(pages, "continuation_token", None)))

    async def write(self, table: str, row: Row, how: Write) -> str:
        """Writes one row and returns its new ETag. Raises ``ConflictError`` if the row is not as expected."""
        client = self._client(table)
        try:
            async with patient():
                done = await _write(client, row, how)
        except HttpResponseError as error:
            _raise_conflict(error, row)
            raise
        return str(done.get("etag", ""))

    async def transact(self, table: str, writes: Sequence[tuple[Write, Row]]) -> list[str]:
        """Writes rows of one partition together or not at all; returns their new ETags.

        At most 100 rows and 4 MiB
        (https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions).
        """
        client = self._client(table)
        operations: list[Any] = []
        for how, row in writes:
            if how is Write.INSERT:
                operations.append((TransactionOperation.CREATE, row.as_entity()))
            elif how is Write.UPDATE:
                options = {"mode": UpdateMode.REPLACE, **_unless_changed(row)}
                operations.append((TransactionOperation.UPDATE, row.as_entity(), options))
            elif how is Write.UPSERT:
                operations.append(
                    (TransactionOperation.UPSERT, row.as_entity(), {"mode": UpdateMode.REPLACE})
                )
            else:
                operations.append((TransactionOperation.DELETE, row.as_entity()))
        try:
            async with patient():
                done = await client.submit_transaction(operations, **_POST)
        except HttpResponseError as error:
            _raise_conflict(error, writes[0][1])
            raise
        return [str(written.get("etag", "")) for written in done]


async def _write(client: TableClient, row: Row, how: Write) -> Mapping[str, Any]:
    """Writes one row; returns what the service answers."""
    match how:
        case Write.INSERT:
            done: Mapping[str, Any] = await client.create_entity(row.as_entity(), **_POST)
        case Write.UPSERT:
            done = await client.upsert_entity(row.as_entity(), mode=UpdateMode.REPLACE)
        case Write.UPDATE:
            done = await client.update_entity(
                row.as_entity(), mode=UpdateMode.REPLACE, **_unless_changed(row)
            )
        case Write.DELETE:
            await client.delete_entity(row.partition, row.key, **(_unless_changed(row) if row.etag else {}))
            done = {}
    return done


def _unless_changed(row: Row) -> dict[str, Any]:
    return {"etag": row.etag, "match_condition": MatchConditions.IfNotModified}


def _raise_conflict(error: HttpResponseError, row: Row) -> None:
    if error.status_code in _CONFLICTS:
        raise ConflictError(f"{row.partition}/{row.key}: {error.status_code}") from error


def _filter(
    partitions: Range, keys: Range | None, columns: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """An OData filter over the two keys and columns; a range without an end means that one partition."""
    if partitions.last:
        text, parameters = "PartitionKey ge @first and PartitionKey lt @last", dict(partitions._asdict())
    else:
        text, parameters = "PartitionKey eq @first", {"first": partitions.first}
    if keys:
        text += " and RowKey ge @low and RowKey lt @high"
        parameters |= {"low": keys.first, "high": keys.last}
    for name, value in (columns or {}).items():
        text += f" and {name} eq @{name}"
        parameters[name] = value
    return text, parameters


def _encode(token: Any) -> str:
    """The SDK's continuation (the keys of the next row) as an opaque token for a URL."""
    if not token:
        return ""
    return base64.urlsafe_b64encode(json.dumps(dict(token)).encode()).decode().rstrip("=")


def _decode(text: str) -> Any:
    if not text:
        return None
    try:
        token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError) as error:
        raise InvalidContinuationError from error
    if not isinstance(token, dict) or not all(
        value is None or isinstance(value, str) for value in token.values()
    ):
        raise InvalidContinuationError
    if set(token) != {"PartitionKey", "RowKey"}:
        raise InvalidContinuationError
    return token
