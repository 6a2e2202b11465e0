# Connects a session to Exchange Online before its user gets to it. Both endpoints run it (ScriptsToProcess); as what,
# and for which cmdlets, their .pssc says in VariableDefinitions.
#
# PowerShell runs this in full language, in the session's global scope, and refuses to open the session when $Error
# holds anything afterwards, even an error that was dealt with [F: PowerShell's source]. Hence the block, from which
# nothing leaks, and the last line.

& {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'

    # The certificate itself and not its thumbprint, for which the module would search stores in an order of its own.
    $store = [System.Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
    $store.Open('ReadOnly')
    $found = $store.Certificates.Find('FindByThumbprint', $HVEAdminThumbprint, $false)
    $store.Close()
    if ($found.Count -ne 1) {
        throw "The certificate $HVEAdminThumbprint is not in LocalMachine\My."
    }

    $commands = -split $HVEAdminCommands
    $connection = @{
        AppId                   = $HVEAdminAppId
        Certificate             = $found[0]
        Organization            = $HVEAdminOrganization
        ExchangeEnvironmentName = $HVEAdminEnvironment
        CommandName             = $commands
        Prefix                  = 'Tenant'
        ShowBanner              = $false
        SkipLoadingFormatData   = $true
    }
    Connect-ExchangeOnline @connection

    # In a session that shows only some commands, modules that come later are hidden [F: PowerShell's source]. Said once
    # more, because everything rests on it: what was imported is for the functions of this module, not for users.
    foreach ($command in $ExecutionContext.InvokeCommand.GetCommands('*-Tenant*', 'Function', $true)) {
        $command.Visibility = 'Private'
    }

    # What the application's role does not hold was not imported. Its function is hidden too: hveadmin asks the session
    # for its commands to learn what it may do.
    foreach ($name in $commands) {
        $imported = $ExecutionContext.InvokeCommand.GetCommand($name.Replace('-', '-Tenant'), 'Function')
        if ($null -eq $imported) {
            $ExecutionContext.InvokeCommand.GetCommand($name, 'Function').Visibility = 'Private'
        }
    }
}

$global:Error.Clear()
