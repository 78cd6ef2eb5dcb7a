# A stand-in for the modules of Azure. The context is $global:Site.Context, the secret $global:Site.Secret.
function Get-AzContext { $global:Site.Context }

function Connect-AzAccount($Tenant, $Environment, $Scope) {
    $global:Calls += "Connect-AzAccount $Tenant $Environment $Scope"
    $global:Site.Context = @{ Tenant = @{ Id = $Tenant }; Environment = @{ Name = $Environment } }
}

function Get-AzKeyVaultSecret($VaultName, $Name, $Version) {
    $global:Calls += "Get-AzKeyVaultSecret $VaultName $Name $Version"
    if ($global:Site.Context.Tenant.Id -ne $global:Site.VaultTenant) { throw 'AKV10032: Invalid issuer.' }
    if (-not $global:Site.Role) { throw 'Caller is not authorized to perform action on resource.' }
    if ($global:Site.Secret) {
        [pscustomobject] @{ SecretValue = ConvertTo-SecureString $global:Site.Secret -AsPlainText -Force }
    }
}

function Set-Clipboard($Value) { $global:Calls += "Set-Clipboard $Value" }
