"""
Every shape that PowerShell can return for a list, read by both libraries and by one normaliser.

The CLIXML is written here by hand, from MS-PSRP 2.2.5: neither library made it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psrpcore import types as psrp
from pypsrp.serializer import Serializer

from hveadmin.domain.ids import ObjectId
from hveadmin.domain.tenant import Known, Unknown
from hveadmin.exchange.cmdlet import allowed_apps, listed_accounts
from hveadmin.exchange.powershell.values import plain, record

ONE, TWO = "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa", "d2a4c6e8-1b3f-4d5a-8c7e-9f10a2b30e71"
MVP = "Microsoft.Exchange.Data.MultiValuedProperty`1[[System.Guid, mscorlib, Version=4.0.0.0]]"


def pypsrp(xml: str) -> Any:
    return Serializer().deserialize(xml)


def psrpcore(xml: str) -> Any:
    from psrpcore.types._serializer import deserialize  # what its pools read messages with

    return deserialize(ElementTree.fromstring(xml), psrp_cipher())  # noqa: S314 - of our own


def psrp_cipher() -> Any:
    from psrpcore._crypto import PSRemotingCrypto

    return PSRemotingCrypto()


READERS = [pytest.param(pypsrp, id="pypsrp"), pytest.param(psrpcore, id="psrpcore")]
both = pytest.mark.parametrize("read", READERS)
Read = Callable[[str], Any]


def settings(allowed: str, bag: str = "MS") -> str:
    """An object with this property, and another."""
    types = "<TN RefId='0'><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>"
    return f"<Obj RefId='0'>{types}<{bag}><S N='Identity'>hve-payroll</S>{allowed}</{bag}></Obj>"


def a_list(type_name: str, *items: str, tag: str = "LST", more: str = "") -> str:
    types = f"<TN RefId='1'><T>{type_name}</T><T>System.Object</T></TN>"
    return f"<Obj N='AllowedApps' RefId='1'>{types}<{tag}>{''.join(items)}</{tag}>{more}</Obj>"


def guids(*ids: str) -> list[str]:
    return [f"<G>{each}</G>" for each in ids]


def an_object(inside: str) -> str:
    """An entry of a list."""
    return f"<Obj RefId='2'><TN RefId='2'><T>X</T><T>System.Object</T></TN>{inside}</Obj>"


def texts(*ids: str) -> list[str]:
    return [f"<S>{each}</S>" for each in ids]


LISTS = {
    "MultiValuedProperty of GUIDs": a_list(MVP, *guids(ONE, TWO)),
    "MultiValuedProperty of texts": a_list(MVP, *texts(ONE, TWO)),
    "MultiValuedProperty, deserialised once more": a_list(f"Deserialized.{MVP}", *guids(ONE, TWO)),
    "MultiValuedProperty with properties": a_list(MVP, *guids(ONE, TWO), more="<MS><I32 N='Count'>2</I32></MS>"),
    "MultiValuedProperty with a text": a_list(MVP, *guids(ONE, TWO), more="<ToString>a, b</ToString>"),
    "Object[]": a_list("System.Object[]", *texts(ONE, TWO)),
    "Object[] of GUIDs": a_list("System.Object[]", *guids(ONE, TWO)),
    "ArrayList": a_list("System.Collections.ArrayList", *texts(ONE, TWO)),
    "Guid[]": a_list("System.Guid[]", *guids(ONE, TWO)),
    "List<Guid>": a_list("System.Collections.Generic.List`1[[System.Guid, mscorlib]]", *guids(ONE, TWO)),
    "IEnumerable": a_list("System.Linq.Enumerable+Iterator`1", *guids(ONE, TWO), tag="IE"),
    "Stack": a_list("System.Collections.Stack", *texts(ONE, TWO), tag="STK"),
    "Queue": a_list("System.Collections.Queue", *texts(ONE, TWO), tag="QUE"),
    "one text with both": f"<S N='AllowedApps'>{ONE}, {TWO}</S>",
    "PowerShell's text for a list": f"<S N='AllowedApps'>{{{ONE}, {TWO}}}</S>",
    "in capitals": a_list("System.Object[]", *texts(ONE.upper(), TWO.upper())),
    "in braces": a_list("System.Object[]", *texts(f"{{{ONE}}}", f"{{{TWO}}}")),
}


@both
@pytest.mark.parametrize("bag", ["MS", "Props"], ids=["extended", "adapted"])
@pytest.mark.parametrize("shape", LISTS)
def test_a_list_of_two_is_those_two_in_every_shape(read: Read, shape: str, bag: str) -> None:
    found = record(read(settings(LISTS[shape], bag)))
    assert found is not None
    assert allowed_apps([found]) == Known(frozenset({ObjectId.parse(ONE), ObjectId.parse(TWO)}))


ALONE = {
    "a single text": f"<S N='AllowedApps'>{ONE}</S>",
    "a single GUID": f"<G N='AllowedApps'>{ONE}</G>",
    "a list of one": a_list(MVP, *guids(ONE)),
    "an object with the GUID in it": (
        "<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>Microsoft.Exchange.Data.Directory.ADObjectId</T>"
        f"<T>System.Object</T></TN><ToString>Payroll</ToString><Props><G N='Guid'>{ONE}</G></Props></Obj>"
    ),
    "a list of such an object, with other ids before its own": a_list(
        MVP, an_object(f"<ToString>Payroll</ToString><Props><G N='DomainId'>{TWO}</G><G N='Guid'>{ONE}</G></Props>")
    ),
}


@both
@pytest.mark.parametrize("shape", ALONE)
def test_a_list_of_one_is_that_one(read: Read, shape: str) -> None:
    found = record(read(settings(ALONE[shape])))
    assert found is not None
    assert allowed_apps([found]) == Known(frozenset({ObjectId.parse(ONE)}))


EMPTY = {
    "null": "<Nil N='AllowedApps' />",
    "an empty MultiValuedProperty": a_list(MVP),
    "an empty Object[]": a_list("System.Object[]"),
    "an empty ArrayList": a_list("System.Collections.ArrayList"),
    "an empty IEnumerable": a_list("X", tag="IE"),
}


@both
@pytest.mark.parametrize("shape", EMPTY)
def test_what_is_there_and_empty_is_empty(read: Read, shape: str) -> None:
    found = record(read(settings(EMPTY[shape])))
    assert found is not None
    assert allowed_apps([found]) == Known(frozenset())


UNREADABLE = {
    "not there": "",
    "an empty text": "<S N='AllowedApps'></S>",
    "another text": "<S N='AllowedApps'>System.Object[]</S>",
    "a number": "<I32 N='AllowedApps'>2</I32>",
    "no": "<B N='AllowedApps'>false</B>",
    "a name on the list": a_list(MVP, *guids(ONE), "<S>Payroll Mailer</S>"),
    "nothing on the list": a_list(MVP, *guids(ONE), "<Nil />"),
    "a number on the list": a_list(MVP, "<I32>1</I32>"),
    "an object that is only called something": (
        f"<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>{MVP}</T></TN><ToString>MultiValuedProperty</ToString></Obj>"
    ),
    "an object with nothing in it": f"<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>{MVP}</T></TN></Obj>",
    "an object with other properties": (
        "<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>X</T></TN><MS><I32 N='Count'>0</I32></MS></Obj>"
    ),
    "a dictionary of an unknown type": (
        "<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>X</T><T>System.Object</T></TN><DCT></DCT></Obj>"
    ),
    "an object that wraps another": (
        "<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>X</T><T>System.Object</T></TN>"
        "<Obj RefId='2'><TN RefId='2'><T>Y</T></TN></Obj></Obj>"
    ),
    "a list whose entry is a list": a_list(MVP, an_object(f"<LST>{''.join(guids(ONE, TWO))}</LST>")),
    "a list whose entry is an empty list": a_list(MVP, an_object("<LST />")),
    "an array whose entry is a list": a_list("System.Object[]", an_object(f"<LST>{''.join(guids(ONE))}</LST>")),
    "a list whose entry has only somebody else's id": a_list(
        MVP, an_object(f"<ToString>Payroll</ToString><Props><G N='DomainId'>{TWO}</G></Props>")
    ),
    "an array cut short": f"<S N='AllowedApps'>{{{ONE}, {TWO}...}}</S>",
    "a separator at the end": f"<S N='AllowedApps'>{ONE},</S>",
    "an object with an id under another name": (
        f"<Obj N='AllowedApps' RefId='1'><TN RefId='1'><T>X</T></TN><MS><G N='Id'>{ONE}</G></MS></Obj>"
    ),
    "an object without anything": "<Obj N='AllowedApps' RefId='1'><MS /></Obj>",
    "a text that looks like a list": "<S N='AllowedApps'>&lt;LST /&gt;</S>",
    "a list whose entry is an object": a_list(MVP, "<Obj RefId='2'><TN RefId='2'><T>X</T></TN></Obj>"),
}


@both
@pytest.mark.parametrize("shape", UNREADABLE)
def test_what_cannot_be_read_is_unknown_and_never_empty(read: Read, shape: str) -> None:
    found = record(read(settings(UNREADABLE[shape])))
    assert found is not None
    assert isinstance(allowed_apps([found]), Unknown)


@both
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<S>caf\u00e9 _x000A_ _xD83D__xDCE8_ _x005F_x0041_</S>", "caf\u00e9 \n \U0001f4e8 _x0041_"),
        ("<B>true</B>", True),
        ("<I32>-3</I32>", -3),
        ("<I64>9007199254740993</I64>", 9007199254740993),
        ("<Db>1.5</Db>", 1.5),
        (f"<G>{ONE.upper()}</G>", ONE),
        ("<Nil />", None),
        (
            "<Obj RefId='0'><TN RefId='0'><T>Microsoft.Exchange.Data.State</T><T>System.Enum</T><T>System.ValueType</T>"
            "<T>System.Object</T></TN><ToString>Enabled</ToString><I32>1</I32></Obj>",
            "Enabled",
        ),
        (
            "<Obj RefId='0'><TN RefId='0'><T>Microsoft.Exchange.Data.SmtpAddress</T><T>System.Object</T></TN>"
            "<ToString>a@contoso.com</ToString><Props><S N='Local'>a</S><S N='Domain'>contoso.com</S></Props></Obj>",
            "a@contoso.com",
        ),
        (
            "<Obj RefId='0'><TN RefId='0'><T>System.Collections.Hashtable</T></TN><DCT><En><S N='Key'>a</S>"
            "<I32 N='Value'>1</I32></En></DCT></Obj>",
            {"a": 1},
        ),
    ],
)
def test_a_value_is_as_json_has_it(read: Read, written: str, expected: object) -> None:
    assert plain(read(written)) == expected
    assert type(plain(read(written))) is type(expected)


def test_a_time_is_iso_8601_whichever_library_read_it() -> None:
    written = "<DT>2026-11-23T10:14:07.1234567Z</DT>"
    for read in (pypsrp, psrpcore):
        found = plain(read(written))
        assert isinstance(found, str)
        assert datetime.fromisoformat(found).replace(microsecond=0).isoformat() == "2026-11-23T10:14:07+00:00"


@both
def test_an_account_is_listed_from_an_object(read: Read) -> None:
    xml = (
        "<Obj RefId='0'><TN RefId='0'><T>Deserialized.Microsoft.Exchange.Data.MailUser</T>"
        "<T>Deserialized.System.Object</T></TN><ToString>x</ToString>"
        f"<Props><S N='PrimarySmtpAddress'>A@contoso.com</S><G N='Guid'>{ONE}</G></Props>"
        "<MS><S N='DisplayName'>A</S></MS></Obj>"
    )
    found = record(read(xml))
    assert found is not None
    (account,) = listed_accounts([found])
    assert (account.address.value, account.guid.value, account.display_name) == ("a@contoso.com", ONE, "A")


@pytest.mark.parametrize("value", ["text", 1, None, [], [1]])
def test_what_has_no_properties_is_no_record(value: object) -> None:
    assert record(value) is None


@given(st.text())
def test_any_text_comes_out_as_it_was(text: str) -> None:
    assert plain(psrp.PSString(text)) == text
