"""
PowerShell on a host over SSH: the system's ssh client, with the subsystem `powershell` at the other end.

Keys, agents, jump hosts and known hosts are those of the administrator's own ssh configuration; the profile can add to
it. BatchMode: nothing is ever asked, and a host key that is not known is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hveadmin.domain.profile import HostSettings
from hveadmin.errors import AuthError, ConnectFailed, HveAdminError
from hveadmin.exchange.powershell.runspace import Runspace, Wire


def ssh_wire(settings: HostSettings) -> Wire:
    """Sessions on the host of a profile."""
    command = ssh_command(settings)

    def explain(words: str) -> HveAdminError:
        return refusal(settings.name, settings.subsystem, words)

    def open_(seconds: float) -> Runspace:
        from hveadmin.exchange.powershell.stdio import open_session

        return open_session(command, seconds, host=settings.name, explain=explain)

    port = f":{settings.port}" if settings.port else ""
    user = f"{settings.username}@" if settings.username else ""
    facts = {"host": settings.name, "endpoint": f"ssh://{user}{settings.name}{port}", "subsystem": settings.subsystem}
    return Wire("ssh", facts, open_)


def ssh_command(settings: HostSettings) -> Sequence[str]:
    """The command line. Values come from the profile, which keeps a host's name from being an option."""
    options = [
        *(("-F", settings.ssh_config) if settings.ssh_config else ()),
        *(("-p", str(settings.port)) if settings.port else ()),
        *(("-i", _literal(settings.identity_file)) if settings.identity_file else ()),
        *(("-o", f'UserKnownHostsFile="{_literal(settings.known_hosts)}"') if settings.known_hosts else ()),
        *(part for option in settings.ssh_options for part in ("-o", option)),
    ]
    user = f"{settings.username}@" if settings.username else ""
    return ["ssh", "-T", "-o", "BatchMode=yes", *options, f"{user}{settings.name}", "-s", settings.subsystem]


def _literal(path: str) -> str:
    """A path for ssh, which takes %h and its like for something else."""
    return path.replace("%", "%%")


# What OpenSSH's client says, in its own words, and what that means; first match wins.
_SAYINGS: Sequence[tuple[str, str, str]] = (
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {host} is not the one that is known, or none is known",
        "compare the key's fingerprint with the host's administrator, then connect once by hand: ssh {host}",
    ),
    (
        r"Permission denied",
        "{host} let nobody in",
        "BatchMode takes keys and agents only: does `ssh -o BatchMode=yes {host} true` work?",
    ),
    (
        r"subsystem request failed|Unknown subsystem",
        "{host} has no subsystem {subsystem}",
        "add to the host's sshd_config: Subsystem powershell pwsh -sshs -NoLogo -NoProfile",
    ),
)


def refusal(host: str, subsystem: str, words: str) -> HveAdminError:
    """The error for what ssh said before a session was opened."""
    for pattern, means, next_ in _SAYINGS:
        if re.search(pattern, words):
            kind = ConnectFailed if "subsystem" in means else AuthError
            said = f"{means.format(host=host, subsystem=subsystem)}: {words}"
            return kind(said, hint=next_.format(host=host))
    return ConnectFailed(
        f"no session was opened on {host}: {words}", hint=f"try it by hand: ssh -T {host} -s {subsystem}"
    )
