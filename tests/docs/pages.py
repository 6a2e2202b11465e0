"""
The documentation's pages, read as a newcomer reads them: what is to be typed, what is shown, which files are written.

The pages keep to this, and the tests make it true:

* A ```console block holds commands after `$ ` and under each what it shows. A line that is only `…` stands for lines
  that are left out, a line that ends in `…` is cut there, and a command without a line under it is only typed.
  `# exit 6` after a command is its exit code (else 0); `# until Ctrl-C` lets it run while the rest is typed.
* `A | B` hands what A writes to B, `A < FILE` what stands in a file; every command of them is the program's own.
* `export NAME=$(A)` keeps what A writes, and `$NAME` is that.
* A ```python block is run in that folder. It shows what it promises with assert, and prints nothing.
* An ```output block is what the command before it shows, where that holds lines that look like commands.
* A block with a title (```yaml title="limits.yaml") is a file of that name.
* Commands are typed in a copy of the folder that `hveadmin demo` leaves, called /home/me/hveadmin-demo on the pages.
"""

from __future__ import annotations

import io
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from cli.terminal import settled

from hveadmin.cli.app import run

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HOME = "/home/me/hveadmin-demo"
"""How the pages call the folder that commands are typed in."""
PYTHON = "/home/me/.venv/bin/python"
"""How they call the Python that hveadmin runs in."""

_FENCE = re.compile(r"^```(?P<language>[a-z]*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.M | re.S)
_ASSIGNED = re.compile(r"export (?P<name>\w+)=\$\((?P<command>hveadmin .*)\)$")
_EXIT = re.compile(r"#\s*exit (\d+)\s*$")
_UNTIL_CTRL_C = re.compile(r"#\s*until Ctrl-C\s*$")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_PORT = re.compile(r"\bport: \d+$")
_SECONDS = 60.0
_LEFT_OUT = "…"


class Block(NamedTuple):
    """One fenced block of a page; `line` is where its fence stands."""

    language: str
    title: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Typed:
    """One command of a page, and what the page shows under it."""

    where: str
    text: str
    shown: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def code(self) -> int:
        """The exit code that the page promises."""
        found = _EXIT.search(self.text)
        return int(found.group(1)) if found else 0

    @property
    def runs_on(self) -> bool:
        return _UNTIL_CTRL_C.search(self.text) is not None


def pages() -> list[Path]:
    """Every page of the site."""
    return sorted(DOCS.rglob("*.md"))


def name_of(page: Path) -> str:
    """How a page is called in test names: `commands/plan.md`."""
    return page.relative_to(DOCS).as_posix()


def read(name: str) -> str:
    """A page's text, by its name."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [
        Block(each["language"], each["title"] or "", each["text"], text.count("\n", 0, each.start()) + 1)
        for each in _FENCE.finditer(text)
    ]


def without_blocks(text: str) -> str:
    """A page's prose and tables."""
    return _FENCE.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found is not None, f"there is no section {heading!r}"
    return found.group(1)


def typed_in(block: Block, page: str) -> Iterator[Typed]:
    """The commands of a console block."""
    for part in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
        line = block.line + 1 + block.text.count("\n", 0, part.start())
        yield Typed(f"{page}:{line}", part.group(1).replace("\\\n", " "), part.group(2).strip("\n"))


@dataclass
class Shell:
    """A folder in which a page is followed from its first line to its last. To be used as a context manager."""

    folder: Path
    environ: dict[str, str]
    _running: list[tuple[Typed, subprocess.Popen[bytes]]] = field(default_factory=list)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *why: object) -> None:
        for _, child in self._running:
            child.kill()
            child.wait(_SECONDS)
            if child.stderr is not None:
                child.stderr.close()

    def follow(self, page: str) -> int:
        """Write the page's files and type its commands, each checked; how many commands there were."""
        count = 0
        said = ""
        for block in blocks(read(page)):
            if block.title:
                (self.folder / block.title).write_text(block.text, encoding="utf-8")
            if block.language == "python":
                self._python(block.text, f"{page}:{block.line}")
            if block.language == "output":
                self._compare(f"{page}:{block.line}", block.text.strip("\n"), said)
            for typed in typed_in(block, page) if block.language == "console" else ():
                code, said = self._type(typed)
                promised = 0 if typed.runs_on else typed.code
                assert code == promised, f"{typed.where}: $ {typed.text}\nexit {code}\n{said}"
                self._compare(typed.where, typed.shown, said)
                count += 1
        self._press_ctrl_c()
        return count

    def _python(self, text: str, where: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{where}: it does not run\n{done.stderr}"
        assert done.stdout == "", f"{where}: it prints what the page does not show\n{done.stdout}"

    def _compare(self, where: str, shown: str, said: str) -> None:
        wrong = differs(shown, said, self.folder)
        assert not wrong, f"{where}: the page shows what does not come: {wrong}\n\n{said}"

    def _type(self, typed: Typed) -> tuple[int, str]:
        words, given = [self._expanded(each) for each in typed.words], ""
        if assigned := _ASSIGNED.match(typed.text):
            code, out, said = self._run(shlex.split(assigned["command"])[1:], apart=True)
            self.environ[assigned["name"]] = out.rstrip("\n")
            return code, said
        while "|" in words:
            # Only the program itself stands in front of a pipe on these pages.
            code, given, said = self._run(words[1 : words.index("|")], apart=True, given=given)
            assert words[0] == "hveadmin" and code == 0, f"{typed.where}: exit {code}\n{said}"
            words = words[words.index("|") + 1 :]
        if "<" in words:
            given = (self.folder / words[words.index("<") + 1]).read_text(encoding="utf-8")
            words = words[: words.index("<")]
        target = words[words.index(">") + 1] if ">" in words else ""
        match words[: words.index(">")] if target else words:
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                self.environ[name] = value
                return 0, ""
            case ["cat", name]:
                return 0, (self.folder / name).read_text(encoding="utf-8")
            case ["hveadmin", *arguments] if typed.runs_on:
                return 0, self._start(typed, arguments, target)
            case ["hveadmin", *arguments]:
                code, out, said = self._run(arguments, apart=bool(target), given=given)
                if target:
                    (self.folder / target).write_text(out, encoding="utf-8")
                return code, said
            case _:
                raise AssertionError(f"{typed.where}: nobody knows how to type {typed.text!r}")

    def _expanded(self, word: str) -> str:
        """A word that is only a variable, as the shell would have it."""
        return self.environ[word[1:]] if word[:1] == "$" and word[1:] in self.environ else word

    def _run(self, arguments: list[str], *, apart: bool, given: str = "") -> tuple[int, str, str]:
        """In this process: the code, stdout where it goes to a file, and what stands on the terminal."""
        terminal, file = _stream(), _stream()
        with ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            _only(patch, self.environ)
            patch.chdir(self.folder)
            patch.setattr(sys, "stdin", io.StringIO(given))
            stack.enter_context(redirect_stdout(file if apart else terminal))
            stack.enter_context(redirect_stderr(terminal))
            code = run(arguments)
        return code, _text(file), _text(terminal)

    def _start(self, typed: Typed, arguments: list[str], target: str) -> str:
        """In a process of its own, up to the line that says how to stop it; what it wrote to stderr by then."""
        with (self.folder / (target or "stdout")).open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, "-m", "hveadmin", *arguments],
                cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
            )  # fmt: skip
        self._running.append((typed, child))
        assert child.stderr is not None
        said = ""
        while "Ctrl-C stops it" not in said:
            line = child.stderr.readline().decode()
            assert line, f"{typed.where}: it ended with {child.wait(_SECONDS)}\n{said}"
            said += line
        return said

    def _press_ctrl_c(self) -> None:
        for typed, child in self._running:
            child.send_signal(signal.SIGINT)
            assert child.wait(_SECONDS) == typed.code, typed.where


