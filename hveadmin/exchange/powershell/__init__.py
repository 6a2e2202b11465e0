"""
Exchange's PowerShell module where it is installed, reached with PowerShell remoting: no PowerShell text anywhere.

    transport   one Transport for all of them: opens and reopens a session, tries reads again, says what went wrong
    session     what is run before the first cmdlet: import, connect, and whose tenant is this
    runspace    what a session needs of a wire: run one command, close
    winrm       a wire: WSMan over HTTP, with pypsrp
    stdio       a wire: PSRP over a child's stdin and stdout, with psrpcore (child: the process)
    ssh, local  which child that is
    values      everything that PowerShell can return, as plain records: one place for all wires
    errors      error records as errors

pypsrp and psrpcore are imported by the modules that use them, when a session is opened.
"""
