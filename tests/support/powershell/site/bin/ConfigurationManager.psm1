# A stand-in for the console's module. $global:Site has what it knows, and $global:Calls what was called.
$global:Calls += 'Import-Module ConfigurationManager'

# The site's drive: a folder, because there is no CMSite provider.
New-PSDrive -Name 'ABC' -PSProvider 'FileSystem' -Root $PSScriptRoot -Scope Global | Out-Null

# Stands in for the service: it refuses if the site says so.
function Invoke-WebRequest($Uri, $Method, [switch] $UseBasicParsing) {
    $global:Calls += "$Method $Uri"
    if ($global:Site.Refuses) { throw 'The remote server returned an error: (410) Gone.' }
}

function Get-PSDrive($Name, $PSProvider) { $true }

function Get-CMAADApplication($ClientId, $AppType, $TenantId) {
    foreach ($app in @($global:Site.Apps)) {
        if (
            $app -and $app.ClientId -eq $ClientId -and $app.AppType -eq $AppType -and
            (-not $TenantId -or $app.TenantId -eq $TenantId)
        ) { $app }
    }
}

function Import-CMAADServerApplication(
    $TenantName, $TenantId, $AppName, $ClientId, [securestring] $SecretKey, [datetime] $SecretKeyExpiry,
    [uri] $AppIdUri, $AzureEnvironmentOption
) {
    $global:Calls += 'Import-CMAADServerApplication'
    $plain = (New-Object PSCredential 'x', $SecretKey).GetNetworkCredential().Password
    $global:Site.Apps += [pscustomobject] @{
        ClientId = $ClientId; AppType = 'ServerApplication'; TenantId = $TenantId; Name = $AppName
        Secret = $plain; Ends = $SecretKeyExpiry.ToString('s'); Uri = [string] $AppIdUri
    }
}

function Import-CMAADClientApplication($AppName, $ClientId, $ServerApp) {
    $global:Calls += 'Import-CMAADClientApplication'
    $global:Site.Apps += [pscustomobject] @{
        ClientId = $ClientId; AppType = 'ClientApplication'; TenantId = $ServerApp.TenantId; Name = $AppName
    }
}

function Get-CMAzureService($Name, [switch] $DisableWildcardHandling) {
    foreach ($service in @($global:Site.Services)) {
        if ($service -and (-not $Name -or $service.Name -eq $Name)) { [pscustomobject] $service }
    }
}

function New-CMCloudManagementAzureService($Name, $ServerApp, $ClientApp, $AzureEnvironmentOption) {
    $global:Calls += 'New-CMCloudManagementAzureService'
    $global:Site.Services += [pscustomobject] @{ Name = $Name; AADTenantID = $ServerApp.TenantId }
}
