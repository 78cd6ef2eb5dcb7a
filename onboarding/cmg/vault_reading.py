"""How a script reads a client secret from Key Vault, with the account of the administrator who runs it.

Sources: https://learn.microsoft.com/powershell/module/az.accounts/connect-azaccount,
https://learn.microsoft.com/powershell/module/az.keyvault/get-azkeyvaultsecret and, for a role on one secret,
https://learn.microsoft.com/azure/key-vault/general/rbac-guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from onboarding.cmg.wizard import AzureEnvironment
from onboarding.words import command
from onboarding.words import powershell as ps

_AZ_ENVIRONMENTS: Final = {
    AzureEnvironment.PUBLIC: "AzureCloud",
    AzureEnvironment.US_GOVERNMENT: "AzureUSGovernment",
}
"""The names that ``Connect-AzAccount -Environment`` uses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultSecret:
    """One version of a secret, and where an account signs in to read it."""

    id: str  # https://{vault}/secrets/{name}/{version}
    tenant: str  # the vault's, not the customer's
    environment: AzureEnvironment

    @property
    def vault(self) -> str:
        """The vault's name."""
        return (urlsplit(self.id).hostname or "").partition(".")[0]

    @property
    def name(self) -> str:
        """The secret's name."""
        return urlsplit(self.id).path.split("/")[2]

    @property
    def version(self) -> str:
        """The secret's version."""
        return urlsplit(self.id).path.split("/")[3]

    @property
    def role_assignment(self) -> str:
        """The command, for Bash and PowerShell, that lets an account read this secret and no other."""
        vault = f"$(az keyvault show --name {command.shared(self.vault)} --query id --output tsv)"
        return (
            'az role assignment create --role "Key Vault Secrets User" --assignee "ACCOUNT" '
            f'--scope "{vault}/secrets/{command.shared(self.name)}"'
        )

    def permission(self) -> tuple[str, ...]:
        """Comments at the beginning of a script: how an account gets the permission to read the secret."""
        return (
            "To give an account (a user name in the tenant of Key Vault) permission to read this secret:",
            f"    {self.role_assignment}",
        )

    def read(self, variable: str) -> Iterator[str]:
        """Reads the secret as a SecureString, or sets ``$refusal`` to the reason why that is not possible.

        The sign-in is for this process. An existing sign-in is used only if it is for this tenant and cloud.
        """
        environment = _AZ_ENVIRONMENTS[self.environment]
        missing = "The module Az.KeyVault is not installed. Run Install-Module Az.KeyVault, then this script."
        forbidden = (
            f"Key Vault does not return the secret. Ask an operator to run: {self.role_assignment} "
            "(the role takes a few minutes to take effect). The answer was: "
        )
        yield "if (-not (Get-Module -ListAvailable -Name 'Az.KeyVault')) {"
        yield f"    $refusal = {ps.text(missing)}"
        yield "}"
        yield "else {"
        yield "    $stored = @{"
        yield f"        VaultName = {ps.text(self.vault)}"
        yield f"        Name      = {ps.text(self.name)}"
        yield f"        Version   = {ps.text(self.version)}"
        yield "    }"
        yield f"    $vaultTenant = {ps.text(self.tenant)}"
        yield f"    $vaultCloud = {ps.text(environment)}"
        yield "    try {"
        yield "        $context = Get-AzContext"
        yield (
            "        if (-not $context -or $context.Tenant.Id -ne $vaultTenant "
            "-or $context.Environment.Name -ne $vaultCloud) {"
        )
        yield "            $account = @{"
        yield "                Tenant      = $vaultTenant"
        yield "                Environment = $vaultCloud"
        yield "                Scope       = 'Process'"
        yield "            }"
        yield "            Connect-AzAccount @account | Out-Null"
        yield "        }"
        yield "        $found = Get-AzKeyVaultSecret @stored"
        yield f"        if ($found) {{ ${variable} = $found.SecretValue }}"
        yield "        else { $refusal = 'Key Vault does not have this secret.' }"
        yield "    }"
        yield "    catch {"
        yield f"        $refusal = {ps.text(forbidden)} + $_.Exception.Message"
        yield "    }"
        yield "}"
