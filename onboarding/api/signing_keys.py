"""The keys with which Microsoft Entra ID signs access tokens.

A known key is used without waiting, even while the keys are downloaded again. One download runs at a time. A
failed one is remembered for a few seconds, so that tokens with unknown key IDs cannot make callers wait.

Source: https://learn.microsoft.com/entra/identity-platform/signing-key-rollover. Microsoft adds keys before
it uses them, and recommends checking for new ones every 24 hours.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

log = logging.getLogger(__name__)

_FRESH: Final = 3600.0  # seconds; then the keys are downloaded again, in the background
_USABLE: Final = 24 * 3600.0  # seconds; older keys are not trusted
_PAUSE: Final = 30.0  # seconds between two downloads because of unknown key IDs
_PAUSE_AFTER_FAILURE: Final = 5.0
_LONGEST: Final = 10.0  # seconds that a caller waits for a download


class KeysUnavailableError(Exception):
    """The keys cannot be downloaded, or the document is not a set of keys."""


class SigningKeys:
    """The keys of one tenant, by key ID."""

    def __init__(self, download: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        """``download`` returns the JSON document (RFC 7517). It blocks, so it runs in a thread."""
        self._download = download
        self._clock = clock
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._downloaded_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed = False
        self._running: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> jwt.PyJWK | None:
        """A key; None if the tenant has no such key. Raises ``KeysUnavailableError``."""
        age = self._clock() - self._downloaded_at
        if (known := self._keys.get(key_id)) and age < _USABLE:
            if age > _FRESH and self._may_try():
                self._start()
            return known
        if self._running or self._may_try():
            await self._wait()
        if self._failed or self._clock() - self._downloaded_at >= _USABLE:
            raise KeysUnavailableError
        return self._keys.get(key_id)

    async def refresh(self) -> None:
        """Download the keys now. Raises ``KeysUnavailableError``."""
        await self._wait()
        if self._failed:
            raise KeysUnavailableError

    def _may_try(self) -> bool:
        pause = _PAUSE_AFTER_FAILURE if self._failed else _PAUSE
        return self._running is None and self._clock() - self._tried_at >= pause

    def _start(self) -> asyncio.Task[None]:
        if self._running is None:
            self._running = asyncio.create_task(self._renew())
        return self._running

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                await asyncio.shield(self._start())
        except TimeoutError as error:
            raise KeysUnavailableError from error

    async def _renew(self) -> None:
        try:
            keys = _read(await asyncio.to_thread(self._download))
        except Exception as error:  # noqa: BLE001 - whatever it is, there are no new keys
            log.warning("The signing keys cannot be downloaded: %s", type(error).__name__)
            self._failed = True
        else:
            self._keys, self._failed, self._downloaded_at = keys, False, self._clock()
        finally:
            self._tried_at = self._clock()
            self._running = None


def _read(document: Any) -> Mapping[str, jwt.PyJWK]:
    """The keys for signatures in a document. Raises an error if there is none."""
    keys = {
        key.key_id: key
        for key in jwt.PyJWKSet.from_dict(document).keys
        if key.key_id and key.key_type == "RSA" and key.public_key_use in {"sig", None}
    }
    if not keys:
        raise ValueError("no key for signatures")
    return keys
