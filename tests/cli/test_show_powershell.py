"""--show-powershell: the calls that would be made, for whoever has to approve them."""

from __future__ import annotations

import pytest
from cli.scenes import CHANGES_ALL, CLOSES_ONE, MONITORING, OPEN_ACCOUNT, PAYROLL, SHOP, SHOP_ACCOUNT
from cli.terminal import Terminal
from powershell_grammars import GRAMMARS, parsed

ADD = f"Add-HVEAppAccess -Identity '{OPEN_ACCOUNT}' -AppIds '{MONITORING}'"


def test_plan_shows_them_below_the_plan(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    assert "Add-HVEAppAccess" not in terminal.hveadmin("plan").ends_with(0).out
    shown = terminal.hveadmin("plan", "--show-powershell").ends_with(0).out
    assert f"  Connect-ExchangeOnline\n  {ADD}\n" in shown


def test_programs_get_them_as_lines(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    assert "powershell" not in terminal.hveadmin("plan", "-o", "json").json
    lines = [each["line"] for each in terminal.hveadmin("plan", "--show-powershell", "-o", "json").json["powershell"]]
    assert lines == ["Connect-ExchangeOnline", ADD]


def test_apply_shows_them_before_it_asks(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("apply", "--show-powershell", answer="n").ends_with(6)
    assert ran.err.index(ADD) < ran.err.index("Change 1 account?")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("grant", SHOP_ACCOUNT, PAYROLL), f"Add-HVEAppAccess -Identity '{SHOP_ACCOUNT}' -AppIds '{PAYROLL}'"),
        (
            ("revoke", "hve-payroll@contoso.com", MONITORING),
            f"Remove-HVEAppAccess -Identity 'hve-payroll@contoso.com' -AppIds '{MONITORING}' -Confirm:$false",
        ),
    ],
)
def test_one_offs_show_theirs(terminal: Terminal, words: tuple[str, ...], line: str) -> None:
    ran = terminal.hveadmin("account", *words, "-p", "operator", "--show-powershell", answer="n").ends_with(6)
    assert line in ran.err


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_the_whole_of_a_large_plan_is_powershell(terminal: Terminal, grammar: str) -> None:
    terminal.write("hve.yaml", CHANGES_ALL)
    lines = terminal.hveadmin("plan", "--show-powershell", "-o", "json").json["powershell"]
    assert len(lines) > 14
    assert not parsed(grammar, "\n".join(each["line"] for each in lines)).has_error


def test_a_refused_change_is_not_among_them(terminal: Terminal) -> None:
    ran = terminal.hveadmin("account", "revoke", SHOP_ACCOUNT, SHOP, "-p", "operator", "--show-powershell").ends_with(6)
    assert "Remove-HVEAppAccess" not in ran.said
