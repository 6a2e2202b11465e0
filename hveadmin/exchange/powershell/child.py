"""
A child process with pipes, that can be waited for no longer than one wants.

It runs in a process group of its own: Ctrl-C at the terminal reaches hveadmin and not the child, which would die in
the middle of a call; and what the child has started ends with it. Reading and writing happen in threads, because a
pipe cannot be waited for with a deadline on every operating system.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO

_CHUNK = 1 << 18
"""Bytes per read: line by line a megabyte would take seconds."""
_AHEAD = 64
"""Chunks that are read ahead: a child that says more than is listened to waits, like any writer to a full pipe."""
_TAIL = 4096
"""Bytes of stderr that are kept, from the end."""
_GRACE = 1.0
"""Seconds that a child has to end by itself once its stdin is closed, and again once it is told to."""
_LOOK_AGAIN = 0.01
"""Seconds between two looks at whether it has ended."""
_WINDOWS = sys.platform == "win32"


class CannotStart(Exception):
    """There is no such program, or it may not be started."""


class Child:
    """A running child. To be ended, whatever happens."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it. Raises CannotStart."""
        self._process = _start(command)
        self._came: queue.Queue[bytes] = queue.Queue(_AHEAD)
        self._going: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._tail = b""
        self._ended = False
        self._threads = [
            threading.Thread(target=target, args=(pipe,), name="powershell-pipe", daemon=True)
            for target, pipe in (
                (self._read, self._process.stdout),
                (self._keep_tail, self._process.stderr),
                (self._write, self._process.stdin),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._exit_code() is None

    def send(self, data: bytes) -> None:
        """Write, sooner or later; to a child that is gone it goes nowhere."""
        self._going.put(data)

    def receive(self, seconds: float) -> bytes | None:
        """What came; empty once nothing more will come, None where nothing came in that time."""
        try:
            data = self._came.get(timeout=seconds) if seconds > 0 else self._came.get_nowait()
        except queue.Empty:
            return None
        if not data:
            self._deliver(b"")  # the end stays the end
        return data

    def last_words(self) -> str:
        """The end of what it wrote to stderr, and its exit code where it has one."""
        code = self._exit_code()
        if code is not None:
            self._threads[1].join(_GRACE)
        said = self._tail.decode("utf-8", "replace").strip()
        ended = "" if code is None else _exit(code)
        return f"{ended}: {said}" if ended and said else ended or said

    def wait(self, seconds: float) -> bool:
        """Give it time to end; whether it did."""
        end = monotonic() + seconds
        while self._exit_code() is None:
            if monotonic() >= end:
                return False
            time.sleep(_LOOK_AGAIN)
        return True

    def _exit_code(self) -> int | None:
        """
        Its exit code, None while it runs; negative for a signal.

        Where that can be told without taking it, it is left with the operating system: until it is taken, the number
        of the process group belongs to nobody else, and can be signalled without fear of hitting a stranger.
        """
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.poll()
        found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def end(self) -> None:
        """
        End it with everything that it started, and take its exit code, so that no zombie is left.

        Its stdin is closed, and it has a moment to end by itself. Ending twice is no error.
        """
        if self._ended:
            return
        self._ended = True
        self._going.put(None)
        try:
            self.wait(_GRACE)
        finally:
            self._kill()
        for thread in self._threads:
            thread.join(_GRACE)
        self._close_pipes()

    def _kill(self) -> None:
        if self.alive:
            _signal_group(self._process, signal.SIGTERM)
            self.wait(_GRACE)
        # What it started may outlive it: the whole group, while its number is still taken.
        _signal_group(self._process, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.wait()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                # What could not be written is lost with its reader.
                with contextlib.suppress(OSError):
                    pipe.close()

    # The threads

    def _read(self, pipe: IO[bytes]) -> None:
        for chunk in iter(lambda: _some(pipe), b""):
            self._deliver(chunk)
        self._deliver(b"")

    def _deliver(self, chunk: bytes) -> None:
        """Put it where it is received from, unless the child is ended: then nobody receives any more."""
        while not self._ended:
            with contextlib.suppress(queue.Full):
                self._came.put(chunk, timeout=_LOOK_AGAIN)
                return

    def _keep_tail(self, pipe: IO[bytes]) -> None:
        for chunk in iter(lambda: _some(pipe), b""):
            self._tail = (self._tail + chunk)[-_TAIL:]

    def _write(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (data := self._going.get()) is not None:
                pipe.write(data)
                pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if _WINDOWS else 0
    try:
        return subprocess.Popen(  # noqa: S603 — the profile's own command, no shell
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=not _WINDOWS,
            creationflags=flags,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CannotStart(why) from None


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    if _WINDOWS:
        process.kill()
        return
    # The group is gone with its last member; that there is none is what is wanted.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _some(pipe: IO[bytes]) -> bytes:
    try:
        return os.read(pipe.fileno(), _CHUNK)
    except (OSError, ValueError):  # closed under our feet
        return b""


def _exit(code: int) -> str:
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with exit code {code}"


def monotonic() -> float:
    """Seconds of a clock that only goes forward: the operating system's, because a child's time is real."""
    return time.monotonic()
