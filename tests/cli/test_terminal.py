"""A person at a terminal: the question, the bar, the colours, Ctrl-C."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cli.scenes import ADD, CHANGES_ALL, CLOSES_ONE, MONITORING, OPEN_ACCOUNT, listed, sent
from cli.terminal import TIMEOUT, Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.server import Running, Sandbox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pseudo-terminals as POSIX has them")

PATIENCE = 8.0
"""Seconds that a command at a terminal may take; a bar that is drawn for ever is no sign of life."""

QUESTION = "Change 1 account?"
ERASES_THE_LINE = "\x1b[2K"


@dataclass
class Screen:
    """What a command that has a terminal wrote, and a keyboard to it."""

    process: subprocess.Popen[bytes]
    ours: int
    until: float
    seen: str = ""
    _bytes: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Look at what is new; whether there may be more."""
        left = self.until - time.monotonic()
        assert left > 0 and select.select([self.ours], [], [], left)[0], f"it does not end:\n{self.seen[-2000:]}"
        try:
            new = os.read(self.ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self._bytes += new
        self.seen = self._bytes.decode(errors="replace")
        return len(new) > 0

    def wait_for(self, text: str) -> None:
        while text not in self.seen:
            assert self.read(), f"it ended without {text!r}:\n{self.seen}"

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self.read():
            pass
        return self.process.wait(TIMEOUT)


@pytest.fixture
def at_a_terminal(terminal: Terminal) -> Iterator[Callable[..., Screen]]:
    """Start a command with all its streams on one pseudo-terminal."""
    import pty

    screens: list[Screen] = []

    def start(*words: str, **environ: str) -> Screen:
        ours, theirs = pty.openpty()
        environment = {**terminal.environ, "TERM": "xterm-256color", "COLUMNS": "200", **environ}
        process = subprocess.Popen(
            terminal.command(*words), cwd=terminal.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        screens.append(Screen(process, ours, time.monotonic() + PATIENCE))
        return screens[-1]

    yield start
    for each in screens:
        each.process.kill()
        each.process.wait(TIMEOUT)
        os.close(each.ours)


def test_a_person_sees_the_plan_is_asked_and_sees_what_happened(
    terminal: Terminal, sandbox: Sandbox, at_a_terminal: Callable[..., Screen]
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("apply")
    screen.wait_for(QUESTION)
    screen.type("y\n")
    assert screen.end() == 0
    plan, question, result = (screen.seen.index(words) for words in ("CLOSES", QUESTION, "closed: any"))
    assert plan < question < result
    assert "reading accounts" in screen.seen, "a progress bar"
    assert "\x1b[" in screen.seen
    assert listed(sandbox, OPEN_ACCOUNT) == {MONITORING}


def test_nothing_is_drawn_over_the_question(terminal: Terminal, at_a_terminal: Callable[..., Screen]) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("apply")
    screen.wait_for(QUESTION)
    time.sleep(0.5)  # a bar that is still alive is drawn ten times a second
    screen.type("n\n")
    screen.end()
    asked = screen.seen.partition(QUESTION)[2].partition("error:")[0]
    assert ERASES_THE_LINE not in asked


def test_a_bar_changes_nothing_of_the_result(terminal: Terminal, at_a_terminal: Callable[..., Screen]) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("plan", "--color", "never")
    assert screen.end() == 0
    assert "0 → 1 of 10  CLOSES: today any application may send\r\n" in screen.seen


def test_quiet_draws_no_bar(at_a_terminal: Callable[..., Screen]) -> None:
    screen = at_a_terminal("account", "list", "-p", "operator", "-q")
    assert screen.end() == 0
    assert "reading accounts" not in screen.seen
    assert ERASES_THE_LINE not in screen.seen


def test_the_answer_is_no_unless_it_is_yes(
    terminal: Terminal, running: Running, at_a_terminal: Callable[..., Screen]
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("apply")
    screen.wait_for(QUESTION)
    screen.type("\n")
    assert screen.end() == 6
    assert "the answer was no; nothing was written" in screen.seen
    assert sent(running) == {}


def test_the_end_of_the_input_is_no_answer(
    terminal: Terminal, running: Running, at_a_terminal: Callable[..., Screen]
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("apply")
    screen.wait_for(QUESTION)
    screen.type("\x04")
    assert screen.end() in (6, 130)
    assert sent(running) == {}


def test_ctrl_c_at_the_question_is_an_interruption(
    terminal: Terminal, running: Running, at_a_terminal: Callable[..., Screen]
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    screen = at_a_terminal("apply")
    screen.wait_for(QUESTION)
    screen.process.send_signal(signal.SIGINT)
    assert screen.end() == 130
    assert sent(running) == {}


def test_no_color_is_heeded_on_a_terminal(at_a_terminal: Callable[..., Screen]) -> None:
    words = ("tenant", "test", "-p", "operator")
    coloured, plain = at_a_terminal(*words), at_a_terminal(*words, NO_COLOR="1")
    assert (coloured.end(), plain.end()) == (0, 0)
    assert "\x1b[3" in coloured.seen
    assert "\x1b[3" not in plain.seen


# Ctrl-C without a terminal


@contextmanager
def started(terminal: Terminal, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that still runs. It is gone afterwards, whatever happens meanwhile."""
    with terminal.start(*words) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + TIMEOUT
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_ctrl_c_stops_after_the_call_in_flight_and_leaves_nothing_unreported(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet=ADD, seconds=0.6, times=None))
    with started(terminal, "apply", "--yes", "--approve-large", "14", "-o", "json") as process:
        wait_until(lambda: sent(running).get(ADD, 0) == 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert "stopping after the call in flight" in err
    assert "Traceback" not in err
    assert sent(running) == {ADD: 2}
    accounts = json.loads(out)["accounts"]
    assert len(accounts) == 14
    assert sorted(each["outcome"] for each in accounts) == ["done"] * 2 + ["interrupted"] * 12
    for each in accounts:
        assert set(each["after"]["apps"]) == listed(sandbox, each["account"]), "what is reported is what is"
    sandbox.clear_faults()
    left = terminal.hveadmin("plan", "-o", "json").ends_with(0).json
    assert len(left["changes"]) == 12, "plan again to go on"


def test_a_second_ctrl_c_stops_at_once_and_the_journal_says_what_was_tried(
    terminal: Terminal, sandbox: Sandbox, running: Running
) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    sandbox.add_fault(Fault(FaultKind.LATENCY, cmdlet=ADD, seconds=30, times=None))
    with started(terminal, "apply", "--yes") as process:
        wait_until(lambda: sent(running).get(ADD, 0) == 1)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        for line in process.stderr:
            if "press Ctrl-C again" in line:
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait(5)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    journal = next(Path(terminal.environ["HVEADMIN_STATE"]).rglob("journal.jsonl"))
    last = json.loads(journal.read_text().splitlines()[-1])
    assert (last["event"], last["account"], last["apps"]) == ("intent", OPEN_ACCOUNT, [MONITORING])


def test_ctrl_c_while_reading_ends_at_once(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    sandbox.add_fault(Fault(FaultKind.LATENCY, surface=Surface.EXCHANGE, seconds=30, times=None))
    with started(terminal, "account", "list", "-p", "operator") as process:
        wait_until(lambda: running.calls.count(Surface.EXCHANGE) > 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err


def test_an_interruption_is_said_in_a_word(terminal: Terminal, sandbox: Sandbox, running: Running) -> None:
    sandbox.add_fault(Fault(FaultKind.LATENCY, surface=Surface.EXCHANGE, seconds=30, times=None))
    with started(terminal, "account", "list", "-p", "operator") as process:
        wait_until(lambda: running.calls.count(Surface.EXCHANGE) > 0)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=5)
    assert "interrupted" in err
