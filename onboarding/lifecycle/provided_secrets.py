"""Client secrets that people provide: kept in Key Vault under the name of their run, proved before use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from onboarding.cloud.applications import PasswordCredential
from onboarding.cloud.ports import StoredSecret
from onboarding.cmg import client_secrets
from onboarding.connections.records import SecretRecord
from onboarding.errors import OnboardingError, PermanentError, cloud, secrets, steps
from onboarding.errors.catalogue import CATALOGUE
from onboarding.lifecycle import ownership
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.requests import TENANT
from onboarding.texts import phrases
from onboarding.workflow.run import Head, Run, RunStatus

PREFIX: Final = ownership.SECRET_PREFIX
UNKNOWN_END: Final = timedelta(days=730)
"""How long a secret is marked as valid in Key Vault if the directory does not list its expiration yet: the
longest time that the portal offers
(https://learn.microsoft.com/entra/identity-platform/quickstart-register-app).
"""
_FRESH: Final = timedelta(minutes=15)
"""The time after which login must know a new client secret; usually it takes seconds."""


async def keep(
    services: Services, secret: SecretStr, run: str, tags: Mapping[str, str], *, ends_at: datetime
) -> str:
    """Stores a secret from a request in Key Vault; returns its name.

    The name derives from the run and the secret. A repeated request stores it again under this name, and
    concurrent requests with other secrets never replace it.

    Args:
        services: What all steps share.
        secret: The secret.
        run: For which it is.
        tags: To whom it belongs.
        ends_at: When it expires, if known; for people who see it in the vault.
    """
    name = name_of(secret, run)
    await services.clouds.vault.store(name, secret.get_secret_value(), ends_at=ends_at, tags=tags)
    return name


def name_of(secret: SecretStr, run: str) -> str:
    """The name in Key Vault of a secret that was provided for a run."""
    return f"{PREFIX}{run}-{digest(secret, run)}"


def end_of(passwords: Sequence[PasswordCredential], secret: str) -> datetime | None:
    """When a secret expires, by the list of the directory; None if it lists none that begins like it."""
    found = newest(passwords, secret[:3])
    return found.ends_at if found else None


def digest(secret: SecretStr, run: str) -> str:
    """Distinguishes the secrets of one run; slow to compute, and different in each run.

    Source: https://www.rfc-editor.org/rfc/rfc7914 (scrypt).
    """
    value = secret.get_secret_value().encode()
    return hashlib.scrypt(value, salt=run.encode(), n=2**14, r=8, p=1, dklen=8).hex()


async def names(services: Services, onboarding: str) -> list[str]:
    """The names of all secrets that came with the requests of an onboarding and its renewals."""
    of_run = f"{PREFIX}{onboarding}-"  # somebody can have changed the tags
    return sorted(
        secret.name
        for secret in await services.clouds.vault.listed(PREFIX)
        if secret.name.startswith(of_run) or secret.tags.get("onboarding") == onboarding
    )


async def discard(services: Services, name: str, onboarding: str, *, leaving: bool = False) -> bool:
    """Deletes a secret from Key Vault if it came with the request of an onboarding, and nobody needs it.

    A secret that another connection records, or that the request of a run in progress names, stays until the
    last of them is removed. A secret of a person, or of another onboarding that has what it created, is never
    deleted.

    Args:
        services: What all steps share.
        name: The secret's name.
        onboarding: The onboarding that no longer needs it.
        leaving: Whether the connection of this onboarding is being removed: then its record does not count.
    """
    vault = services.clouds.vault
    stored = await vault.stored(name)
    ours = name.startswith(f"{PREFIX}{onboarding}-")  # somebody can have changed the tags
    maker = onboarding if ours else stored.tags.get("onboarding", "") if stored else ""
    if stored is None or not (maker == onboarding or (maker and await _is_gone(services, maker))):
        return False
    tenant, app = stored.tags.get("tenantId", ""), stored.tags.get("appId", "")
    for connection in await services.connections.of_tenant(tenant):
        named = {secret.vault_name for secret in (connection.secret, connection.pending) if secret}
        if name in named and not (leaving and connection.onboarding == onboarding):
            return False
    users = await ownership.others(services, tenant, app, onboarding)
    if any(isinstance(user, Run) and name in user.head.request for user in users):
        return False
    await vault.remove(name)
    return True


async def _is_gone(services: Services, onboarding: str) -> bool:
    """Whether an onboarding of this deployment was undone, or its connection was removed."""
    run = await services.onboardings.load(onboarding)
    if run is None:
        return False
    status = services.onboardings.status(run)
    if status is not RunStatus.SUCCEEDED:
        return status in {RunStatus.CANCELLED, RunStatus.ROLLED_BACK}
    connections = await services.connections.of_tenant(run.head.lists[TENANT])
    return all(connection.onboarding != onboarding for connection in connections)


async def checked(
    services: Services, head: Head, *, onboarding: str, tenant: str, object_id: str, app_id: str, name: str
) -> SecretRecord:
    """A secret that the service did not create, after login has accepted it: its key ID, and when it expires.

    A secret that somebody else provided looks like one that does not exist.

    Args:
        services: What all steps share.
        head: The run that uses it.
        onboarding: To which the run belongs.
        tenant: The application's tenant.
        object_id: The application's object ID.
        app_id: Its client ID.
        name: The secret's name in Key Vault.

    Raises ``PermanentError`` with the reason, and ``TransientError`` while it cannot be known.
    """
    stored = await _usable(services, head, name, onboarding=onboarding, tenant=tenant, app=app_id)
    value = (await services.clouds.vault.client_secret(stored.id)).get_secret_value()
    if found := client_secrets.flaw(value):
        why = CATALOGUE[found.code].finding(**found.values)
        raise secrets.SECRET_MALFORMED.error(name=name, findings=(why,))
    now = services.clock.now()
    listed = await services.directory(tenant).passwords(object_id)
    password = newest(listed, stored.hint)
    fresh = password is not None and _need_valid(password, now)
    proof = services.clouds.proof
    try:
        await proof.prove(tenant=tenant, app=app_id, secret=value, name=name, fresh=fresh)
    except PermanentError as error:
        if password or error.code != secrets.SECRET_INVALID.code:
            raise
        raise steps.SECRET_OF_OTHER_APP.error(name=name) from error
    if password is None:
        raise cloud.REPLICATION_LAG.error(sign=phrases.SIGN_SECRET.of())
    return SecretRecord(key_id=password.key_id, vault_id=stored.id, ends_at=password.ends_at)


async def _usable(services: Services, head: Head, name: str, **wanted: str) -> StoredSecret:
    """A secret that a run may use. Raises the same error for another requester's secret as for a missing one.

    A disabled secret cannot be read, but the list shows its tags:
    https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets/get-secrets.
    """
    vault, disabled = services.clouds.vault, None
    try:
        stored = await vault.stored(name)
        tags = stored.tags if stored else {}
    except OnboardingError as error:
        if error.code != cloud.SECRET_DISABLED.code:
            raise
        stored, disabled = None, error
        tags = next((listed.tags for listed in await vault.listed(name) if listed.name == name), {})
    may_use = await ownership.may_use_secret(services, head, name, tags, **wanted)
    if disabled and may_use:
        raise disabled
    if stored is None or not may_use:
        raise steps.SECRET_NOT_IN_VAULT.error(name=name)
    return stored


def newest(passwords: Sequence[PasswordCredential], hint: str) -> PasswordCredential | None:
    """Of the client secrets that begin with the same characters, the one that expires last."""
    alike = [password for password in passwords if password.hint == hint]
    return max(alike, key=lambda password: password.ends_at, default=None)


async def prove(services: Services, *, tenant: str, app: str, secret: SecretRecord) -> None:
    """Returns if login accepts a secret that is in use.

    Raises the same errors as ``checked``; a refusal can be a lag.
    """
    value = (await services.clouds.vault.client_secret(secret.vault_id)).get_secret_value()
    await services.clouds.proof.prove(
        tenant=tenant, app=app, secret=value, name=secret.vault_name, fresh=True
    )


def _need_valid(password: PasswordCredential, now: datetime) -> bool:
    """Whether a client secret is new. Raises ``PermanentError`` if it has expired, or is not valid yet."""
    if password.ends_at <= now:
        raise steps.SECRET_EXPIRED.error(ended=password.ends_at)
    if password.starts_at > now:
        raise secrets.SECRET_NOT_YET_VALID.error(start=password.starts_at)
    return now - password.starts_at < _FRESH
