# What users of the endpoints call. Each function hands its parameters to the cmdlet of Exchange Online, which
# Connect.ps1 imported under another name (-Prefix Tenant) and which nobody can call from outside.
#
# Why not the cmdlets themselves: they are there only after a session has connected, and what may be seen in a JEA
# session is decided before that [F: PowerShell's source]. These functions are there from the start.
#
# A parameter that is not declared here does not exist for users, whatever the role capability says.

function Get-MailUser {
    [CmdletBinding()]
    param(
        [switch] $HVEAccount,
        [string] $ResultSize
    )
    # HVE accounts only, whatever was asked for: other mail users are none of this endpoint's business.
    $PSBoundParameters['HVEAccount'] = $true
    Get-TenantMailUser @PSBoundParameters
}

function Get-HVEAccountSettings {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Identity
    )
    Get-TenantHVEAccountSettings @PSBoundParameters
}

function Get-HVEAccountBillingPolicy {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Identity
    )
    Get-TenantHVEAccountBillingPolicy @PSBoundParameters
}

function Get-AuthenticationPolicy {
    [CmdletBinding()]
    param()
    Get-TenantAuthenticationPolicy @PSBoundParameters
}

function Get-OrganizationConfig {
    [CmdletBinding()]
    param()
    Get-TenantOrganizationConfig @PSBoundParameters
}

function Get-User {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Identity
    )
    Get-TenantUser @PSBoundParameters
}

function Add-HVEAppAccess {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Identity,
        [Parameter(Mandatory = $true)] [string[]] $AppIds
    )
    Add-TenantHVEAppAccess @PSBoundParameters
}

function Remove-HVEAppAccess {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [string] $Identity,
        [Parameter(Mandatory = $true)] [string[]] $AppIds,
        # Handed on. Without -Confirm:$false the module asks, and in this session nobody can answer.
        [switch] $Confirm
    )
    Remove-TenantHVEAppAccess @PSBoundParameters
}
