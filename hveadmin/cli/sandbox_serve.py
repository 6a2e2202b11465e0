"""hveadmin sandbox serve"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hveadmin.cli.app import complain

if TYPE_CHECKING:
    from hveadmin.sandbox.server import Running, Sandbox

StateOption = Annotated[
    Path | None,
    Option("--state", metavar="FILE", envvar="HVEADMIN_SANDBOX", help="Its state. Default: .hveadmin/sandbox.db."),
]


def command(
    state: StateOption = None,
    port: Annotated[int, Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    smtp_port: Annotated[int, Option("--smtp-port", min=0, max=65535, help="0 takes a free one.")] = 0,
    seed: Annotated[str, Option("--seed", help="How to fill a new one: contoso, or fleet:TxAxP.")] = "contoso",
) -> None:
    """
    Answer on loopback until Ctrl-C, and print a ready profile.

    Entra ID, Microsoft Graph, the Exchange admin API and WinRM over https, on one port, SMTP on another, and WinRM
    over http on a third. The profile goes to stdout: save it as profiles.yaml and name the file in HVEADMIN_PROFILES.
    Exit codes: 0 stopped by Ctrl-C; 2 a port is taken.
    """
    from hveadmin.sandbox.server import Sandbox
    from hveadmin.wiring import sandbox_path

    path = (state or sandbox_path(os.environ)).absolute()
    with (
        Sandbox.open(path, seed=seed) as sandbox,
        sandbox.serve(port=port, smtp_port=smtp_port, winrm_http=True) as running,
    ):
        print(profiles_yaml(sandbox, running), end="", flush=True)
        for tenant in sandbox.tenants()[:10]:
            complain(f"tenant {tenant.alias}  {tenant.domain}  {tenant.tenant_id}")
        user, at = sandbox.host_user, running.endpoints
        complain(f"WinRM  {at.winrm} and {at.winrm_http}  as {user.name}, whose password is in {user.password_path}")
        complain(f"answering at {running.base_url}, state in {sandbox.path}; Ctrl-C stops it")
        try:
            running.wait()
        except KeyboardInterrupt:
            complain("stopped")


def profiles_yaml(sandbox: Sandbox, running: Running) -> str:
    """The text of a profiles.yaml with one profile, `lab`; the secret is named by its file."""
    import yaml

    from hveadmin.wiring import sandbox_host

    url, operator, host = running.base_url, sandbox.operator, sandbox_host(sandbox, running)
    lab = {
        "cloud": "custom",
        "endpoints": {"login": url, "graph": url, "exchange": url, "smtp": running.endpoints.smtp},
        "ca": str(running.ca_pem),
        "host": {
            "name": host.name,
            "port": host.port,
            "auth": host.auth.value,
            "username": host.username,
            "password": {"file": str(sandbox.host_user.password_path)},
            "ca": host.ca,
            "command": list(host.command),
        },
        "auth": {
            "kind": "client_secret",
            "client_id": operator.client_id,
            "tenant_id": sandbox.tenants()[0].tenant_id,
            "secret": {"file": str(operator.secret_path)},
        },
    }
    return yaml.safe_dump({"profiles": {"lab": lab}}, sort_keys=False)
