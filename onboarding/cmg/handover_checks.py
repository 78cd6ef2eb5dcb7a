"""What the handover script compares before it imports anything: the site with the connection.

The cmdlets find applications by client ID, type and tenant. The objects of Azure services have no documented
properties, so the script compares the values of all their properties with the tenant ID.

Sources: https://learn.microsoft.com/powershell/module/configurationmanager/get-cmaadapplication,
https://learn.microsoft.com/powershell/module/configurationmanager/get-cmazureservice.
"""

from __future__ import annotations

from typing import Final

SERVER_APP: Final = (
    "Write-Output ('Connection: ' + $name)",
    "# Stops before it imports anything that the site could not use.",
    "if (Get-CMAADApplication -ClientId $serverId -AppType ClientApplication) {",
    "    throw 'The site has the server application as a client application. Remove it from the site.'",
    "}",
    "$serverApp = Get-CMAADApplication -ClientId $serverId -AppType ServerApplication",
    "if ($serverApp) {",
    "    $same = Get-CMAADApplication -ClientId $serverId -AppType ServerApplication -TenantId $tenantId",
    "    if (-not $same) {",
    "        throw 'The site has the server application in another tenant. Remove it from the site.'",
    "    }",
    "    Write-Output 'The server application already exists in the site.'",
    "}",
    "elseif ($secretEnd -le [datetime]::UtcNow) {",
    "    throw 'The client secret has expired. Renew it, and get a new script.'",
    "}",
    "elseif (-not $SecretKey -and -not $WhatIfPreference) {",
    "    throw $refusal",
    "}",
    "",
)
"""The variables are those of the script: the IDs, the tenant, the secret with its end, and the refusal."""

CLIENT_APP: Final = (
    "if (Get-CMAADApplication -ClientId $clientId -AppType ServerApplication) {",
    "    throw 'The site has the client application as a server application. Remove it from the site.'",
    "}",
    "$clientApp = Get-CMAADApplication -ClientId $clientId -AppType ClientApplication",
    "if ($clientApp) {",
    "    $same = Get-CMAADApplication -ClientId $clientId -AppType ClientApplication -TenantId $tenantId",
    "    if (-not $same) {",
    "        throw 'The site has the client application in another tenant. Remove it from the site.'",
    "    }",
    "    Write-Output 'The client application already exists in the site.'",
    "}",
    "",
)

SERVICE: Final = (
    "$service = Get-CMAzureService -Name $name -DisableWildcardHandling",
    "if ($service) {",
    "    $tenants = @($service.PSObject.Properties | Where-Object { $_.Name -like '*TenantID' })",
    "    if ($tenants -and @($tenants | ForEach-Object { [string] $_.Value }) -notcontains $tenantId) {",
    "        throw 'The site has an Azure service with this name for another tenant. Remove or rename it.'",
    "    }",
    "    Write-Output 'The Azure service already exists. Compare its properties with the connection.'",
    "}",
    "elseif (-not $AllowOtherService) {",
    "    foreach ($other in @(Get-CMAzureService)) {",
    "        if (@($other.PSObject.Properties | ForEach-Object { [string] $_.Value }) -contains $tenantId) {",
    "            $rule = ' for this tenant. A tenant can have only one for Cloud Management. If it has '",
    "            $way = 'another type, run this script with -AllowOtherService.'",
    "            throw ('The site has the Azure service ' + $other.Name + $rule + $way)",
    "        }",
    "    }",
    "}",
    "",
)
