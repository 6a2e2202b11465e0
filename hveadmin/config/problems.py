"""
What is wrong with a file, and how it is said.

`CODES` lists every code once, with its meaning and the way out: the documentation is made from it. A problem keeps the
text of the file as it was found; escaping happens once, on the way out, because whoever wrote the file may not be
whoever reads the log.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hveadmin.domain.desired import SourceSpan
from hveadmin.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, and what to do about it, in a sentence each."""

    meaning: str
    fix: str


CODES: Mapping[str, Code] = {
    "CFG001": Code(
        "The file is not YAML as hveadmin reads it: a syntax error, not UTF-8, a tag, a merge key, a second document, "
        "or over a size limit.",
        "Correct the text at the position; quote what is meant as text, and write out what a merge key would copy.",
    ),
    "CFG002": Code(
        "A key is given twice, in one file or in two that are read together.",
        "Keep one of the two; the other's position is in the message.",
    ),
    "CFG003": Code(
        "A key is unknown, missing or out of place, or a value is not of the kind that is expected there.",
        "Compare with `hveadmin schema config`; an editor that knows the schema shows the same while typing.",
    ),
    "CFG004": Code(
        "A name is used that is defined nowhere: an application, a set or a tenant; or there is no such policy rule.",
        "Correct the name, or define it under `apps`, `sets` or `tenants`; `hveadmin rules list` shows the rules.",
    ),
    "CFG005": Code(
        "A list is empty. An empty list of applications does not block everyone, it lets every application send.",
        "Say `mode: unrestricted` with reason, owner and expires, or remove the entry.",
    ),
    "CFG006": Code(
        "A list holds more than 10 applications after its sets are expanded; the service takes no more than 10.",
        "Take applications off the list, or move some to another account.",
    ),
    "CFG007": Code(
        "One account has two entries (letter case does not count), or one tenant has two.",
        "Put both into one entry.",
    ),
    "CFG008": Code(
        "An application given by its object id is used in a tenant other than its own; object ids differ by tenant.",
        "Give the application by its client_id, or define it once more with that tenant's object id.",
    ),
    "CFG009": Code(
        "An id is not a GUID.",
        "Copy the id from the Entra admin centre; it looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01.",
    ),
    "CFG010": Code(
        "A reason, an owner or another statement is missing that `policy.require`, a waiver or `mode: unrestricted` "
        "asks for.",
        "Write down why, on whose word and until when.",
    ),
    "CFG011": Code(
        "A date cannot be read; as a warning: a date is past.",
        "Write dates as 2027-06-30; the last day is included.",
    ),
    "CFG012": Code(
        "One application is on a list twice, by the same name or by the same id under two names; as a warning: one "
        "application is defined under two names.",
        "Keep one of the two.",
    ),
    "CFG013": Code(
        "A file cannot be read, an include matches no file, or files include each other in a circle.",
        "Correct the path; it is relative to the file that includes it.",
    ),
    "PRF001": Code("The profiles file is not YAML as hveadmin reads it.", "Correct the text at the position."),
    "PRF002": Code("A key is given twice.", "Keep one of the two."),
    "PRF003": Code(
        "A key is unknown, missing or out of place, or a value is not of the kind that is expected there.",
        "Compare with the documentation of profiles; unknown keys are refused so that none is silently without effect.",
    ),
    "PRF004": Code(
        "A secret is written into the file.",
        "Say where it is to be found instead, {env: NAME}, {file: PATH} or {keyring: SERVICE}, and replace the secret: "
        "it was in a file.",
    ),
    "PRF005": Code("A profile has a name that hveadmin keeps for itself.", "Choose another name."),
    "PRF006": Code("The profiles file cannot be read.", "Correct HVEADMIN_PROFILES or the file's rights."),
    "PRF007": Code(
        "An endpoint is not an address of the form https://host[:port], or host:port for smtp.",
        "Leave out the path; it is added where it is needed.",
    ),
    "PRF008": Code(
        "Keys that belong together are not together, such as a custom cloud without endpoints.",
        "Add what the message names, or remove what has no effect.",
    ),
    "PRF009": Code("An id is not a GUID.", "Copy the id from the Entra admin centre."),
    "PRF010": Code(
        "A host is Exchange Online's own remote PowerShell, which is gone since 2023.",
        "Use `transport: rest`, which needs no host, or name a management host of your own.",
    ),
    "LCK001": Code(
        "The lock file is not YAML as hveadmin reads it; marks of an unfinished merge are the usual cause.",
        "Restore it from version control, or remove it and run `hveadmin app pin`.",
    ),
    "LCK002": Code("The lock file has a key twice.", "As LCK001: it is generated, and not mended by hand."),
    "LCK003": Code(
        "In the lock file a key is unknown, missing or out of place, or a value is not of the kind expected there.",
        "As LCK001. A version other than 1 is of another hveadmin: use that one.",
    ),
    "LCK009": Code("An id in the lock file is not a GUID.", "As LCK001."),
    "LCK011": Code("A date in the lock file cannot be read.", "As LCK001."),
    "LCK013": Code("The lock file is there and cannot be read.", "Correct its rights."),
}

_SHOWN = 100
"""At most this many characters of a value or a line are shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, where, and what was perhaps meant. `source_line` may be empty."""

    code: str
    span: SourceSpan
    path: str
    message: str
    suggestion: str = ""
    source_line: str = ""

    @property
    def headline(self) -> str:
        """`hve.yaml:13:5: CFG003 defaults.colour: unknown key (did you mean 'owner'?)`, escaped."""
        where = f"{self.span.file}:{self.span.line}:{self.span.column}: {self.code}"
        path = f" {self.path}:" if self.path else ""
        guess = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return printable(f"{where}{path} {self.message}{guess}")

    def __str__(self) -> str:
        """The headline, and under it the line of the file with a caret where the problem begins."""
        if not self.source_line.strip():
            return self.headline
        shown, caret = _window(self.source_line, self.span.column - 1)
        number = str(self.span.line)
        return f"{self.headline}\n  {number} | {shown}\n  {' ' * len(number)} | {' ' * caret}^"


class InvalidConfiguration(ConfigError):
    """A file that cannot be meant so. `found` holds the problems as values, in the order they are printed."""

    def __init__(self, found: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__((str(problem) for problem in found), hint=hint)
        self.found = tuple(found)


def in_order(problems: Iterable[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    """Problems by position; files in the order they were read."""
    rank = {file: number for number, file in enumerate(dict.fromkeys(files))}
    return tuple(
        sorted(problems, key=lambda each: (rank.get(each.span.file, -1), each.span.line, each.span.column, each.code))
    )


def printable(text: str) -> str:
    """Text with everything that does not print (control, bidi, invisible characters) written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def shortened(text: str) -> str:
    """Text that fits a message."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def guess(word: str, known: Collection[str]) -> str:
    """The known word that was perhaps meant, empty if none is close."""
    if len(word) > _SHOWN:
        return ""
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1)
    return folded[close[0]] if close else ""


def _window(line: str, at: int) -> tuple[str, int]:
    """A stretch of the line around a character, escaped, and the column at which that character is printed."""
    start = max(0, at - _SHOWN // 2) if len(line) > _SHOWN else 0
    end = start + _SHOWN
    before = ("…" if start else "") + printable(line[start:at])
    after = printable(line[at:end]) + ("…" if end < len(line) else "")
    return before + after, sum(_width(each) for each in before)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
