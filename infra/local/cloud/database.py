"""The state of the simulated cloud: rows of JSON in one SQLite file.

Everything is also in memory; the file is written through and read only at the start. With
``synchronous=OFF`` a write costs no disk flush, yet survives the process: what SQLite has handed to the
operating system remains after SIGKILL (only a power cut could lose it), and its journal drops a
transaction that was interrupted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Database:
    """Rows of JSON by kind and ID. A write of a row costs the same for any number of rows."""

    def __init__(self, path: Path) -> None:
        """Open the file, or create it. Changes wait for ``commit``."""
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS rows"
            " (kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, id))"
            " WITHOUT ROWID"
        )

    def rows(self, kind: str) -> Iterator[tuple[str, Any]]:
        """All rows of one kind, by id."""
        for row_id, value in self._connection.execute("SELECT id, value FROM rows WHERE kind = ?", (kind,)):
            yield row_id, json.loads(value)

    def get(self, kind: str, row_id: str) -> Any:
        """One row's value; None if there is none."""
        found = self._connection.execute(
            "SELECT value FROM rows WHERE kind = ? AND id = ?", (kind, row_id)
        ).fetchone()
        return None if found is None else json.loads(found[0])

    def put(self, kind: str, row_id: str, value: object) -> None:
        """Write one row, and replace an earlier value."""
        self._begin()
        self._connection.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)",
            (kind, row_id, json.dumps(value, separators=(",", ":"))),
        )

    def delete(self, kind: str, row_id: str) -> None:
        """Delete one row, if it exists."""
        self._begin()
        self._connection.execute("DELETE FROM rows WHERE kind = ? AND id = ?", (kind, row_id))

    def commit(self) -> None:
        """Store the changes since the last commit, all of them or none."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._connection.close()

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")
