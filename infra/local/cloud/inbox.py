"""Mailboxes for whatever a program posts: where a test reads the notices that were sent."""

from __future__ import annotations

from infra.local.cloud.database import Database
from infra.local.cloud.messages import JsonObject


class Inbox:
    """What was posted, by name of the mailbox, oldest first; kept over a restart."""

    def __init__(self, database: Database) -> None:
        """Load what the database has."""
        self._database = database
        self._messages: dict[str, list[JsonObject]] = {}
        self._answers: dict[str, tuple[int, int]] = {}
        for _, message in sorted(database.rows("inbox")):
            self._messages.setdefault(message["name"], []).append(message)

    def put(self, name: str, message: JsonObject) -> int:
        """Keep a message; returns the status to answer with."""
        messages = self._messages.setdefault(name, [])
        position = messages[-1]["position"] + 1 if messages else 0
        kept = message | {"name": name, "position": position}
        messages.append(kept)
        self._database.put("inbox", f"{name}/{position:012}", kept)
        status, times = self._answers.pop(name, (204, 0))
        if times > 1:
            self._answers[name] = (status, times - 1)
        return status

    def answer(self, name: str, status: int, times: int) -> None:
        """Answer the next so many messages with this status."""
        self._answers[name] = (status, times)

    def messages(self, name: str) -> list[JsonObject]:
        """What was posted to a mailbox, also what was answered with an error."""
        shown = ("at", "headers", "body")
        return [{field: message[field] for field in shown} for message in self._messages.get(name, ())]

    def clear(self, name: str) -> None:
        """Forget a mailbox's messages and its answer."""
        self._answers.pop(name, None)
        for message in self._messages.pop(name, ()):
            self._database.delete("inbox", f"{name}/{message['position']:012}")
