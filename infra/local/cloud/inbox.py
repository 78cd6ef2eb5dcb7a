"""Mailboxes for what a program posts: a test reads the sent notices there."""

from __future__ import annotations

from infra.local.cloud.database import Database
from infra.local.cloud.messages import JsonObject


class Inbox:
    """The posted messages by mailbox, oldest first; they survive a restart."""

    def __init__(self, database: Database) -> None:
        """Load the messages from the database."""
        self._database = database
        self._messages: dict[str, list[JsonObject]] = {}
        self._answers: dict[str, tuple[int, int]] = {}
        for _, message in sorted(database.rows("inbox")):
            self._messages.setdefault(message["name"], []).append(message)

    def put(self, name: str, message: JsonObject) -> int:
        """Store a message; return the status of the answer."""
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
        """The messages to a mailbox, including those that were answered with an error."""
        shown = ("at", "headers", "body", "raw")
        return [{field: message.get(field) for field in shown} for message in self._messages.get(name, ())]

    def clear(self, name: str) -> None:
        """Delete a mailbox's messages and its answer."""
        self._answers.pop(name, None)
        for message in self._messages.pop(name, ()):
            self._database.delete("inbox", f"{name}/{message['position']:012}")
