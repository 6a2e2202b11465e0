"""The summary says what was found and what it rests on, and stays below what GitHub would drop."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.judged import SCOPE, assessment, finding, judged, one_of_each

from hveadmin.domain.finding import Severity
from hveadmin.report.document import Report, Scope, Section, Table
from hveadmin.report.query import query
from hveadmin.report.summary import MOST_BYTES, job_summary, shortened

UNREAD = Scope("fabrikam", why_unread="AADSTS7000215")


def rows(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.startswith("| ")]


def test_the_verdict_comes_first_and_then_what_it_rests_on() -> None:
    lines = job_summary(judged(one_of_each(), SCOPE)).split("\n")
    assert lines[0] == "## hveadmin check"
    assert lines[2] == "3 findings at or over medium, 2 below, 1 UNKNOWN, 1 waived, 1 passed."
    assert lines[4].startswith("| tenant | tenant id | read at")
    assert "2026-11-23T10:14:07Z | auditor@contoso.com | 14 |" in lines[6]


def test_what_passes_has_no_row() -> None:
    assert len(rows(job_summary(judged(one_of_each())))) == 3 + 2 + 7


def test_a_waived_finding_says_whose_word_it_is() -> None:
    text = job_summary(judged(one_of_each()))
    assert "accepted until 2026-12-15 by lab@contoso.com" in text


def test_a_tenant_that_could_not_be_read_is_in_the_first_table() -> None:
    text = job_summary(judged([], UNREAD))
    assert "| UNKNOWN | everything: AADSTS7000215 |" in text
    assert "1 UNKNOWN" in text


def test_a_run_without_tenants_says_so() -> None:
    made = assessment([finding()], Scope("contoso"))
    alone = replace(judged(), assessment=replace(made, without_tenants=True))
    text = job_summary(alone)
    assert "Only the configuration was looked at, no tenant." in text
    assert "read at" not in text
    assert "no tenant" not in job_summary(replace(alone, assessment=made))


def test_a_report_without_findings_is_its_table() -> None:
    plain = Report("plan", {}, (Section(Table(("account",), (("hve-a@contoso.com",),))),))
    assert job_summary(plain) == "## hveadmin plan\n\n| account |\n| --- |\n| hve-a@contoso.com |\n"
    assert "HVE201" in job_summary(query(judged([finding()]), "findings[].rule"))


def test_fifty_thousand_findings_are_cut_between_two_rows_and_it_says_so() -> None:
    report = judged([finding(severity=Severity.HIGH, number=number) for number in range(50_000)])
    whole, cut = rows(job_summary(report, 10**9)), job_summary(report)
    assert MOST_BYTES - 2000 < len(cut.encode()) <= MOST_BYTES
    kept = rows(cut)
    assert kept == whole[: len(kept)]
    said = re.search(r"Shortened: (\d+) rows left out, because a summary may hold 900 KiB", cut)
    assert said is not None
    assert int(said[1]) == len(whole) - len(kept) > 0
    assert cut.endswith("**\n")


LINES = st.lists(st.text("aé日|", max_size=30).map(lambda line: f"| {line}"), max_size=60)


@given(lines=LINES, room=st.integers(0, 1500))
def test_a_shortened_text_always_fits_and_never_ends_inside_a_row(lines: list[str], room: int) -> None:
    text = "\n".join(lines) + "\n"
    short = shortened(text, room)
    assert len(short.encode()) <= room
    kept = rows(short)
    assert kept == lines[: len(kept)]
    if short and short != text:
        missing = len(lines) - len(kept)
        assert f"{missing} row{'' if missing == 1 else 's'} left out" in short


@pytest.mark.parametrize("room", [-5, 0, 10])
def test_where_nothing_fits_nothing_is_written(room: int) -> None:
    assert shortened("| a\n" * 100, room) == ""
