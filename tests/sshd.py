"""
A real OpenSSH server on loopback, for the user who runs the tests: its own host key, its own configuration, keys only.

    with ssh_server(folder, pwsh(state)) as server:
        server.client()            `ssh -T -o BatchMode=yes … -s powershell`, what PowerShell itself would run

Debian's packages are openssh-server and openssh-client; `INSTALLED` says whether they are there.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

INSTALLED = _SSHD is not None and shutil.which("ssh") is not None
"""Whether there are a server and a client."""

HOST = "sandbox-host"
"""The server's name in the client's configuration."""

_SECONDS = 20


@dataclass(frozen=True)
class SshServer:
    """A server that answers, and what a client needs to know of it."""

    port: int
    config: Path
    """The client's configuration: `HOST` with its key and its host key. Hand it to ssh with -F."""
    known_hosts: Path
    identity: Path
    log: Path

    def client(self, *options: str, host: str = HOST) -> list[str]:
        """The command line of a PowerShell session over ssh."""
        return ["ssh", "-T", "-F", str(self.config), "-o", "BatchMode=yes", *options, host, "-s", "powershell"]


@contextmanager
def ssh_server(folder: Path, subsystem: Sequence[str]) -> Iterator[SshServer]:
    """A server whose subsystem `powershell` is this command. Its files are in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    host_key, identity = _key(folder / "host_key"), _key(folder / "identity")
    (folder / "authorized_keys").write_text(identity.with_suffix(".pub").read_text())
    log = folder / "sshd.log"
    server = SshServer(port, folder / "ssh_config", folder / "known_hosts", identity, log)
    _write_client_files(server, host_key)
    (folder / "sshd_config").write_text(_server_config(folder, port, host_key, subsystem))
    if os.geteuid() == 0:
        # The one thing that a server run by root needs of the system; the package's service makes it at its start.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    assert _SSHD is not None
    child = subprocess.Popen([_SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(log)], stdin=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(child, port, log)
        yield server
    finally:
        child.terminate()
        child.wait(_SECONDS)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path


def _server_config(folder: Path, port: int, host_key: Path, subsystem: Sequence[str]) -> str:
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": f'"{host_key}"',
        "AuthorizedKeysFile": f'"{folder / "authorized_keys"}"',
        "AllowUsers": getpass.getuser(),
        "PermitRootLogin": "prohibit-password",
        "AuthenticationMethods": "publickey",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        # The folder is a test's and below /tmp, which everybody may write to.
        "StrictModes": "no",
        "PidFile": "none",
        "PrintMotd": "no",
        # sshd takes the double quotes away, and the user's shell the single ones.
        "Subsystem": "powershell " + " ".join(f'"{shlex.quote(each)}"' for each in subsystem),
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _write_client_files(server: SshServer, host_key: Path) -> None:
    public = " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}\n")
    settings = {
        "HostName": "127.0.0.1",
        "Port": server.port,
        "User": getpass.getuser(),
        "IdentityFile": f'"{server.identity}"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{server.known_hosts}"',
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
    }
    lines = "".join(f"  {name} {value}\n" for name, value in settings.items())
    server.config.write_text(f"Host {HOST}\n{lines}")


def _wait_until_it_answers(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + _SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            said = log.read_text() if log.exists() else ""
            assert child.poll() is None and time.monotonic() < give_up, f"sshd does not answer: {said}"
        time.sleep(0.02)
