"""What only a process of its own can show: exit codes, streams, pipes, tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from cli.scenes import ADD, CLOSES_ONE, OPEN_ACCOUNT, SHOP_ACCOUNT
from cli.terminal import TIMEOUT, Ran, Terminal

from hveadmin.sandbox.faults import Fault, FaultKind
from hveadmin.sandbox.server import Sandbox

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX has them")


# Streams and exit codes


def test_result_and_remarks_go_their_own_ways(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    planned = terminal.child("plan", "--detailed-exitcode", "-o", "json").ends_with(3)
    assert planned.json["changes"][0]["account"] == OPEN_ACCOUNT
    assert planned.err == ""
    refused = terminal.child("apply").ends_with(6)
    assert refused.out == ""
    assert "--yes" in refused.err
    applied = terminal.child("apply", "--yes", "-o", "json").ends_with(0)
    assert applied.json["accounts"][0]["outcome"] == "done"
    assert "CLOSES" in applied.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--version",), 0, id="0 ok"),
        pytest.param(("account", "grant", SHOP_ACCOUNT, "no-id", "-p", "operator"), 2, id="2 usage"),
        pytest.param(("account", "list", "-p", "wrong-secret"), 5, id="5 auth"),
        pytest.param(("account", "show", "nobody@contoso.com", "-p", "operator"), 6, id="6 refused"),
    ],
)
def test_expected_errors_are_sentences_with_an_exit_code(terminal: Terminal, words: tuple[str, ...], code: int) -> None:
    ran = terminal.child(*words).ends_with(code)
    assert "Traceback" not in ran.err
    assert (ran.err.startswith("error: ") and "next: " in ran.err) == (code != 0)


def test_a_bug_keeps_its_traceback_but_no_values(terminal: Terminal) -> None:
    """A command is one file and one line; this one has a bug."""
    terminal.write(
        "broken.py", "def command() -> None:\n    secret = 'correct horse battery'\n    print(1 / len(secret[99:]))\n"
    )
    program = (
        "from hveadmin.cli.app import COMMANDS, main\nfrom hveadmin.cli.lazy import Entry\n"
        "COMMANDS['broken'] = Entry('broken', 'Has a bug.')\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "broken"], cwd=terminal.folder, env=dict(terminal.environ),
        capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "broken.py" in done.stderr
    values = [line for line in done.stderr.splitlines() if "battery" in line and "secret = " not in line]
    assert values == []


def into_a_closed_pipe(terminal: Terminal, *words: str) -> Ran:
    """Run with a stdout that nobody reads any more, as `| head` leaves it."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        terminal.command(*words), cwd=terminal.folder, env=dict(terminal.environ), stdin=subprocess.DEVNULL,
        stdout=writing, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    os.close(writing)
    return Ran(" ".join(words), done.returncode, "", done.stderr)


@posix
@pytest.mark.parametrize("words", [("schema",), ("account", "list", "-p", "operator")], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_error(terminal: Terminal, words: tuple[str, ...]) -> None:
    ran = into_a_closed_pipe(terminal, *words).ends_with(0)
    assert ran.err == ""


@posix
def test_an_apply_that_nobody_reads_is_still_judged_by_what_it_did(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(FaultKind.NUL_BYTES, cmdlet=ADD, times=None))
    into_a_closed_pipe(terminal, "apply", "--yes").ends_with(7)


NO_DATABASE = "this is no database\n" * 99


@posix
@pytest.mark.parametrize(
    ("words", "environ"),
    [
        pytest.param(("-p", "sandbox"), {"HVEADMIN_SANDBOX": "hve.db"}, id="a state that is no database"),
        pytest.param(("-p", "sandbox"), {"HVEADMIN_SANDBOX": "hve.db/inside.db"}, id="a state that cannot be written"),
    ],
)
def test_what_the_machine_refuses_is_an_expected_error(
    terminal: Terminal, words: tuple[str, ...], environ: dict[str, str]
) -> None:
    terminal.write("hve.db", NO_DATABASE)
    ran = terminal.child("account", "list", *words, **environ)
    assert ran.code in (1, 2)
    assert "Traceback" not in ran.err
    assert "error: " in ran.err


def test_where_only_ascii_can_be_shown_only_ascii_is_written(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.child("plan", PYTHONUTF8="0", PYTHONIOENCODING="ascii").ends_with(0)
    assert "0 -> 1 of 10" in ran.out
    assert ran.out.isascii()
