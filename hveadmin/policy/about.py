"""One subject and its line in the configuration: what a rule says of it is said here, one verdict a word."""

from __future__ import annotations

from dataclasses import dataclass

from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.finding import Severity, Subject, Verdict
from hveadmin.policy.engine import Judgement


@dataclass(frozen=True, slots=True)
class About:
    """Something that one rule says one thing of."""

    subject: Subject
    source: SourceSpan | None = None

    def fails(
        self,
        message: str,
        remedy: str,
        *,
        severity: Severity | None = None,
        facts: tuple[tuple[str, str], ...] = (),
    ) -> Judgement:
        """`severity` only where it is not the rule's own."""
        return Judgement(Verdict.FAIL, message, self.subject, remedy, self.source, severity, facts)

    def passes(self, message: str) -> Judgement:
        return Judgement(Verdict.PASS, message, self.subject, source=self.source)

    def not_applicable(self, message: str) -> Judgement:
        """The rule has nothing to say here; `message` says why."""
        return Judgement(Verdict.NOT_APPLICABLE, message, self.subject, source=self.source)

    def unknown(self, message: str, remedy: str) -> Judgement:
        """It could not be found out; `message` says why, `remedy` how it may be."""
        return Judgement(Verdict.UNKNOWN, message, self.subject, remedy, self.source)
