"""hveadmin sandbox pwsh"""

from __future__ import annotations

import os
import sys
from typing import Annotated

from typer import Exit, Option

from hveadmin.cli.app import complain
from hveadmin.cli.sandbox_serve import StateOption
from hveadmin.errors import Outcome


def command(
    state: StateOption = None,
    configuration: Annotated[
        str, Option("--configuration", metavar="NAME", help="The session configuration: what the session starts with.")
    ] = "Microsoft.PowerShell",
) -> None:
    """
    Serve PowerShell remoting on stdin and stdout, once.

    What `pwsh -ServerMode` or an SSH server's subsystem `powershell` would be: a program starts it and speaks PSRP to
    it. The Exchange module's cmdlets in it end in the embedded tenant. Exit codes: 0 the client closed the session or
    hung up; 1 what it sent is no PSRP, or a fault ended the session; 2 no such configuration.
    """
    from hveadmin.sandbox.psrp.stdio import Ending
    from hveadmin.sandbox.server import Sandbox
    from hveadmin.wiring import sandbox_path

    path = (state or sandbox_path(os.environ)).absolute()
    with Sandbox.open(path) as sandbox:
        ending = sandbox.serve_stdio(_read, sys.stdout.buffer, configuration)
    if ending not in (Ending.CLOSED, Ending.HUNG_UP):
        complain(f"the session ended: {ending.value}")
        raise Exit(Outcome.ERROR)


def _read(size: int) -> bytes:
    # What is there now: the buffered reader would wait until it has that much.
    return os.read(sys.stdin.fileno(), size)
