"""hveadmin fmt"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hveadmin.cli.options import CONFIG, Options, takes
from hveadmin.errors import HveAdminError, Outcome, UsageError

if TYPE_CHECKING:
    from datetime import date

    from hveadmin.config.problems import Problem


@takes(CONFIG, ("quiet",))
def command(
    options: Options,
    files: Annotated[
        list[Path] | None, Argument(metavar="[FILE]...", help="Just these files. Default: the whole configuration.")
    ] = None,
    check: Annotated[bool, Option("--check", help="Write nothing; exit 3 when a file would change.")] = False,
    diff: Annotated[bool, Option("--diff", help="Write nothing; print what would change.")] = False,
) -> None:
    """
    Put the configuration into its canonical form, comments kept.

    One order of keys and names, one layout; what it says stays the same. Without FILE: hve.yaml, or what -c names,
    and every file that they include. Nobody signs in and nothing is contacted. Exit codes: 0 done, or all is in form;
    2 a file cannot be used, and none was written; 3 a file would change, with --check.
    """
    from hveadmin.cli.run import Run

    with Run(replace(options, quiet=True)) as run:  # warnings, such as a date that is past, are not asked for here
        whole = run.configuration().desired.files if options.config or not files else ()
        found = _formatted([*map(Path, whole)], files or [], run.today)
        changed = [each for each in found if each.differs]
        if diff:
            _print_diff(changed)
        elif not check:
            for each in changed:
                _replace(each)
        if not options.quiet:
            _tell(found, changed, written=not (check or diff))
        run.end(Outcome.CHANGES if check and changed else Outcome.OK)


@dataclass(frozen=True, slots=True)
class _File:
    """A file, as it is and as it is to be."""

    path: Path
    before: bytes
    after: bytes

    @property
    def differs(self) -> bool:
        return self.before != self.after


def _formatted(whole: Sequence[Path], alone: Sequence[Path], today: date) -> list[_File]:
    """Every file in its canonical form, once each. Raises InvalidConfiguration with all that is wrong with any."""
    from hveadmin.config.fmt import formatted
    from hveadmin.config.load import problems_by_itself
    from hveadmin.config.problems import InvalidConfiguration

    found: list[_File] = []
    problems: list[Problem] = []
    for path in _once([*whole, *alone]):
        if path not in whole:
            _refuse_lock(path)
            wrong = problems_by_itself(path, today=today)
            problems += wrong
            if wrong:
                continue
        before = path.read_bytes()
        try:
            found.append(_File(path, before, formatted(before.decode("utf-8-sig"), str(path)).encode()))
        except InvalidConfiguration as invalid:
            problems += invalid.found
    if problems:
        raise InvalidConfiguration(problems)
    return found


def _once(paths: Sequence[Path]) -> Iterator[Path]:
    """Each file once, however often and by whatever names it is given."""
    seen: set[str] = set()
    for path in paths:
        identity = os.path.realpath(path)
        if identity not in seen:
            seen.add(identity)
            yield path


def _refuse_lock(path: Path) -> None:
    from hveadmin.domain.pins import LOCK_FILE

    if path.name == LOCK_FILE:
        raise UsageError(f"{path} is not written by hand, and has its form already", hint="hveadmin app pin writes it")


def _print_diff(changed: Sequence[_File]) -> None:
    from difflib import unified_diff

    from hveadmin.cli.outputs import write_out
    from hveadmin.report.safe_text import for_console

    for each in changed:
        before, after = (data.decode("utf-8-sig").splitlines() for data in (each.before, each.after))
        lines = unified_diff(before, after, str(each.path), f"{each.path} (formatted)", lineterm="")
        # Whoever wrote the file may not be whoever reads the log.
        write_out("".join(f"{for_console(line)}\n" for line in lines))


def _tell(found: Sequence[_File], changed: Sequence[_File], *, written: bool) -> None:
    from hveadmin.cli.app import complain
    from hveadmin.report.safe_text import for_console
    from hveadmin.report.words import count

    for each in changed:
        same_lines = each.before.decode("utf-8-sig").splitlines() == each.after.decode().splitlines()
        where = " (line ends or byte order mark only)" if same_lines else ""
        complain(f"{for_console(str(each.path))}: {'formatted' if written else 'would be formatted'}{where}")
    rest = len(found) - len(changed)
    if rest:
        complain(f"{count(rest, 'file')} in canonical form already")


def _replace(file: _File) -> None:
    """Write a file whole or not at all, with the rights it has; a link stays a link."""
    target = Path(os.path.realpath(file.path))
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(file.after)
            shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as problem:
        raise HveAdminError(f"{file.path} cannot be written: {problem.strerror}") from None
