"""The machine form has one shape for none, one and many, and hides nothing that could not be read."""

from __future__ import annotations

import csv
import io
import json

import pytest
from report.judged import SHOWING_ALL

from hveadmin.report import accounts, apply, apps, plan, whatis
from hveadmin.report.document import Report, Section, Table, together
from hveadmin.report.render import render

UNREAD = [
    plan.unread("fabrikam", "AADSTS7000215"),
    apply.unread("fabrikam", "AADSTS7000215"),
    *(accounts.unread(kind, "fabrikam", "AADSTS7000215") for kind in (accounts.LIST_KIND, accounts.SHOW_KIND)),
    *(apps.unread(kind, "fabrikam", "AADSTS7000215") for kind in (apps.LIST_KIND, apps.SHOW_KIND)),
    whatis.unread("fabrikam", "AADSTS7000215"),
]


def report(*names: str) -> Report:
    rows = tuple((name,) for name in names)
    return Report("sample", {"things": [{"name": name} for name in names]}, (Section(Table(("name",), rows)),))


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b")])
def test_a_list_is_a_list_whatever_its_length(names: tuple[str, ...]) -> None:
    things = [{"name": name} for name in names]
    assert report(*names).data == {"format_version": 1, "kind": "sample", "things": things}


def test_a_line_says_what_it_is() -> None:
    assert report("a").lines == [{"format_version": 1, "kind": "sample", "item": "things", "name": "a"}]


def test_tenants_together_are_one_document() -> None:
    both = together([report("a"), report(), report("b", "c")])
    assert both.data == report("a", "b", "c").data
    assert render(both, "csv") == render(report("a", "b", "c"), "csv")
    assert len(both.sections) == 3


def test_a_list_that_only_one_tenant_has_is_kept() -> None:
    both = together([report("a"), Report("sample", {"unread_tenants": [{"tenant": "x"}]}, report().sections)])
    assert both.lists == {"things": [{"name": "a"}], "unread_tenants": [{"tenant": "x"}]}


@pytest.mark.parametrize("format_name", SHOWING_ALL)
@pytest.mark.parametrize("unread", UNREAD, ids=lambda each: each.kind)
def test_a_tenant_that_could_not_be_read_is_named_in_every_format(unread: Report, format_name: str) -> None:
    text = render(unread, format_name)
    assert "fabrikam" in text
    assert "AADSTS7000215" in text


def test_a_tenant_that_could_not_be_read_stands_beside_the_others() -> None:
    known = Report(plan.KIND, {"tenants": [{"tenant": "contoso"}], "unread_tenants": []}, plan.unread("x", "").sections)
    both = together([known, plan.unread("fabrikam", "no route")])
    data = json.loads(render(both, "json"))
    assert data["tenants"] == [{"tenant": "contoso"}]
    assert data["unread_tenants"] == [{"tenant": "fabrikam", "why": "no route"}]
    assert [row["tenant"] for row in csv.DictReader(io.StringIO(render(both, "csv")))] == ["x", "fabrikam"]
