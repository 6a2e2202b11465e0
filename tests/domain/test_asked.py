"""Whatever somebody pastes is read as ids, addresses and names, each once and in its order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.asked import Asked, AskedAddress, AskedId, AskedName, asked_in, once, read_asked
from hveadmin.domain.ids import Address, Guid

A, B = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01", "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa"
ID_A, ID_B = AskedId(Guid(A)), AskedId(Guid(B))
ANNA = AskedAddress(Address("anna@contoso.com"))


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (A, ID_A),
        (f"  {{{A.upper()}}} ", ID_A),
        ("Anna@Contoso.com", ANNA),
        (" Payroll Mailer ", AskedName("Payroll Mailer")),
        (A[:-1], AskedName(A[:-1])),
        ("@everyone", AskedName("@everyone")),
        ("Payroll @ Contoso", AskedName("Payroll @ Contoso")),
    ],
)
def test_an_argument_is_an_id_an_address_or_a_name(text: str, asked: Asked) -> None:
    assert read_asked(text) == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", []),
        (" \n,;\r\n\t", []),
        (f"{A} {B}\n", [ID_A, ID_B]),
        (f"{A},{B}", [ID_A, ID_B]),
        (f"{A}\r\n{B};\t{A}", [ID_A, ID_B, ID_A]),
        (f'["{A}", "{B}"]', [ID_A, ID_B]),
        (f"@{{{A}, {B}}}", [AskedName(f"@{{{A}"), ID_B]),
        (f"({A}, {{{B}}})", [ID_A, ID_B]),
        ("Payroll (old), [red]Invoice[/red]", [AskedName("Payroll (old)"), AskedName("[red]Invoice[/red]")]),
        (f"{A} anna@contoso.com", [ID_A, ANNA]),
        ("Payroll Mailer\nReport Sender", [AskedName("Payroll Mailer"), AskedName("Report Sender")]),
        ('"Payroll Mailer", Invoice', [AskedName("Payroll Mailer"), AskedName("Invoice")]),
        (f"{A} Payroll", [ID_A, AskedName("Payroll")]),
    ],
)
def test_a_pasted_text_is_taken_apart(text: str, asked: list[Asked]) -> None:
    assert list(asked_in(text)) == asked


@given(st.lists(st.uuids().map(str)), st.sampled_from([" ", "\n", ",", "\r\n", ";", "\t", ", "]))
def test_ids_arrive_whatever_separates_them(values: list[str], between: str) -> None:
    assert [str(each) for each in asked_in(between.join(values))] == values


@given(st.text())
def test_no_text_is_refused_and_nothing_is_empty(text: str) -> None:
    assert all(str(each).strip() for each in asked_in(text))


@given(st.lists(st.sampled_from([ID_A, ID_B, ANNA, AskedName(A)])))
def test_each_is_asked_once_where_it_was_asked_first(asked: list[Asked]) -> None:
    found = once(asked)
    assert set(found) == set(asked) and len(found) == len(set(asked))
    assert sorted(found, key=asked.index) == list(found)
