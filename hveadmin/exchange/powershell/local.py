"""PowerShell on this machine: `pwsh` as a child that speaks PSRP on its stdin and stdout."""

from __future__ import annotations

from collections.abc import Sequence

from hveadmin.domain.profile import HostSettings
from hveadmin.errors import ConnectFailed, HveAdminError
from hveadmin.exchange.powershell.runspace import Runspace, Wire

# Never `-Command -`, which is a prompt that reads lines.
_PWSH = ("pwsh", "-NoLogo", "-NoProfile", "-ServerMode")


def local_wire(settings: HostSettings) -> Wire:
    """Sessions with a child: the profile's command, else PowerShell 7 from the PATH."""
    command = settings.command or _PWSH

    def explain(words: str) -> HveAdminError:
        return ConnectFailed(f"{command[0]} opened no session: {words}", hint=_HINT)

    def open_(seconds: float) -> Runspace:
        from hveadmin.exchange.powershell.stdio import open_session

        return open_session(command, seconds, host=command[0], explain=explain)

    return Wire("local", {"host": "this machine", "command": _shown(command)}, open_)


def _shown(command: Sequence[str]) -> str:
    """The program, without its arguments: an administrator may have put anything there."""
    return command[0]


_HINT = "try it by hand: pwsh -NoLogo -NoProfile -ServerMode must wait for input and print nothing"
