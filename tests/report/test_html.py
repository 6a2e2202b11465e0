"""The HTML page: unknown first, worst next, nothing that acts, and everything in its place; browser.py opens it."""

from __future__ import annotations

import html.parser
import os
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from builders import NOW, TENANT
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from report.hostile_text import HOSTILE
from report.judged import SCOPE, finding, judged, one_of_each
from report.samples import HOSTILE as NAMES
from report.samples import access_report

import hveadmin.report
from hveadmin.domain.finding import Severity, Verdict
from hveadmin.report.document import Cover, Report, Row, Scope, Section, Span, Table, together, unread_tenant
from hveadmin.report.formats.html import _template
from hveadmin.report.query import query
from hveadmin.report.render import render
from hveadmin.report.safe_text import for_console
from hveadmin.report.style import Tone

GOLDEN = Path(__file__).parent / "golden-html" / "exposure.html"
TEMPLATES = sorted((Path(hveadmin.report.__file__).parent / "html").glob("*.html.j2"))
_VOID = {"meta", "link", "br"}
_BOXES = {"td", "th", "dt", "dd", "p", "li", "div", "h1", "h2", "h3"}


@dataclass
class Element:
    """An element with what is in it."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.inside)

    @property
    def words(self) -> str:
        """The text as it is read: what stands in boxes of their own is apart."""
        return " ".join(self._spaced().split())

    def _spaced(self) -> str:
        apart = " " if self.tag in _BOXES else ""
        inside = (each if isinstance(each, str) else each._spaced() for each in self.inside)
        return f"{apart}{''.join(inside)}{apart}"

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        """Every element inside with this tag and these attributes, in order; `id_` and `class_` for what Python has."""
        attributes = {name.rstrip("_"): value for name, value in wanted.items()}
        found = []
        for each in self.inside:
            if isinstance(each, Element):
                fits = all(value in each.attributes.get(name, "").split() for name, value in attributes.items())
                found += [each] * (fits and tag in ("", each.tag))
                found += each.all(tag, **wanted)
        return found

    def one(self, tag: str = "", **wanted: str) -> Element:
        (found,) = self.all(tag, **wanted)
        return found


class Page(html.parser.HTMLParser):
    """A page as a tree. It must be closed properly, up to what HTML lets open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("")
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert [each.tag for each in self.open] == [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th") and self.open[-1].tag == "td":
            self.open.pop()
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr" and self.open[-1].tag == "td":
            self.open.pop()
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def page(report: Report) -> Element:
    return Page(render(report, "html")).root


def elements(element: Element) -> Counter[tuple[str, ...]]:
    """How many elements there are of each tag with each set of attributes."""
    return Counter((each.tag, *sorted(each.attributes)) for each in element.all())


def plain(*rows: Row, table: Table | None = None, **changes: object) -> Report:
    section = Section(table or Table(("name",), (("a",),)), text=rows or None, **changes)  # type: ignore[arg-type]
    return Report("sample", {}, (section,))


# What comes first


def test_what_could_not_be_found_out_stands_before_every_finding() -> None:
    root = page(judged(one_of_each()))
    ids = [each.attributes["id"] for each in root.all("section")]
    assert ids.index("unknown") < ids.index("findings") < ids.index("waived")
    assert root.one(class_="word").words == "■ Fails"
    assert "1 UNKNOWN, which is no pass" in root.one(class_="verdict").words


def test_an_unread_tenant_and_unread_accounts_are_unknown_though_no_rule_said_so() -> None:
    lost = Scope("fabrikam", why_unread="AADSTS7000215")
    part = replace(SCOPE, unreadable=("hve-a@contoso.com",))
    root = page(judged([], part, lost))
    assert root.one(class_="word").words == "▲ Incomplete"
    unknown = root.one(id_="unknown").words
    assert "AADSTS7000215" in unknown
    assert "hve-a@contoso.com" in unknown


def test_a_report_without_findings_says_first_what_could_not_be_read() -> None:
    columns = ("tenant", "state")
    read = Report(
        "accounts",
        {"accounts": [], "unknown": [{"tenant": "contoso", "account": "hve-b@contoso.com", "why": "timed out"}]},
        (Section(Table(columns, (("contoso", "restricted"),))),),
        cover=Cover((replace(SCOPE, unreadable=("hve-a@contoso.com",)),)),
    )
    root = page(together([read, unread_tenant("accounts", columns, "fabrikam", "throttled")]))
    told = [each.words for each in root.one(id_="unread").all("li")]
    assert told == [
        "fabrikam: throttled",
        "contoso hve-a@contoso.com: its list could not be read",
        "contoso hve-b@contoso.com: timed out",
    ]


@pytest.mark.parametrize(
    ("findings", "word"),
    [
        ([finding(Verdict.PASS)], "✓ Passes"),
        ([finding(Verdict.WAIVED)], "✓ Passes"),
        ([finding(severity=Severity.LOW)], "✓ Passes"),
        ([finding(severity=Severity.LOW), finding(Verdict.UNKNOWN, number=2)], "▲ Incomplete"),
        ([finding(), finding(Verdict.UNKNOWN, number=2)], "■ Fails"),
    ],
)
def test_the_verdict_is_a_word_and_a_sign(findings: list[object], word: str) -> None:
    assert page(judged(findings)).one(class_="word").words == word  # type: ignore[arg-type]


# Findings


def test_failures_stand_under_their_severity_the_worst_first() -> None:
    root = page(judged(one_of_each()))
    headings = [each.one("h3").words for each in root.all("section", class_="severity")]
    assert headings == ["Critical 1", "High 1", "Medium 1", "Low 1", "Info 1"]


def test_a_finding_says_where_what_and_what_next_and_where_it_is_written() -> None:
    row = page(judged([finding()])).one(id_="findings-high").one("tbody").one("tr")
    where, what, following, place = (each.words for each in row.inside if isinstance(each, Element))
    assert where == "contoso hve-n1@contoso.com Payroll Mailer 00000000-0000-4000-8000-000000000001"
    assert what == "Payroll Mailer is in no entry of apps of: 10"
    assert following == "hveadmin app whatis 00000000-0000-4000-8000-000000000001"
    assert row.one("code", class_="command").words == following
    assert place == "hve.yaml:52"


def test_the_page_of_each_rule_that_found_something_is_folded_below() -> None:
    root = page(judged([finding(), finding(Verdict.PASS, rule="HVE101", number=2)]))
    assert [each.attributes["id"] for each in root.one(id_="rules").all("details")] == ["rule-HVE201"]
    assert root.one(id_="findings-high").one("a").attributes["href"] == "#rule-HVE201"
    assert len(root.one(id_="rule-HVE201").words) > 200


def test_a_rule_that_this_version_does_not_have_is_no_error() -> None:
    root = page(judged([finding(rule="HVE999")]))
    assert root.one(id_="rule-HVE999").words == "HVE999 This version of hveadmin has no such rule."


def test_what_was_waived_stands_apart_with_whose_word_and_until_when() -> None:
    root = page(judged([finding(Verdict.WAIVED)]))
    waived = root.one(id_="waived").one("tbody").words
    for word in ("Trial of Payroll Mailer", "lab@contoso.com", "RISK-221", "2026-12-15", "hve.yaml:30"):
        assert word in waived
    assert root.one(id_="findings").words == "Findings (0) No rule failed."


def test_every_rule_that_was_applied_is_counted_the_good_ones_too() -> None:
    root = page(judged(one_of_each()))
    (row,) = root.one(id_="tallies").one("tbody").all("tr")
    assert [each.words for each in row.all("td", class_="number")] == ["5", "1", "1", "1", "1"]


def test_a_table_that_lists_the_findings_again_is_left_out() -> None:
    report = judged(one_of_each())
    again = replace(report.sections[0], is_findings=True)
    assert len(page(report).all("section", class_="part")) == 1
    assert page(replace(report, sections=(again,))).all("section", class_="part") == []


# Sections


def test_text_takes_the_place_of_the_table_which_is_folded_below_it() -> None:
    report = plain(Row((Span("hve-a@contoso.com", Tone.STRONG), "0 → 1 of 10"), "account", 2))
    part = page(report).one(id_="part-1")
    assert part.one(class_="lines").words == "hve-a@contoso.com 0 → 1 of 10"
    assert part.one("details").one("tbody").words == "a"


def test_a_table_that_says_more_than_the_text_for_terminals_stands_in_its_place() -> None:
    part = page(plain(Row(("see the table",)), wide=True)).one(id_="part-1")
    assert part.all("details") == []
    assert part.one("tbody").words == "a"
    assert "see the table" not in part.words


def test_the_first_line_up_to_its_last_strong_word_is_the_heading() -> None:
    line = Row(("contoso", Span("hve-a@contoso.com", Tone.STRONG), "3 of 10"))
    part = page(plain(heading=(line, Row(("and more",))))).one(id_="part-1")
    assert part.one("h2").words == "contoso hve-a@contoso.com"
    assert part.one(class_="beside").words == "3 of 10"
    assert "and more" in part.words


@pytest.mark.parametrize(("tone", "sign"), [(Tone.WARNING, "warning"), (Tone.LOUD, "alarm")])
def test_a_loud_tone_has_a_sign_and_a_word_besides_its_colour(tone: Tone, sign: str) -> None:
    cell = page(plain(table=Table(("state",), ((Span("OPEN", tone),),)))).one("td")
    assert cell.one(role="img").attributes["aria-label"] == sign
    assert cell.one(role="img").text in "▲■"


def test_an_empty_table_says_that_there_is_nothing() -> None:
    assert (
        "Nothing to list under: account, who may send." in page(plain(table=Table(("account", "who_may_send")))).words
    )


def test_columns_to_fill_in_are_empty_cells_on_every_row() -> None:
    part = page(plain(table=Table(("what",), (("a",), ("b",))), fill_in=("by_when", "done"))).one(id_="part-1")
    assert [each.words for each in part.all("th")] == ["what", "by when", "done"]
    assert [each.words for each in part.all("td", class_="by-hand")] == [""] * 4


def test_a_command_to_type_stands_out_but_a_name_that_looks_like_one_does_not() -> None:
    command = "az ad app delete --id 1"
    rows = page(plain(Row((command,)), Row((command, "an application"), "pair"))).one(id_="part-1")
    assert [each.words for each in rows.all("code", class_="command")] == [command]
    assert page(plain(table=Table(("name",), ((command,),)))).all("code") == []


def test_the_cover_says_when_by_whom_with_what_and_of_what() -> None:
    cover = Cover((SCOPE,), NOW, "anna on audit-01", "0.3", (("cloud", "worldwide"),), (Row(("All is well.",)),))
    root = page(replace(plain(), title="Inventory", cover=cover))
    first = root.one(class_="first").words
    assert first.startswith("Inventory Made 2026-11-23T10:14:07Z by anna on audit-01 All is well.")
    assert all(each in first for each in (TENANT.value, "auditor@contoso.com", "cloud worldwide", "hveadmin 0.3"))
    assert root.one("title").text == "Inventory – hveadmin"


def test_of_several_tenants_all_scopes_and_each_fact_once_are_on_one_cover() -> None:
    parts = [
        replace(plain(), cover=Cover((replace(SCOPE, tenant=name),), facts=(("cloud", "worldwide"),)))
        for name in ("contoso", "fabrikam")
    ]
    first = page(together(parts)).one(class_="first")
    assert [each.words for each in first.all("th", scope="row")] == ["contoso", "fabrikam"]
    assert [each.words for each in first.all("dt")] == ["cloud"]


def test_what_a_query_picks_out_is_a_table() -> None:
    report = Report("sample", {"things": [{"name": "<b>"}]}, plain().sections)
    assert Page(render(query(report, "things"), "html")).root.one("td").words == "<b>"


# Matrix and map


def test_open_accounts_come_first_then_the_unknown_and_neither_is_a_blank() -> None:
    rows = page(access_report(12, 9)).one("table", class_="by-account").one("tbody").all("tr")
    assert rows[0].words == "hve-invoices-003@contoso.com noc@contoso.com 0 of 10 ■ OPEN: any application may send"
    assert rows[1].words.endswith("UNKNOWN ▲ UNKNOWN: throttled after 5 tries (request-id 3c0a9f)")
    assert all(cell.words for row in rows for cell in row.inside if isinstance(cell, Element))


def test_no_cell_of_a_matrix_is_blank() -> None:
    for table in page(access_report(40, 70)).all("table", class_="matrix"):
        cells = [each.words for each in table.one("tbody").all("td")]
        assert set(cells) == {"●", "–"}


def test_a_matrix_of_one_sheet_has_its_open_and_unknown_accounts_across_all_columns() -> None:
    table = page(access_report(12, 9)).one("table", class_="matrix")
    spans = [each.attributes["colspan"] for each in table.all("td") if "colspan" in each.attributes]
    assert spans == [str(len(table.one("thead").all("th")) - 1)] * 2


def test_both_lists_name_every_account_and_every_application() -> None:
    root = page(access_report(40, 70))
    assert len(root.one("table", class_="by-account").one("tbody").all("tr")) == 40
    listed = {each.words for each in root.one("table", class_="by-application").all("code")}
    assert len(listed) == len(root.one("table", class_="by-application").one("tbody").all("tr"))


def test_pictures_are_drawn_and_written_as_mermaid() -> None:
    figure, *_ = page(access_report(12, 9)).all("figure")
    assert figure.one("svg").attributes["role"] == "img"
    assert figure.one("pre").text.startswith("flowchart LR\n")


def test_markdown_has_the_picture_as_a_block_that_no_name_ends() -> None:
    written = render(access_report(12, 9, NAMES), "md")
    (block,) = re.findall(r"^```mermaid\n(.*?)^```$", written, re.MULTILINE | re.DOTALL)
    assert block.startswith("flowchart LR\n")
    assert "`" not in block


# Nothing that acts


def test_the_page_forbids_itself_everything_but_its_style() -> None:
    root = page(access_report(12, 9, NAMES))
    policy = root.all("meta")[1]
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    for tag in ("script", "img", "iframe", "object", "embed", "form", "base", "audio", "video"):
        assert root.all(tag) == []
    assert [each.attributes["href"] for each in root.all("link")] == ["data:,"]


@settings(max_examples=25)
@given(names=st.lists(HOSTILE.filter(lambda name: name != ""), min_size=9, max_size=9, unique=True))
def test_no_name_changes_what_the_page_is_made_of(names: list[str]) -> None:
    harmless = [f"name{number}" for number in range(9)]
    hostile, benign = (page(access_report(12, 9, each)) for each in (names, harmless))
    assert elements(hostile) == elements(benign)


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_is_shown_as_text(name: str) -> None:
    root = page(plain(table=Table(("name",), ((name,),)), title=name))
    assert root.one("td").text.strip() == for_console(name)
    assert root.one(id_="part-1-title").text == for_console(name)
    assert root.one(class_="scroll").attributes["aria-label"] == f"{for_console(name)}, table"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_can_print_anything_raw(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*(safe|forceescape|tojson)\b|autoescape|Markup|<script|\son\w+=|javascript:", text)
    for attribute in re.findall(r"=\{\{|=[^\"'\s>]*\{\{", re.sub(r"\{%.*?%\}", "", text)):
        raise AssertionError(f"an attribute without quotes: {attribute}")


def test_a_template_that_asks_for_what_is_not_there_fails() -> None:
    with pytest.raises(UndefinedError):
        _template().environment.from_string("{{ page.missing }}").render(page=Cover())


# What a reader's tools need


@pytest.mark.parametrize("report", [access_report(12, 9), access_report(40, 70), judged(one_of_each()), plain()])
def test_headings_go_down_one_at_a_time_and_ids_are_unique(report: Report) -> None:
    text = render(report, "html")
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert set(" ".join(re.findall(r'aria-labelledby="([^"]+)"', text)).split()) <= set(ids)


@pytest.mark.parametrize("report", [access_report(12, 9), judged(one_of_each()), plain()])
def test_every_table_has_a_caption_and_headers_that_say_what_they_head(report: Report) -> None:
    for table in page(report).all("table"):
        assert table.one("caption").words
        assert all(each.attributes.get("scope") in ("col", "row") for each in table.all("th"))


def test_a_small_page_is_written_as_it_was_agreed() -> None:
    text = re.sub(r"(?s)(<style>).*(</style>)", r"\1\2", render(access_report(4, 3, ["<b>Payroll</b>"]), "html"))
    # The pages of the rules are the rules' own, and change with them.
    text = re.sub(r'(?s)(<details id="rule-\w+" class="page">).*?(</details>)', r"\1\2", text)
    if os.environ.get("HVEADMIN_REFRESH_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_bytes(text.encode())
    assert text == GOLDEN.read_bytes().decode()
