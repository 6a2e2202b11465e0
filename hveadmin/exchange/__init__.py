"""
Exchange Online: HVE accounts and their lists, read and changed through cmdlets.

    cmdlet      what to call, and what the answers mean; knows the wire's shapes, never touches it
    failures    what Exchange's error answers mean: one table for every transport
    transport   the narrow waist: run(Cmdlet) → records
    replies     the REST envelope, read without trusting it
    rest        one Transport: the Exchange admin API
    powershell  the others: Microsoft's module on a host, over WinRM, SSH or a child's stdio
    gateway     AccountReader and AccountWriter over any Transport
"""
