"""`hveadmin sandbox serve|seed|reset`, and the built-in profile `sandbox`."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from cli.scenes import CLOSES_ONE, DUNNING, MONITORING, OPEN_ACCOUNT, SHOP, SHOP_ACCOUNT, listed
from cli.terminal import TIMEOUT, Terminal, clean_environment, settled

from hveadmin.sandbox.server import Running, Sandbox

ON_SANDBOX = CLOSES_ONE.replace("profile: operator", "profile: sandbox")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C as POSIX has it")


@pytest.fixture
def alone(tmp_path: Path) -> Terminal:
    """A folder and an environment without any profile."""
    folder = tmp_path / "alone"
    folder.mkdir()
    return Terminal(folder, clean_environment(tmp_path) | {"HVEADMIN_STATE": str(tmp_path / "state")})


@contextmanager
def serving(terminal: Terminal, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and the profile that it printed. It is gone afterwards, whatever happens meanwhile."""
    with terminal.start("sandbox", "serve", *words) as server:
        try:
            assert server.stdout is not None
            assert server.stderr is not None
            # The profile comes first, and the remark that all is ready after it.
            remarks = _lines_to(server.stderr, "Ctrl-C stops it")
            assert "answering at https://localhost:" in remarks
            yield server, _lines_to(server.stdout, "operator.secret")
        finally:
            server.kill()


def _lines_to(stream: Iterable[str], last: str) -> str:
    found = ""
    for line in stream:
        found += line
        if last in line:
            return found
    raise AssertionError(f"the server ended without {last!r}:\n{found}")


@posix
def test_a_served_sandbox_prints_a_profile_that_works_and_keeps_its_state(alone: Terminal) -> None:
    alone.write("hve.yaml", CLOSES_ONE.replace("profile: operator", "profile: lab"))
    profiles = alone.folder / "profiles.yaml"
    for before in (3, 0):
        with serving(alone) as (server, profile):
            assert list(yaml.safe_load(profile)["profiles"]) == ["lab"]
            profiles.write_text(profile)
            words = {"HVEADMIN_PROFILES": str(profiles)}
            alone.child("plan", "--detailed-exitcode", **words).ends_with(before)
            alone.hveadmin("apply", "--yes", **words).ends_with(0)
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=TIMEOUT)
        assert server.returncode == 0
        assert out == "", "nothing but the profile is on stdout"
        assert "stopped" in err
        assert "Traceback" not in err


@posix
def test_the_profile_that_is_printed_reaches_the_management_host_too(alone: Terminal) -> None:
    with serving(alone) as (_, profile):
        words = {"HVEADMIN_PROFILES": str(alone.write("profiles.yaml", profile))}
        listings = [
            alone.hveadmin("account", "list", "-p", "lab", "--transport", each, **words).ends_with(0).out
            for each in ("rest", "winrm", "local")
        ]
        host = yaml.safe_load(profile)["profiles"]["lab"]["host"]
    assert {settled(each) for each in listings} == {settled(listings[0])}
    assert SHOP_ACCOUNT in listings[0]
    assert Path(host["password"]["file"]).read_text().strip() not in profile


@posix
def test_what_was_acknowledged_survives_a_kill(alone: Terminal) -> None:
    with serving(alone, "--state", "lab.db") as (server, profile):
        profiles = alone.write("profiles.yaml", profile)
        words = ("account", "grant", SHOP_ACCOUNT, DUNNING, "-p", "lab", "--yes")
        alone.hveadmin(*words, HVEADMIN_PROFILES=str(profiles)).ends_with(0)
        server.kill()
        server.communicate(timeout=TIMEOUT)
    with Sandbox.open(alone.folder / "lab.db") as sandbox:
        assert listed(sandbox, SHOP_ACCOUNT) == {SHOP, DUNNING}


def test_a_port_that_is_taken_is_said_so(alone: Terminal, running: Running) -> None:
    ran = alone.child("sandbox", "serve", "--port", running.base_url.rpartition(":")[2]).ends_with(2)
    assert "cannot listen on 127.0.0.1" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("words", [("seed", "fleet:9"), ("seed", "fabrikam"), ("serve", "--seed", "fleet:0x1x1")])
def test_a_seed_that_there_is_none_of_makes_nothing(alone: Terminal, words: tuple[str, ...]) -> None:
    ran = alone.hveadmin("sandbox", *words).ends_with(2)
    assert words[-1] in ran.err
    assert list(alone.folder.iterdir()) == []


def test_reset_puts_back_the_seed_that_it_had(alone: Terminal) -> None:
    state = alone.folder / ".hveadmin" / "sandbox.db"
    alone.hveadmin("sandbox", "seed", "fleet:2x3x1").ends_with(0)
    with Sandbox.open(state) as sandbox:
        account = "hve-00000@fleet-0001.onmicrosoft.com"
        before = listed(sandbox, account, "fleet-0001")
        sandbox.tenant("fleet-0001").remove_apps(account, list(before))
    ran = alone.hveadmin("sandbox", "reset").ends_with(0)
    assert "fleet:2x3x1" in ran.err
    with Sandbox.open(state) as sandbox:
        assert listed(sandbox, account, "fleet-0001") == before


@pytest.mark.parametrize("way", ["--profile", "HVEADMIN_PROFILE", "hve.yaml"])
def test_the_built_in_profile_is_reached_in_three_ways(alone: Terminal, way: str) -> None:
    alone.write("hve.yaml", ON_SANDBOX if way == "hve.yaml" else CLOSES_ONE)
    words = ("--profile", "sandbox") if way == "--profile" else ()
    environ = {"HVEADMIN_PROFILE": "sandbox"} if way == "HVEADMIN_PROFILE" else {}
    alone.hveadmin("plan", "--detailed-exitcode", *words, **environ).ends_with(3)
    assert (alone.folder / ".hveadmin" / "sandbox.db").exists()


def test_the_embedded_tenant_lies_where_it_is_told_to(alone: Terminal) -> None:
    alone.write("hve.yaml", ON_SANDBOX)
    elsewhere = alone.folder / "elsewhere" / "tenant.db"
    alone.hveadmin("apply", "--yes", HVEADMIN_SANDBOX=str(elsewhere)).ends_with(0)
    assert not (alone.folder / ".hveadmin").exists()
    with Sandbox.open(elsewhere) as sandbox:
        assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}


def test_a_plan_for_the_embedded_tenant_is_forgotten_with_it(alone: Terminal) -> None:
    """A reset gives back the same lists and ids, so what was applied to the tenant before must not count."""
    alone.write("hve.yaml", ON_SANDBOX)
    alone.hveadmin("plan", "--out", ".").ends_with(0)
    alone.hveadmin("apply", "contoso.plan.json", "--yes").ends_with(0)
    alone.hveadmin("apply", "contoso.plan.json", "--yes").ends_with(6)
    alone.hveadmin("sandbox", "reset").ends_with(0)
    alone.hveadmin("apply", "contoso.plan.json", "--yes").ends_with(0)


@posix
def test_the_secret_is_in_a_file_for_its_owner_alone_and_nowhere_in_the_state(alone: Terminal) -> None:
    alone.hveadmin("sandbox", "seed").ends_with(0)
    state = alone.folder / ".hveadmin"
    with Sandbox.open(state / "sandbox.db") as sandbox:
        secret_path = sandbox.operator.secret_path
    assert stat.S_IMODE(secret_path.stat().st_mode) == 0o600
    secret = secret_path.read_text().strip()
    with sqlite3.connect(state / "sandbox.db") as db:
        assert all(secret not in body for (body,) in db.execute("select body from document"))
    db.close()
