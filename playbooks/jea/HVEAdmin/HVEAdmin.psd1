@{
    RootModule           = 'HVEAdmin.psm1'
    ModuleVersion        = '1.0.0'
    GUID                 = 'b0e5c3a7-5b1f-4d5e-9d0c-6a1f3c0b7e21'
    Author               = 'hveadmin'
    Description          = 'The Exchange Online cmdlets that hveadmin calls, and no others, for a JEA endpoint.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = 'Desktop', 'Core'

    FunctionsToExport    = @(
        'Add-HVEAppAccess'
        'Get-AuthenticationPolicy'
        'Get-HVEAccountBillingPolicy'
        'Get-HVEAccountSettings'
        'Get-MailUser'
        'Get-OrganizationConfig'
        'Get-User'
        'Remove-HVEAppAccess'
    )
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
}
