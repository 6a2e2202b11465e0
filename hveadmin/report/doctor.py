"""
What the doctor found: a line a check, and under a failure what it means and what mends it.

The machine form is for support tickets too. It says of itself what it contains; no secret is in what it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from hveadmin.domain.health import Check, Examined, Remedy, Setting, Verdict, first_broken
from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import timestamp

KIND = "doctor"
COLUMNS = ("tenant", "check", "result", "seen", "next")
SETTINGS_KIND = "settings"
SETTINGS_COLUMNS = ("tenant", "setting", "value", "source")

CONTAINS = (
    "host names, network addresses, file paths, tenant and application ids, names of users who signed in, permissions"
    " and roles; no secret, no token, no password, no address of an HVE account"
)

WORDS: Mapping[Verdict, Span] = MappingProxyType(
    {
        Verdict.PASS: Span("ok", Tone.ADDED),
        Verdict.WARN: Span("warn", Tone.WARNING),
        Verdict.FAIL: Span("FAIL", Tone.REMOVED),
        Verdict.UNKNOWN: Span("unknown", Tone.WARNING),
        Verdict.NOT_TRIED: Span("not tried", Tone.WARNING),
    }
)


def doctor_report(examined: Examined, *, made_by: str) -> Report:
    """One tenant's checks, its settings besides in the machine form. `made_by` is `hveadmin 1.2.3`."""
    tenant, checks = examined.tenant, examined.checks
    section = Section(
        table=Table(
            COLUMNS, tuple((tenant, each.name, WORDS[each.verdict], each.seen, next_step(each)) for each in checks)
        ),
        heading=(Row((Span(tenant, Tone.STRONG),)),),
        text=tuple(check_rows(checks)),
        closing=(Row((summary(tenant, checks),)),),
    )
    lists: dict[str, list[Item]] = {
        "about": [_about(examined, made_by)],
        "settings": settings_data(tenant, examined.settings),
        "checks": [{"tenant": tenant, **check_data(each)} for each in checks],
    }
    return Report(KIND, lists, (section,))


def settings_report(tenant: str, settings: Sequence[Setting]) -> Report:
    """Every value that a run goes by, and where it comes from."""
    section = Section(
        table=Table(SETTINGS_COLUMNS, tuple((tenant, each.name, each.value, each.source) for each in settings)),
        heading=(Row((Span(tenant, Tone.STRONG),)),),
        told=("tenant",),
    )
    return Report(SETTINGS_KIND, {"settings": settings_data(tenant, settings)}, (section,))


def settings_data(tenant: str, settings: Sequence[Setting]) -> list[Item]:
    """The settings in the machine form."""
    return [{"tenant": tenant, "setting": each.name, "value": each.value, "source": each.source} for each in settings]


def check_rows(checks: Sequence[Check]) -> Iterator[Row]:
    """A line a check, and under a failure what it means and what mends it."""
    for number, check in enumerate(checks, 1):
        yield Row((WORDS[check.verdict], check.name, check.seen), "check", 2)
        if check.failed and check.remedy is not None:
            yield from _mended(check.remedy)
            if number < len(checks):
                yield Row()


def _mended(remedy: Remedy) -> Iterator[Row]:
    if remedy.means:
        yield Row((f"What it means: {remedy.means}",), indent=6)
    for number, step in enumerate(remedy.steps, 1):
        yield Row((f"Step {number}: {step}",), indent=6)
    for title, lines in (
        ("With hveadmin:", remedy.hveadmin),
        ("With PowerShell:", remedy.powershell),
        ("With the Azure CLI, in a POSIX shell:", remedy.azure_cli),
    ):
        if lines:
            yield Row((title,), indent=6)
            # Two cells: a row of one might be wrapped, and half a command is another command.
            yield from (Row(("", line), indent=6) for line in lines)


def summary(what: str, checks: Sequence[Check]) -> str:
    """How it ends, in a sentence that names the first broken link."""
    counts = [(WORDS[verdict].text, sum(each.verdict is verdict for each in checks)) for verdict in Verdict]
    counted = ", ".join(f"{number} {word}" for word, number in counts if number)
    broken = first_broken(checks)
    if broken is None:
        return f"{what}: nothing is broken ({counted})."
    if broken.verdict is Verdict.UNKNOWN:
        return f"{what}: nothing that could be seen is broken; `{broken.name}` is unknown ({counted})."
    return f"{what}: the first broken link is `{broken.name}` ({counted})."


def next_step(check: Check) -> str:
    """The remedy in one cell, without commands: those are in the other formats."""
    if check.remedy is None or not check.failed:
        return ""
    return "; ".join(filter(None, (check.remedy.means, *check.remedy.steps)))


def _about(examined: Examined, made_by: str) -> Item:
    broken = first_broken(examined.checks)
    return {
        "tenant": examined.tenant,
        "made_by": made_by,
        "made_at": timestamp(examined.made_at),
        "first_broken": None if broken is None else broken.name,
        "contains": CONTAINS,
    }


def check_data(check: Check) -> Item:
    """A check in the machine form."""
    return {
        "check": check.name,
        "verdict": check.verdict.value,
        "seen": check.seen,
        "remedy": None if check.remedy is None else _remedy_data(check.remedy),
    }


def _remedy_data(remedy: Remedy) -> dict[str, object]:
    return {
        "means": remedy.means,
        "steps": list(remedy.steps),
        "hveadmin": list(remedy.hveadmin),
        "powershell": list(remedy.powershell),
        "azure_cli": list(remedy.azure_cli),
    }
