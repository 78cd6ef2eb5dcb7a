@{
    RootModule        = 'Az.KeyVault.psm1'
    ModuleVersion     = '1.0'
    FunctionsToExport = 'Get-AzContext', 'Connect-AzAccount', 'Get-AzKeyVaultSecret', 'Set-Clipboard'
}
