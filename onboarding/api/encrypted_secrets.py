"""``/api/connections/{id}/encrypted-secret``: for a site whose administrator has no account here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from onboarding.api.connections import Connections
from onboarding.api.endpoint import CLOUD_REFUSES, OPERATORS, Call, Reply, download, endpoint
from onboarding.api.problems import ProblemError, invalid
from onboarding.api.reading import Parameters
from onboarding.clock import Clock
from onboarding.cmg.fields import WizardModel
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection, ConnectionState, EncryptedCopy
from onboarding.errors import requests
from onboarding.workflow.run import Event
from onboarding.workflow.run_store import RunStore

if TYPE_CHECKING:
    from onboarding.lifecycle.context import Services

_EXAMPLE = "-----BEGIN CERTIFICATE-----\nMIIC…\n-----END CERTIFICATE-----\n"


class CertificateRequest(WizardModel):
    """The certificate of the person who imports the secret at the site."""

    certificate: Annotated[str, Field(min_length=1, max_length=16384)] = Field(
        description="An X.509 certificate in PEM form, without its private key: RSA of at least 2048 bits."
    )


class EncryptedSecretsResource:
    """The endpoint."""

    def __init__(
        self,
        *,
        connections: Connections,
        store: ConnectionStore,
        audit: RunStore,
        services: Callable[[], Services],
        clock: Clock,
    ) -> None:
        """``services`` makes the clients of the cloud."""
        self._connections = connections
        self._store = store
        self._audit = audit
        self._services = services
        self._clock = clock

    @endpoint(
        "POST /connections/{id}/encrypted-secret",
        name="encrypt_secret",
        roles=OPERATORS,
        answers={200: "text/plain"},
        problems=(
            requests.NOT_FOUND,
            requests.CONNECTION_REMOVING,
            requests.SERVER_APP_OF_OTHER_CONNECTION,
            requests.SECRET_ALREADY_ENCRYPTED,
            CLOUD_REFUSES,
        ),
        examples={"certificate": {"certificate": _EXAMPLE}},
    )
    async def create(self, call: Call[Parameters, CertificateRequest]) -> Reply:
        """Encrypt the client secret with a certificate of the site's administrator (CMS)."""
        from onboarding.lifecycle.encrypted_copies import CertificateError, Recipient  # noqa: PLC0415 - slow

        now = self._clock.now()
        try:
            recipient = Recipient.read(call.body.certificate, now)
        except CertificateError as error:
            raise invalid(replace(error.finding, pointer="/certificate")) from error
        connection = await self._connections.find(call)
        if connection.state is not ConnectionState.ACTIVE:
            raise ProblemError(requests.CONNECTION_REMOVING, name=connection.name)
        if connection.shares:
            raise ProblemError(requests.SERVER_APP_OF_OTHER_CONNECTION, owner=connection.shares)
        secret = connection.pending or connection.secret
        copy = EncryptedCopy(
            key_id=secret.key_id, thumbprint=recipient.thumbprint, by=call.caller.name, at=now
        )
        kept = await self._store.change(connection.id, lambda found: _unless_encrypted(found, copy))
        first = kept.encrypted_copy if kept else None
        if first is None or (first.key_id, first.thumbprint) != (copy.key_id, copy.thumbprint):
            by, at = (first.by, first.at) if first else (copy.by, copy.at)
            raise ProblemError(requests.SECRET_ALREADY_ENCRYPTED, by=by, at=at)
        detail = f"The client secret {secret.key_id}, to the certificate {recipient.thumbprint}"
        author = call.caller.author
        event = Event.by(author, run=connection.onboarding, at=now, kind="encrypted", detail=detail)
        await self._audit.commit([], [event])
        value = await self._services().clouds.vault.client_secret(secret.vault_id)
        message = recipient.encrypt(value.get_secret_value())
        return download(message.encode("ascii"), "text/plain", f"secret-{connection.id}.cms")


def _unless_encrypted(found: Connection, copy: EncryptedCopy) -> Connection | None:
    """The connection with the copy; None if this secret already has one."""
    if found.encrypted_copy and found.encrypted_copy.key_id == copy.key_id:
        return None
    return found.evolve(encrypted_copy=copy)
