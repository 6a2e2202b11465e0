"""Names for xargs: one a line, each once, nothing beside them."""

from __future__ import annotations

from report.judged import judged, one_of_each

from hveadmin.report.document import Report, Section, Table, unread_tenant
from hveadmin.report.query import query
from hveadmin.report.render import render


def names(*columns: str, rows: tuple[tuple[str, ...], ...]) -> list[str]:
    return render(Report("sample", {}, (Section(Table(columns, rows)),)), "name").splitlines()


def test_accounts_are_named_by_their_address_each_once() -> None:
    rows = (("contoso", "hve-b@c.com", "1"), ("contoso", "hve-a@c.com", "2"), ("contoso", "hve-b@c.com", "3"))
    assert names("tenant", "account", "application", rows=rows) == ["hve-b@c.com", "hve-a@c.com"]


def test_applications_are_named_by_their_id_because_anybody_may_choose_a_name() -> None:
    assert names("tenant", "application", "id", rows=(("contoso", "Payroll", "7d0e"),)) == ["7d0e"]


def test_tenants_are_named_by_their_alias() -> None:
    assert names("tenant", "domain", rows=(("contoso", "contoso.com"),)) == ["contoso"]


def test_anything_else_is_named_by_its_first_column() -> None:
    assert names("profile", "kind", rows=(("prod", "certificate"),)) == ["prod"]


def test_a_line_is_a_name_and_nothing_else() -> None:
    assert names("thing", rows=(("a\nb",), ("",), ("\x1b[31mc",))) == [r"a\nb", r"\x1b[31mc"]


def test_nothing_is_no_line() -> None:
    assert render(Report("sample", {}, (Section(Table(("account",))),)), "name") == ""


def test_a_tenant_that_could_not_be_read_is_no_name() -> None:
    assert render(unread_tenant("accounts", ("tenant", "account", "state"), "fabrikam", "why"), "name") == ""


def test_a_query_gives_a_value_a_line() -> None:
    assert render(query(judged(one_of_each()), "findings[].rule"), "name") == "HVE201\n"
