"""The tokens of signed addresses. The vault has the key that signs; the previous key is valid, too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from onboarding import signing
from onboarding.clock import Clock
from onboarding.notices.channels.channel_secrets import ChannelSecrets

_ACTIVE_KEYS: Final = 2
"""Versions of a key that are valid: the newest and the previous one."""


class LinkTokens:
    """Signs tokens, and reads them. The key is cached, so most tokens cost no call to the vault."""

    def __init__(self, secrets: ChannelSecrets, key: str, clock: Clock, *, purpose: str) -> None:
        """``key`` names the secret in the vault that signs. If it is empty, there are no tokens."""
        self._secrets = secrets
        self._key = key
        self._clock = clock
        self._purpose = purpose

    @property
    def are_set_up(self) -> bool:
        """Whether the deployment has signed addresses."""
        return bool(self._key)

    async def are_possible(self) -> bool:
        """Whether there is a key that is long enough. Raises this app's errors."""
        return self.are_set_up and len(await self._secrets.value(self._key)) >= signing.SHORTEST_KEY

    async def sign(self, claims: Mapping[str, str], expires_at: datetime) -> str:
        """A token. Raises this app's errors, and ``ValueError`` as ``signing.sign``."""
        return signing.sign(await self._secrets.value(self._key), claims, expires_at, purpose=self._purpose)

    async def read(self, token: str) -> dict[str, str] | None:
        """The claims of a token; None if it is forged or too old. Raises this app's errors."""
        if not (self._key and token):
            return None
        keys = await self._secrets.newest(self._key, _ACTIVE_KEYS)
        return signing.verify(keys, token, self._clock.now(), purpose=self._purpose)
