"""No secret in anything that is written: output, log, journal, plan, temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.scenes import CLOSES_ONE, DUNNING, MONITORING, SHOP_ACCOUNT, WRONG_SECRET
from cli.terminal import Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.server import Running, Sandbox

A_TOKEN = "eyJ"
"""How every token begins: `{"` in base64."""

LOUD = ("--debug", "-v", "--log-format", "json")
COMMANDS = {
    "plan": ("plan", "--out", "plans", *LOUD),
    "show": ("show", "plans/contoso.plan.json", *LOUD),
    "apply": ("apply", "plans/contoso.plan.json", "--yes", *LOUD),
    "account list": ("account", "list", "-o", "json=list.json", "-o", "table", *LOUD),
    "account grant": ("account", "grant", SHOP_ACCOUNT, DUNNING, "--yes", *LOUD),
    "app whatis": ("app", "whatis", MONITORING, *LOUD),
    "tenant test": ("tenant", "test", *LOUD),
}


def files_of(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


def test_neither_secret_nor_token_is_written_anywhere(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    secret = sandbox.operator.secret_path.read_text().strip()
    terminal.write("hve.yaml", CLOSES_ONE)
    said = "".join(terminal.hveadmin(*words).ends_with(0).said for words in COMMANDS.values())
    state = Path(terminal.environ["HVEADMIN_STATE"])
    written = list(files_of(terminal.folder, state))
    assert {path.name for path in written} >= {"hve.yaml", "contoso.plan.json", "list.json", "journal.jsonl"}
    for text in (said, *(path.read_text() for path in written)):
        assert secret not in text
        assert A_TOKEN not in text


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.NUL_BYTES, FaultKind.REPLY_LOST, FaultKind.THROTTLE])
@pytest.mark.parametrize("surface", Surface)
def test_no_failure_repeats_them(terminal: Terminal, sandbox: Sandbox, kind: FaultKind, surface: Surface) -> None:
    secret = sandbox.operator.secret_path.read_text().strip()
    sandbox.add_fault(Fault(kind, surface=surface, times=None))
    ran = terminal.hveadmin("account", "list", "-p", "operator", "--timeout", "1", *LOUD)
    assert secret not in ran.said
    assert A_TOKEN not in ran.said


def test_a_secret_that_is_refused_is_not_repeated(terminal: Terminal) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "wrong-secret", *LOUD).ends_with(5)
    assert WRONG_SECRET not in ran.said


def test_a_secret_written_into_the_profiles_is_not_repeated(terminal: Terminal) -> None:
    text = Path(terminal.environ["HVEADMIN_PROFILES"]).read_text()
    careless = terminal.write("profiles.yaml", text.replace("secret:\n", "secret: hunter2hunter2\n        x:\n", 1))
    ran = terminal.hveadmin("account", "list", "-p", "operator", HVEADMIN_PROFILES=str(careless)).ends_with(2)
    assert "hunter2hunter2" not in ran.said


def test_a_secret_of_the_environment_is_used_and_not_repeated(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    secret = sandbox.operator.secret_path.read_text().strip()
    text = Path(terminal.environ["HVEADMIN_PROFILES"]).read_text()
    text = text.replace(f"file: {sandbox.operator.secret_path}", "env: LAB_SECRET")
    profiles = terminal.write("profiles.yaml", text)
    environ = {"HVEADMIN_PROFILES": str(profiles), "LAB_SECRET": secret}
    ran = terminal.hveadmin("account", "list", "-p", "operator", *LOUD, **environ).ends_with(0)
    assert secret not in ran.said
    ran = terminal.hveadmin("account", "list", "-p", "operator", HVEADMIN_PROFILES=str(profiles)).ends_with(2)
    assert "LAB_SECRET" in ran.err
