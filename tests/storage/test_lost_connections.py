"""Connections to the storage account that end while a call is sent, or before its response arrives."""

from __future__ import annotations

import pytest

from onboarding.storage.tables import ConflictError, Row, Write

pytestmark = pytest.mark.parametrize("account", ["emulator"], indirect=True)


def row(key: str) -> Row:
    return Row(partition="p", key=key, columns={"n": 1})


@pytest.mark.parametrize("how", [Write.INSERT, Write.UPSERT])
async def test_a_write_on_a_connection_that_has_ended_is_repeated(tables, table, fuse, how):
    """The account ends idle connections. A call on such a connection has no effect, and is sent again."""
    fuse.lose(after=False)
    await tables.write(table, row("one"), how)
    fuse.lose(after=False)
    await tables.transact(table, [(how, row("two")), (how, row("three"))])
    assert {found.key for found in await tables.query(table, "p")} == {"one", "two", "three"}


async def test_a_write_whose_answer_was_lost_can_be_a_conflict(tables, table, fuse):
    """The repeated call conflicts with its own effect, as it would with another writer's."""
    fuse.lose(after=True)
    with pytest.raises(ConflictError):
        await tables.write(table, row("one"), Write.INSERT)
    fuse.lose(after=True)
    with pytest.raises(ConflictError):
        await tables.transact(table, [(Write.INSERT, row("two"))])
    assert {found.key for found in await tables.query(table, "p")} == {"one", "two"}
