"""Where reports go: `-o FORMAT` to stdout, `-o FORMAT=FILE` to a file, several in one run."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hveadmin.errors import HveAdminError, UsageError
from hveadmin.report.render import FORMATS

WITH_FINDINGS = ("check", "report")
"""Commands, and groups, that have what a format of findings is made from: `Run(options, findings=True)`."""


@dataclass(frozen=True, slots=True)
class Output:
    """One place for a report."""

    format_name: str
    file: Path | None

    def write(self, text: str) -> None:
        """Write it, whole or not at all."""
        if self.file is None:
            write_out(text)
            return
        try:
            if _is_special(self.file):
                self.file.write_text(text, encoding="utf-8", newline="")
            else:
                _replace(self.file.resolve(), text)
        except OSError as problem:
            raise HveAdminError(f"{self.file} cannot be written: {problem.strerror}") from None


def write_out(text: str) -> None:
    """
    To stdout. Whoever reads it may have seen enough and be gone: what was done is judged by its outcome all the same.

    Raises HveAdminError where stdout cannot be written for another reason.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        raise HveAdminError(f"stdout cannot be written: {problem.strerror}") from None


def open_outputs(asked: Sequence[str], *, findings: bool = False, query: bool = False) -> tuple[Output, ...]:
    """
    The outputs that were asked for; a table on stdout where none was.

    `findings` is whether the command has any, `query` whether a query picks out a part. Raises UsageError for a format
    that does not exist or that the command cannot fill, and for two outputs to one place; HveAdminError for a file
    that cannot be written: before anything is fetched, not after.
    """
    outputs = tuple(map(_parse, asked)) or (Output("table", None),)
    for output in outputs:
        _refuse_unfillable(output.format_name, findings=findings, query=query)
    places = [output.file if output.file is None else output.file.resolve() for output in outputs]
    twice = next((each for each, place in zip(outputs, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise UsageError(f"two outputs go to {twice.file or 'stdout'}", hint="give each but one a file: -o json=FILE")
    for output in outputs:
        if output.file is None or _is_special(output.file):
            continue
        if output.file.is_dir() or not os.access(output.file.parent, os.W_OK):
            raise HveAdminError(f"{output.file} cannot be written: it is a folder, or its folder is missing or closed")
    return outputs


def _refuse_unfillable(format_name: str, *, findings: bool, query: bool) -> None:
    if not FORMATS[format_name].needs_findings:
        return
    if not findings:
        raise UsageError(
            f"-o {format_name} is made from findings, and this command looks for none",
            hint=f"{' and '.join(f'hveadmin {each}' for each in WITH_FINDINGS)} can write it",
        )
    if query:
        raise UsageError(
            f"-o {format_name} is made from findings, and --query picks out a part",
            hint="leave --query out, or write what it picks out as json, yaml or csv",
        )


def _parse(text: str) -> Output:
    name, _, file = text.partition("=")
    if name not in FORMATS:
        raise UsageError(f"there is no output format {name!r}", hint=f"the formats are {', '.join(FORMATS)}")
    if "=" in text and not file:
        raise UsageError(f"-o {text}: no file is named", hint=f"-o {name}=FILE, or -o {name} for stdout")
    return Output(name, Path(file) if file else None)


def _is_special(file: Path) -> bool:
    """A device or a pipe: written to, never replaced."""
    return file.exists() and not file.is_file() and not file.is_dir()


def _replace(file: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        # mkstemp makes files that nobody else may read; a report is as readable as any new file.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
