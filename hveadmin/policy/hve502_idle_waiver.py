"""
HVE502: a waiver matches nothing.

The waiver speaks of a deviation that is not there: it was mended, or the waiver never fitted, because its account or
its application is written wrongly or its rule is disabled.

Why it matters: a waiver that waits for its deviation accepts it in advance. If somebody puts that application back on
that list next month, nobody will hear of it.

How to mend it: take the waiver out, or correct what it names. This is only said where everything the waiver could match
was looked at; with `--tenant`, `--account` or `--config-only`, or where something could not be read, the verdict is
`not-applicable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hveadmin.domain.finding import Severity, Verdict
from hveadmin.policy.engine import Judgement, WaiverRule, WaiverUse, WaiverView
from hveadmin.policy.waivers import named, subject_of

_SAYS: Mapping[WaiverUse, tuple[Verdict, str]] = {
    WaiverUse.USED: (Verdict.PASS, "accepts something"),
    WaiverUse.EXPIRED: (Verdict.NOT_APPLICABLE, "is past its end"),
    WaiverUse.IDLE: (Verdict.FAIL, "matches nothing"),
    WaiverUse.NOT_TOLD: (Verdict.NOT_APPLICABLE, "matches nothing in what was looked at, and not all was"),
}


def judge(view: WaiverView) -> Iterator[Judgement]:
    """One judgement a waiver."""
    for waiver, use in view.uses:
        verdict, says = _SAYS[use]
        yield Judgement(verdict, f"the {named(waiver)} {says}", subject_of(waiver), source=waiver.source)


RULE = WaiverRule(
    id="HVE502",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="take the waiver out, or correct what it names",
    references=("docs/configuration.md",),
    judge=judge,
)
