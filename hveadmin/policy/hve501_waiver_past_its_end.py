"""
HVE501: a waiver is past its end.

A waiver is somebody's word that a deviation is accepted until a day. The day is over, so from now on the deviation
fails again, under its own rule, and `hveadmin plan` proposes again what it held back. Nothing ends silently: this
finding stands at the waiver's line until the line is changed.

Why it matters: an exception that nobody renews is an exception that nobody wants any more, or one that everybody has
forgotten. Both are worth a minute of its owner.

How to mend it: ask the waiver's owner. Either mend what it accepted and take the waiver out, or give it a new end and a
new reason. The last day itself still counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.finding import Severity, Verdict
from hveadmin.policy.engine import Judgement, WaiverRule, WaiverUse, WaiverView
from hveadmin.policy.waivers import named, subject_of


def judge(view: WaiverView) -> Iterator[Judgement]:
    """One judgement a waiver."""
    for waiver, use in view.uses:
        facts = (("expires", waiver.expires.isoformat()), ("owner", waiver.owner))
        if use is WaiverUse.EXPIRED:
            verdict, message = Verdict.FAIL, f"the {named(waiver)} by {waiver.owner} ended on {waiver.expires}"
        else:
            verdict, message = Verdict.PASS, f"the {named(waiver)} holds until {waiver.expires}"
        yield Judgement(verdict, message, subject_of(waiver), source=waiver.source, facts=facts)


RULE = WaiverRule(
    id="HVE501",
    severity=Severity.MEDIUM,
    since="0.1",
    page=__doc__,
    fix="mend what it accepted and take the waiver out, or give it a new end",
    references=("docs/configuration.md",),
    judge=judge,
)
