"""The addresses and keys of channels: read from Key Vault, and cached for a few minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from onboarding.clock import Clock
from onboarding.errors import OnboardingError, channels

_KEPT: Final = timedelta(minutes=5)
"""Many messages need only one read of the vault, and a new value is used soon."""


_ERROR_KEPT: Final = timedelta(seconds=10)


class ReadingVault(Protocol):
    """The vault with the values."""

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """The newest values of a secret, the current one first; empty if there is no such secret."""
        ...


class ChannelSecrets:
    """The secret values that channels need."""

    def __init__(self, vault: Callable[[], ReadingVault], clock: Clock) -> None:
        """``vault`` is called when a value is read, not before."""
        self._vault = vault
        self._clock = clock
        self._known: dict[tuple[str, int], _Known] = {}
        self._reading: dict[tuple[str, int], asyncio.Lock] = {}

    async def value(self, name: str) -> str:
        """The value of a secret. Raises this app's errors, also if there is no such secret."""
        return (await self.newest(name, 1))[0]

    def forget(self, name: str) -> None:
        """Forgets the values of a secret that this process has just replaced."""
        for key in [key for key in self._known if key[0] == name]:
            del self._known[key]

    async def newest(self, name: str, versions: int) -> tuple[str, ...]:
        """The newest values of a secret, at least one; the current one first. Raises this app's errors.

        An error is kept, too, for a few seconds: calls without a token, such as those with a link, cannot
        make the service call the vault each time.
        """
        key = (name, versions)
        async with self._reading.setdefault(key, asyncio.Lock()):
            known = self._known.get(key)
            if known is None or not known.is_fresh(self._clock.now()):
                known = self._known[key] = await self._read(name, versions)
        if known.error:
            raise known.error.with_traceback(None)
        return known.values

    async def _read(self, name: str, versions: int) -> _Known:
        now = self._clock.now()
        try:
            values = await self._vault().read(name, versions=versions)
        except OnboardingError as error:
            return _Known(read_at=now, error=error)
        missing = None if values else channels.CHANNEL_SECRET_MISSING.error(secret=name)
        return _Known(read_at=now, values=values, error=missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What the vault answered, and when."""

    read_at: datetime
    values: tuple[str, ...] = field(default=(), repr=False)
    error: OnboardingError | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Whether it can be used now. A clock that is set back makes it outdated."""
        return timedelta(0) <= now - self.read_at < (_ERROR_KEPT if self.error else _KEPT)
