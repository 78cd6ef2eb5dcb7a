"""The client secret of the server app: made in Entra ID, kept in Key Vault, never seen anywhere else.

It is the one effect that can't be looked up: Entra ID shows a secret's text once, in the answer that made
it. So each attempt gives its secret a name that tells whose it is. An attempt that finds the vault empty
removes what earlier attempts have left on the app, then makes its own.
"""

from __future__ import annotations

from onboarding.errors import ReplicationLagError
from onboarding.lifecycle import existing
from onboarding.lifecycle.context import Context
from onboarding.workflow.outcomes import Done


async def run(context: Context) -> Done:
    """Leaves exactly one secret of this onboarding on the app: the one in the vault.

    An application that was there already keeps its secrets; the one that was given is checked.
    """
    if given := context.request.server_app.existing:
        return Done(result=await existing.server_secret(context, given))
    if context.attempt == 1:
        return Done(result=await _make(context))
    stored = await context.services.clouds.vault.stored(_vault_name(context))
    if stored:
        result = {"keyId": stored.tags["keyId"], "vaultId": stored.id, "endsAt": stored.tags["endsAt"]}
    else:
        # An earlier attempt may have made a secret whose text is lost. What is visible of it goes now; what
        # the directory still hides goes as soon as it shows the new one.
        await _remove_others(context, keep="")
        result = await _make(context)
    await _remove_others(context, keep=result["keyId"])
    return Done(result=result)


async def _make(context: Context) -> dict[str, str]:
    """Makes a secret and puts it into the vault at once; returns what is kept with the step."""
    ends_at = context.request.server_app.secret_end(context.accepted_at).replace(microsecond=0)
    app = context.results["server-app"]
    name = f"{_credential_prefix(context)}{context.attempt}"
    password = await context.directory.add_password(app["objectId"], name, ends_at)
    end = password.ends_at.isoformat()
    tags = {
        "onboarding": context.onboarding,
        "tenantId": context.tenant,
        "appId": app["appId"],
        "keyId": password.key_id,
        "endsAt": end,
    }
    vault_id = await context.services.clouds.vault.store(
        _vault_name(context), password.text, ends_at=password.ends_at, tags=tags
    )
    return {"keyId": password.key_id, "vaultId": vault_id, "endsAt": end}


async def _remove_others(context: Context, keep: str) -> None:
    """Removes the secrets of this onboarding that are not in the vault.

    Raises ``ReplicationLagError`` while the directory does not show the one to keep: what it shows then is
    older than that one, and may lack others too.
    """
    app = context.results["server-app"]["objectId"]
    found = await context.directory.passwords(app)
    if keep and not any(each["keyId"] == keep for each in found):
        raise ReplicationLagError("The directory does not show the new client secret yet.")
    for each in found:
        ours = str(each.get("displayName") or "").startswith(_credential_prefix(context))
        if ours and each["keyId"] != keep:
            await context.directory.remove_password(app, each["keyId"])


def _credential_prefix(context: Context) -> str:
    return f"cmg-{context.onboarding}-"


def _vault_name(context: Context) -> str:
    return f"cmg-{context.onboarding}"
