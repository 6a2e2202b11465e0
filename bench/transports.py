"""
What the same `hveadmin plan` costs over each way to Exchange: requests or commands, and time.

A real process plans a tenant of 100 accounts on loopback, over REST, over WinRM (https, basic) and over a child that
speaks PSRP on its stdio. Over REST ten accounts' settings go into one request; PowerShell runs one command after the
other, each of which is a few requests over WinRM and a few lines over stdio. No PowerShell takes part: what a real one
takes to start, to import the module and to connect (seconds) comes on top. SSH is the child's way plus ssh's own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bench.calls import Case, Served, served
from bench.measurement import Alternating, Measurement, compared
from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.server import Sandbox

_CASE = Case(100, "object_id")
_TRANSPORTS = ("rest", "winrm", "local")
_ROUNDS = 3


@contextmanager
def over_every_way() -> Iterator[tuple[Sandbox, dict[str, Served]]]:
    """The tenant, and the command line over each transport."""
    with served(_CASE) as tenant:
        path = Path(tenant.environ["HVEADMIN_PROFILES"])
        with Sandbox.open(path.with_name("sandbox.db")) as sandbox:
            _add_host(path, sandbox)
            yield sandbox, {each: tenant.typing("plan", "--transport", each) for each in _TRANSPORTS}


def _add_host(path: Path, sandbox: Sandbox) -> None:
    """Put the sandbox's management host into the one profile."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    profile = document["profiles"]["lab"]
    profile["host"] = {
        "name": "localhost",
        "port": urlsplit(profile["endpoints"]["exchange"]).port,
        "auth": "basic",
        "username": sandbox.host_user.name,
        "password": {"file": str(sandbox.host_user.password_path)},
        "ca": profile["ca"],
        "command": [sys.executable, "-m", "hveadmin", "sandbox", "pwsh", "--state", str(sandbox.path)],
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def measure() -> Iterator[Measurement]:
    """What goes over each wire, then the times."""
    with over_every_way() as (sandbox, ways):
        rest = _requests(ways["rest"], Surface.EXCHANGE)
        yield Measurement("plan, 100 accounts, rest: requests to Exchange", rest, "calls")
        winrm = _requests(ways["winrm"], Surface.PSRP)
        yield compared("plan, 100 accounts, winrm: requests to the host", winrm, "calls", "rest", rest)
        ways["local"].run()
        commands = max(each.pipelines_started for each in sandbox.remoting_processes())
        yield compared("plan, 100 accounts, local: commands", commands, "calls", "rest", rest)
        times = Alternating(lambda name: ways[name].run(), _TRANSPORTS).medians(_ROUNDS, warm_up=0)
        for name in _TRANSPORTS[1:]:
            yield compared(f"plan, 100 accounts, {name}: time", times[name], "s", "rest", times["rest"])


def _requests(way: Served, surface: Surface) -> int:
    way.calls.clear()
    way.run()
    return way.calls.count(surface)
