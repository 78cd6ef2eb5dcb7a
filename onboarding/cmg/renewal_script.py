"""The hand-over of a renewal: fetches the new client secret, and says where the console takes it.

No cmdlet renews a secret; the console's *Renew Secret Key* does.
Source: https://learn.microsoft.com/intune/configmgr/core/servers/deploy/configure/azure-services-wizard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onboarding.cmg import powershell as ps
from onboarding.cmg import scripts
from onboarding.cmg.wizard import AzureEnvironment


@dataclass(frozen=True, kw_only=True, slots=True)
class RenewalHandOver:
    """What the script needs to know."""

    connection_name: str
    environment: AzureEnvironment
    server_name: str
    server_app_id: str
    vault_secret_id: str  # https://{vault}/secrets/{name}/{version}


def script(this: RenewalHandOver) -> str:
    """The script's text; it may run twice."""
    purpose = (
        f"Fetches the new client secret of the connection {ps.comment(this.connection_name)}.",
        "Run it where you use the Configuration Manager console, as somebody who may read the secret in",
        "Key Vault. -WhatIf shows what it would do. It may run twice.",
    )
    return scripts.text((*scripts.head(purpose), *_copy(this), *scripts.by_hand(_instructions(this))))


def _copy(this: RenewalHandOver) -> Iterator[str]:
    target = ps.label(this.server_name)
    yield f"if ($PSCmdlet.ShouldProcess({target}, 'Copy the new client secret to the clipboard')) {{"
    for line in scripts.stored_secret("secretKey", this.vault_secret_id, this.environment):
        yield f"    {line}"
    yield "    $credential = New-Object System.Net.NetworkCredential -ArgumentList '', $secretKey"
    yield "    Set-Clipboard -Value $credential.Password"
    yield "}"
    yield ""


def _instructions(this: RenewalHandOver) -> Iterator[str]:
    yield "In the console open Administration, Cloud Services, Microsoft Entra tenants; select the tenant."
    yield (
        f"Select the application {this.server_name} ({this.server_app_id}) in the lower pane, choose Renew "
        "Secret Key, and paste the secret."
    )
    yield "Clear the clipboard: Set-Clipboard -Value ' '"
    yield "Confirm the renewal to the service that made the secret; it then removes the old one."
