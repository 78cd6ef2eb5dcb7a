"""The secrets of the simulated vault: versions, attributes, soft delete."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Final

from infra.local.cloud.database import Database
from infra.local.cloud.messages import JsonObject

RECOVERABLE_DAYS: Final = 90


class VaultSecrets:
    """Named secrets with their versions, newest last."""

    def __init__(self, database: Database) -> None:
        """Load the secrets from the database."""
        self._database = database
        self._secrets: dict[str, JsonObject] = dict(sorted(database.rows("vaultSecrets")))

    def live(self, name: str) -> JsonObject | None:
        """A secret that is not deleted. Names are compared without case."""
        secret = self._secrets.get(name.lower())
        return secret if secret is not None and secret["deleted"] is None else None

    def deleted(self, name: str) -> JsonObject | None:
        """A secret that is deleted and can be recovered."""
        secret = self._secrets.get(name.lower())
        return secret if secret is not None and secret["deleted"] is not None else None

    def all(self, *, deleted: bool) -> Iterator[JsonObject]:
        """All live, or all deleted, secrets by name."""
        for name in sorted(self._secrets):
            if (self._secrets[name]["deleted"] is not None) == deleted:
                yield self._secrets[name]

    def add(self, name: str, version: JsonObject) -> JsonObject:
        """Add a version; the first one creates the secret. Returns the version with its ID and times."""
        now = int(time.time())
        version = version | {"version": uuid.uuid4().hex, "created": now, "updated": now}
        before = self._secrets.get(name.lower()) or {"name": name, "deleted": None, "versions": []}
        self._put(before | {"versions": [*before["versions"], version]})
        return version

    def change(self, secret: JsonObject, version: JsonObject, changes: JsonObject) -> JsonObject:
        """Change the properties of a version. Returns its current state."""
        changed = version | changes | {"updated": int(time.time())}
        versions = [changed if each["version"] == version["version"] else each for each in secret["versions"]]
        self._put(secret | {"versions": versions})
        return changed

    def delete(self, secret: JsonObject) -> JsonObject:
        """Delete a secret so that it can be recovered."""
        return self._put(secret | {"deleted": int(time.time())})

    def recover(self, secret: JsonObject) -> JsonObject:
        """Recover a deleted secret, with all its versions."""
        return self._put(secret | {"deleted": None})

    def purge(self, secret: JsonObject) -> None:
        """Delete a deleted secret permanently."""
        key = secret["name"].lower()
        del self._secrets[key]
        self._database.delete("vaultSecrets", key)

    def _put(self, secret: JsonObject) -> JsonObject:
        key = secret["name"].lower()
        self._secrets[key] = secret
        self._database.put("vaultSecrets", key, secret)
        return secret
