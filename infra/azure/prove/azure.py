"""Questions to Azure Resource Manager and Key Vault.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types and
https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

from infra.azure.prove.questions import Finding, Run, accepted, no, reached, unknown, yes
from infra.azure.prove.services import Answer
from onboarding.cloud import key_vault

_REGISTER: Final = ("*", "*/register/action")
_PROVIDER: Final = "Microsoft.Compute"
_PROTECTED: Final = "purge protection"
"""In the message of Key Vault for a vault whose deleted secrets nobody can purge."""
_VAULT_VERSION: Final = f"api-version={key_vault.API_VERSION}"


def subscription(run: Run) -> Iterator[Finding]:
    """The role on the subscription, and the API versions of the app's calls."""
    if not run.services.has("resourceManager"):
        yield unknown("The role on the subscription is in effect.", "no --subscription")
        return
    permissions = run.wait(
        lambda: _manager(run, "/providers/Microsoft.Authorization/permissions", "2022-04-01"), _may_register
    )
    yield reached("The role on the subscription is in effect.", permissions)
    for path, version in (
        ("", "2022-12-01"),
        ("/providers/Microsoft.Authorization/permissions", "2022-04-01"),
        ("/providers", "2022-09-01"),
        (f"/providers/{_PROVIDER}", "2022-09-01"),
    ):
        answer = _manager(run, path, version)
        yield accepted(f"Resource Manager has version {version} of {path or 'the subscription'}.", answer)
    state = _manager(run, f"/providers/{_PROVIDER}", "2022-09-01").body.get("registrationState")
    if state == "Registered":
        again = _manager(run, f"/providers/{_PROVIDER}/register", "2022-09-01", "POST")
        yield accepted("A registered provider can be registered again.", again)


def vault(run: Run) -> Iterator[Finding]:
    """A secret in the vault: deletion, recovery, and what purge protection answers."""
    if not run.services.has("keyVault"):
        yield unknown("The service can store a secret.", "no --vault")
        return
    name = f"{run.name}-secret"
    run.may_exist(name, f"vault secret {name}", lambda: _removed(run, name))
    stored = _vault(run, "PUT", f"/secrets/{name}", {"value": secrets.token_urlsafe()})
    yield accepted("The service can store a secret.", stored)
    if not stored.succeeded:
        return
    yield accepted("The service can read a secret.", _vault(run, "GET", f"/secrets/{name}"))
    empty = _vault(run, "PUT", f"/secrets/{name}", {})  # the app's check of the right to store a secret
    question = "A secret without a value is an invalid request."
    yield (yes if empty.status == HTTPStatus.BAD_REQUEST else no)(question, empty.text)
    deleted = _vault(run, "DELETE", f"/secrets/{name}")
    yield accepted("The service can delete a secret.", deleted)
    shown = run.wait(lambda: _vault(run, "GET", f"/deletedsecrets/{name}"))
    yield reached("A deleted secret is shown.", shown)
    again = _vault(run, "PUT", f"/secrets/{name}", {"value": secrets.token_urlsafe()})
    question = "A name is taken while its deleted secret can be recovered."
    yield no(question, again.text) if again.succeeded else yes(question, again.text)
    recovered = run.wait(lambda: _vault(run, "POST", f"/deletedsecrets/{name}/recover"))
    yield reached("The service can recover a secret.", recovered)
    if recovered.reached:
        back = run.wait(lambda: _vault(run, "GET", f"/secrets/{name}"))
        yield reached("A recovered secret can be read.", back)
        run.wait(lambda: _vault(run, "DELETE", f"/secrets/{name}"))
    run.wait(lambda: _vault(run, "GET", f"/deletedsecrets/{name}"))
    purged = _vault(run, "DELETE", f"/deletedsecrets/{name}")
    yield accepted("The service can remove a secret permanently.", purged)


def _manager(run: Run, path: str, version: str, method: str = "GET") -> Answer:
    return run.services.send("resourceManager", method, f"{path}?api-version={version}")


def _vault(run: Run, method: str, path: str, body: dict[str, str] | None = None) -> Answer:
    return run.services.send("keyVault", method, f"{path}?{_VAULT_VERSION}", body)


def _may_register(answer: Answer) -> bool:
    return any(
        action in _REGISTER
        for permission in answer.body.get("value") or ()
        for action in permission.get("actions") or ()
    )


def _removed(run: Run, name: str) -> bool:
    """Delete and purge; a vault with purge protection keeps what was deleted until its retention ends.

    Any other refusal shows nothing about the secret, so it can still be there.
    """
    deleted = _vault(run, "DELETE", f"/secrets/{name}")
    if not deleted.succeeded and deleted.status != HTTPStatus.NOT_FOUND:
        return False
    shown = run.wait(
        lambda: _vault(run, "GET", f"/deletedsecrets/{name}"),
        lambda answer: answer.succeeded or not deleted.succeeded,
    )
    if shown.last.status == HTTPStatus.NOT_FOUND:
        return not deleted.succeeded
    purged = _vault(run, "DELETE", f"/deletedsecrets/{name}")
    protected = purged.status == HTTPStatus.FORBIDDEN and _PROTECTED in purged.message
    return purged.succeeded or purged.status == HTTPStatus.NOT_FOUND or protected
