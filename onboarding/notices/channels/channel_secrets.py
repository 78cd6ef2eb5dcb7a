"""The addresses and keys of channels: read from Key Vault, and cached for some minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from onboarding.clock import Clock
from onboarding.errors import channels

_KEPT: Final = timedelta(minutes=5)
"""Many messages need one read of the vault, and a new value is used soon."""


class Vault(Protocol):
    """The vault with the values."""

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """The newest values of a secret, the current one first; empty if there is no such secret."""
        ...


class ChannelSecrets:
    """The secret values that channels need."""

    def __init__(self, vault: Callable[[], Vault], clock: Clock) -> None:
        """``vault`` is called when a value is read, not before."""
        self._vault = vault
        self._clock = clock
        self._known: dict[tuple[str, int], tuple[datetime, tuple[str, ...]]] = {}

    async def value(self, name: str) -> str:
        """The value of a secret. Raises this app's errors, also if there is no such secret."""
        return (await self.newest(name, 1))[0]

    async def newest(self, name: str, versions: int) -> tuple[str, ...]:
        """The newest values of a secret, at least one; the current one first. Raises this app's errors."""
        now = self._clock.now()
        read_at, values = self._known.get((name, versions), (now, ()))
        if not values or not timedelta(0) <= now - read_at < _KEPT:
            values = await self._vault().read(name, versions=versions)
            if not values:
                raise channels.CHANNEL_SECRET_MISSING.error(secret=name)
            self._known[name, versions] = (now, values)
        return values
