"""
Two ways to type a command, and what comes of it.

`Terminal.hveadmin` runs the command line in this process, with folder, environment and streams of its own: fast, and
a bug's traceback is the test's. `Terminal.child` starts `python -m hveadmin`: for what only a process of its own can
show. The command is a user's either way: nothing of it is replaced, and what it talks to answers on real sockets.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hveadmin.cli.app import run

TIMEOUT = 60.0
"""Seconds that a child may take."""

# What differs from run to run. A hyphen is no word character, so an id inside a longer text is found as well.
_CHANGES = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIMESTAMP"),
    (r"\b\d\d:\d\d:\d\dZ", "HH:MM:SSZ"),
    (r"\b\d\d:\d\dZ", "HH:MMZ"),
    (r"localhost:\d+", "localhost:PORT"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\bplan [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "plan PLAN-ID"),
    (r"\b(request-id|correlation id|trace id) [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", r"\1 REQUEST-ID"),
    (r"server [A-Z0-9]{8,}\b", "server SERVER"),
    (r"\b[0-9a-f]{64}\b", "SHA256"),
)


@dataclass(frozen=True)
class Ran:
    """What a command wrote, and the code it ended with."""

    typed: str
    code: int
    out: str
    err: str

    def ends_with(self, code: int) -> Ran:
        """Itself, if that is its exit code; a mistake here shows everything that was written."""
        assert self.code == code, f"$ {self.typed}\nexit {self.code}, not {code}\n{self.out}\n--- stderr\n{self.err}"
        return self

    @property
    def said(self) -> str:
        """Both streams: what a person sees."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.out)

    def transcript(self, *hidden: Path) -> str:
        """What a person typed and saw, without what differs from run to run."""
        ended = f"exit {self.code}\n"
        parts = [f"$ {self.typed}\n", self.out, "--- stderr\n" if self.err else "", self.err, ended]
        return settled("".join(parts), *hidden)


def settled(text: str, *hidden: Path) -> str:
    """A text without times, ports, request ids and the folders that are to be hidden."""
    for folder in hidden:
        text = text.replace(str(folder), "…")
    for pattern, word in _CHANGES:
        text = re.sub(pattern, word, text)
    return text


class _Keyboard(io.StringIO):
    """What somebody types, where `person` is whether it is somebody at a terminal."""

    def __init__(self, typed: str, *, person: bool) -> None:
        super().__init__(typed)
        self._person = person

    def isatty(self) -> bool:
        return self._person


@dataclass(frozen=True)
class Terminal:
    """A folder and an environment to type commands in."""

    folder: Path
    environ: Mapping[str, str]

    def hveadmin(self, *words: str | Path, answer: str | None = None, **environ: str) -> Ran:
        """
        Type a command. `answer` is what a person types when asked; without it, nobody is there to ask.

        `environ` is added to the environment.
        """
        arguments = [str(word) for word in words]
        out, err = _stream(), _stream()
        with self._inside(environ), redirect_stdout(out), redirect_stderr(err), _typing(answer):
            code = run(arguments)
        return Ran(shlex.join(["hveadmin", *arguments]), code, _text(out), _text(err))

    def child(self, *words: str | Path, **environ: str) -> Ran:
        """Type a command into a process of its own that has no terminal."""
        arguments = [str(word) for word in words]
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env={**self.environ, **environ}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=False,
        )  # fmt: skip
        return Ran(shlex.join(["hveadmin", *arguments]), done.returncode, done.stdout, done.stderr)

    def start(self, *words: str | Path, **environ: str) -> subprocess.Popen[str]:
        """The same, but come back while it still runs. To be used as a context manager."""
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, env={**self.environ, **environ}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    @staticmethod
    def command(*words: str | Path) -> list[str]:
        """The program as a process is started with it."""
        return [sys.executable, "-m", "hveadmin", *map(str, words)]

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    @contextmanager
    def _inside(self, environ: Mapping[str, str]) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in {**self.environ, **environ}.items():
                patch.setenv(name, value)
            patch.chdir(self.folder)
            yield


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode() if isinstance(stream.buffer, io.BytesIO) else ""


@contextmanager
def _typing(answer: str | None) -> Iterator[None]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(sys, "stdin", _Keyboard(answer or "", person=answer is not None))
        yield


def clean_environment(home: Path) -> dict[str, str]:
    """An environment in which nothing but the program and an empty home can be found."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
