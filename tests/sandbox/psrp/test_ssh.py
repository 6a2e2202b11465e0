"""The sandbox's host behind a real OpenSSH server: the system's ssh client gets a PSRP session from its subsystem."""

from __future__ import annotations

import dataclasses
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from exchange_wire import PAYROLL
from management_host import CONTOSO_DOMAIN, MODULE, StdioClient, pwsh
from psrpcore.types import PSInvocationState
from sshd import INSTALLED, SshServer, ssh_server

from hveadmin.sandbox.server import Sandbox

SHOP = "hve-shop@contoso.com"

pytestmark = pytest.mark.skipif(not INSTALLED, reason="openssh-server and openssh-client are not installed")


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, SshServer]]:
    folder = tmp_path_factory.mktemp("ssh with a space")
    with Sandbox.open(folder / "sandbox.db") as sandbox, ssh_server(folder / "sshd", pwsh(sandbox.path)) as server:
        yield sandbox, server


def test_a_session_over_ssh_connects_reads_and_writes(ssh: tuple[Sandbox, SshServer]) -> None:
    sandbox, server = ssh
    with StdioClient(server.client()).open() as client:
        assert not client.call("Import-Module", **MODULE).errors
        assert not client.call("Connect-ExchangeOnline", ManagedIdentity=True, Organization=CONTOSO_DOMAIN).errors
        assert len(client.call("Get-MailUser", HVEAccount=True).output) == 14
        added = client.call("Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)])
        assert (added.state, added.errors) == (PSInvocationState.Completed, [])
        assert client.close() == 0
    assert PAYROLL in sandbox.tenant("contoso").account(SHOP).allowed_apps
    assert [each.shells_open for each in sandbox.remoting_processes()] == [0]


def test_a_host_key_that_is_not_known_is_refused(ssh: tuple[Sandbox, SshServer], tmp_path: Path) -> None:
    _, server = ssh
    nobody = tmp_path / "known_hosts"
    nobody.touch()
    with StdioClient(server.client("-o", f'UserKnownHostsFile="{nobody}"')) as client:
        code, said = client.ended()
    assert code == 255
    assert "Host key verification failed" in said


def test_a_key_that_is_not_authorised_is_refused(ssh: tuple[Sandbox, SshServer], tmp_path: Path) -> None:
    _, server = ssh
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    config = tmp_path / "ssh_config"
    config.write_text(server.config.read_text().replace(str(server.identity), str(tmp_path / "other")))
    with StdioClient(dataclasses.replace(server, config=config).client()) as client:
        code, said = client.ended()
    assert code == 255
    assert "Permission denied (publickey)" in said
