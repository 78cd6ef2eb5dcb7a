"""Text that a caller keeps for the service, but cannot read or change: AES-GCM (NIST SP 800-38D).

The key is in a row, created once for the deployment. Callers have no access to the tables, and what a
token contains is in the tables anyway. To replace the key, delete its row and restart the app.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, replace
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onboarding.storage import names
from onboarding.storage.codec import Codec
from onboarding.storage.tables import ConflictError, Row, Tables, Write
from onboarding.storage.unreadable_rows import load, readable

_PARTITION: Final = "~keys"
"""Sorts after every tenant ID, like all partitions of this table that contain no connections."""

_ROW: Final = "continuations"
_NONCE: Final = 12  # bytes
_LONGEST: Final = 4096  # characters; no token that the service created is longer


@dataclass(frozen=True, kw_only=True, slots=True)
class SealingKey:
    """The key, in base64."""

    key: str


KEYS: Final = Codec(SealingKey)


def _key_of(row: Row) -> SealingKey:
    found = load(KEYS, row)
    AESGCM(base64.b64decode(found.key))
    return found


class Seal:
    """Encrypts texts for one purpose, and decrypts them."""

    def __init__(self, cipher: AESGCM, purpose: bytes) -> None:
        self._cipher = cipher
        self._purpose = purpose

    def close(self, text: str) -> str:
        """A text as an opaque token for a URL."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), self._purpose)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, token: str) -> str | None:
        """The text in a token; None if the service did not create the token for this purpose."""
        if len(token) > _LONGEST or not token.isascii():
            return None
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._purpose).decode()
        except (binascii.Error, InvalidTag, ValueError):
            return None


class Seals:
    """Creates seals. Each process reads the key once."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._cipher: AESGCM | None = None

    async def of(self, purpose: str) -> Seal:
        """The seal of a purpose: its tokens are not valid for another purpose."""
        if self._cipher is None:
            self._cipher = AESGCM(base64.b64decode((await self._key()).key))
        return Seal(self._cipher, purpose.encode())

    async def _key(self) -> SealingKey:
        """The key of the deployment. If several processes create one, the first one wins."""
        while (row := await self._tables.get(names.CONNECTIONS, _PARTITION, _ROW)) is None:
            made = SealingKey(key=base64.b64encode(AESGCM.generate_key(256)).decode())
            new = Row(partition=_PARTITION, key=_ROW, columns={"document": KEYS.dump(made)})
            try:
                await self._tables.write(names.CONNECTIONS, new, Write.INSERT)
            except ConflictError:
                continue
        known = await readable(self._tables, [row], _key_of)
        if known:
            return known[0]
        made = SealingKey(key=base64.b64encode(AESGCM.generate_key(256)).decode())
        new = replace(row, columns={"document": KEYS.dump(made)})
        try:  # tokens of the damaged key are no longer valid, and lists start again
            await self._tables.write(names.CONNECTIONS, new, Write.UPDATE)
        except ConflictError:
            return await self._key()
        return made