def differs(shown: str, said: str, folder: Path) -> str:
    """The first shown line that is not what came; empty where all of it is, or nothing is shown."""
    wanted = [_same_each_time(line, folder) for line in shown.splitlines()]
    come = [_same_each_time(line, folder) for line in said.strip("\n").splitlines()]
    if not wanted:
        return ""
    at, skipping = 0, False
    for line in wanted:
        if line == _LEFT_OUT:
            skipping = True
            continue
        while skipping and at < len(come) and not _shows(line, come[at]):
            at += 1
        if at >= len(come) or not _shows(line, come[at]):
            return line or "an empty line"
        at, skipping = at + 1, False
    return "" if skipping or at == len(come) else f"(the page leaves out, without a word) {come[at]}"


def _shows(shown: str, come: str) -> bool:
    return come.startswith(shown.removesuffix(_LEFT_OUT).rstrip()) if shown.endswith(_LEFT_OUT) else shown == come


def _same_each_time(line: str, folder: Path) -> str:
    placed = line.replace(str(folder), HOME).replace(sys.executable, PYTHON).rstrip()
    return _PORT.sub("port: PORT", _DAY.sub("DAY", settled(placed)))


def _only(patch: pytest.MonkeyPatch, environ: Mapping[str, str]) -> None:
    import os

    for name in set(os.environ) - set(environ):
        patch.delenv(name)
    for name, value in environ.items():
        patch.setenv(name, value)


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode() if isinstance(stream.buffer, io.BytesIO) else ""
