"""Vaults in memory, as far as the epoch and the channels need one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from onboarding.cloud.ports import StoredSecret


class MemoryVault:
    """Secrets that last as long as the test."""

    def __init__(self) -> None:
        self.tags: dict[str, Mapping[str, str]] = {}

    async def stored(self, name: str) -> StoredSecret | None:
        """The tags of a secret, or None."""
        return StoredSecret(id=name, tags=self.tags[name], hint="") if name in self.tags else None

    async def store(self, name: str, value: str, *, ends_at: datetime | None, tags: Mapping[str, str]) -> str:
        """Keep the tags."""
        assert value
        assert ends_at is None
        self.tags[name] = tags
        return name

    async def tag(self, name: str, tags: Mapping[str, str]) -> bool:
        """Replace the tags."""
        known = name in self.tags
        if known:
            self.tags[name] = tags
        return known


class Safe:
    """The newest versions of secrets, the newest first, and a clock; a test sets both."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, ...]] = {}
        self.reads = 0
        self.time = datetime(2027, 3, 1, tzinfo=UTC)

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """The newest versions of a secret."""
        self.reads += 1
        return self.values.get(name, ())[:versions]

    def now(self) -> datetime:
        """The time."""
        return self.time
