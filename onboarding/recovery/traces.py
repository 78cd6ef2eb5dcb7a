"""What the service itself did to a connection, from its traces in the vault."""

from __future__ import annotations

import logging
from collections.abc import Callable

from onboarding.cloud.ports import Vault
from onboarding.connections.records import Connection
from onboarding.drift.inspection import Inspection
from onboarding.errors import OnboardingError
from onboarding.lifecycle import run_copies
from onboarding.lifecycle.credentials import vault_name
from onboarding.recovery.outside import is_of_service

log = logging.getLogger(__name__)


class Traces:
    """The traces in the vault."""

    def __init__(self, vault: Callable[[], Vault]) -> None:
        """``vault`` makes the client of the vault."""
        self._vault = vault

    async def is_outdated(self, connection: Connection, inspection: Inspection) -> bool:
        """Whether the record is older than the service's last change. False if the vault does not answer.

        Only the service writes in the vault. So a secret of the application whose key ID is in the tags there
        is the service's own. The service removes the secret and the copy of a connection only when it
        off-boards the connection.
        """
        if connection.imports_server_app or connection.shares:
            return False
        try:
            vault = self._vault()
            stored = await vault.stored(vault_name(connection.onboarding))
            if inspection.server.exists:
                known = {record.key_id for record in (connection.secret, connection.pending) if record}
                key = stored.tags.get("keyId", "") if stored else ""
                listed = {password.key_id for password in inspection.passwords}
                lost = connection.secret.key_id not in listed and any(
                    is_of_service(connection, password) for password in inspection.passwords
                )
                return key in listed - known or lost  # the vault can have been restored, too
            if inspection.server.exists is None or stored or not connection.copied:
                return False
            return await vault.stored(run_copies.name_of(connection.onboarding)) is None
        except OnboardingError as error:
            log.warning("the traces of %s in the vault could not be read: %s", connection.id, error.code)
            return False
