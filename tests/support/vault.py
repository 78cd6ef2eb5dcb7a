"""A vault in memory: what the epoch needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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
