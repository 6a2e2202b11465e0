"""
What a CI system shows beside the lines of a file: findings, and tenants that could not be read.

GitHub and Azure show ten of a kind and step and drop the rest without a word [D for GitHub, F for Azure's agent], so
the tenth says how many there are. All of them stand in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Finding
from hveadmin.report.document import Document, Report
from hveadmin.report.verdicts import Level, assessed, level_of, needs_a_look, place_of, sentence_of, unread_tenants

MOST = 10
"""Of a kind, that a system shows."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One notice in a CI system's log."""

    level: Level
    title: str
    """A few words: `HVE101 critical`."""
    lines: tuple[str, ...]
    """What is so, then what to do."""
    place: SourceSpan | None = None
    code: str = ""
    """The rule, where it is about one."""


def notices(document: Document, kind_of: Callable[[Level], str]) -> Iterator[tuple[str, Annotation]]:
    """Each with the system's own word for its level; of each word no more than the system shows."""
    by_kind: dict[str, list[Annotation]] = {}
    for each in _all(document):
        by_kind.setdefault(kind_of(each.level), []).append(each)
    for kind, found in by_kind.items():
        for each in found if len(found) <= MOST else [*found[: MOST - 1], _rest(found[MOST - 1 :])]:
            yield kind, each


def _all(document: Document) -> Iterator[Annotation]:
    if not isinstance(document, Report):
        return
    assessment = assessed(document)
    if assessment is not None:
        yield from map(_of_finding, needs_a_look(assessment))
        return
    for tenant, why in unread_tenants(document):
        yield Annotation(Level.ERROR, f"{tenant} UNKNOWN", (f"{tenant} could not be read: {why}",))


def _of_finding(finding: Finding) -> Annotation:
    remedy = (f"next: {finding.remedy}",) if finding.remedy else ()
    lines = (sentence_of(finding), *remedy)
    return Annotation(level_of(finding), f"{finding.rule} {finding.severity}", lines, place_of(finding), finding.rule)


def _rest(left_out: list[Annotation]) -> Annotation:
    said = f"and {len(left_out)} more, which are not shown here; the log of this step has all of them"
    return Annotation(left_out[0].level, f"{len(left_out)} more", (said,))
