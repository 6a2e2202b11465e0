"""
A management host: PowerShell remoting into the sandbox's tenant, over WinRM and over a process's stdio.

Written from MS-PSRP and MS-WSMV, with psrpcore's server half for the messages. Top down:

    winrm       HTTP: who asks, and the envelope's encryption (negotiate)
    wsman       WS-Management: shells, and what they are asked (envelope: the SOAP around it)
    stdio       the same session as lines of XML on stdin and stdout
    engine      a runspace pool: bytes in, messages out (outbox), a thread for each pipeline
    session     what a runspace knows: the module, the connection, the cmdlets
    host        who may sign in here, and as whom the host signs in to Exchange
    values      records as PowerShell objects (clixml writes them), arguments as plain values
    failures    error records

No PowerShell is in it: a pipeline is one command with parameters, and there are no scripts.
"""
