"""The shapes that a list may have on the wire, as pypsrp reads them, and arguments as they come in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import pytest
from management_host import WinRmClient, call
from psrpcore.types import PSGuid, PSInt, PSList, PSSecureString, PSString
from pypsrp.complex_objects import GenericComplexObject

from hveadmin.sandbox.faults import Switches
from hveadmin.sandbox.psrp.values import plain, shown

NONE, ONE, TWO = "hve-alert-db@contoso.com", "hve-shop@contoso.com", "hve-payroll@contoso.com"
APP = "1bd39b26-c74d-5862-b750-862b2b7bc8e6"
SHAPES = get_args(get_type_hints(Switches)["psrp_allowed_apps"])


@pytest.mark.parametrize(
    ("shape", "one", "none"),
    [
        pytest.param("object_array", [APP], [], id="object_array"),
        pytest.param("array_list", [APP], [], id="array_list"),
        pytest.param("guid_array", [uuid.UUID(APP)], [], id="guid_array"),
        pytest.param("guid_list", [uuid.UUID(APP)], [], id="guid_list"),
        pytest.param("single_string", APP, [], id="single_string"),
    ],
)
def test_pypsrp_reads_the_list_in_this_shape(
    host: WinRmClient, switch: Callable[..., None], shape: str, one: object, none: object
) -> None:
    switch(psrp_allowed_apps=shape)
    with host.exchange() as pool:
        assert allowed_apps(pool, ONE) == one
        assert allowed_apps(pool, NONE) == none


@pytest.mark.parametrize("shape", ["multi_valued_property", "null_when_empty"])
def test_a_type_that_pypsrp_does_not_know_comes_as_raw_xml(
    host: WinRmClient, switch: Callable[..., None], shape: str
) -> None:
    switch(psrp_allowed_apps=shape)
    with host.exchange() as pool:
        found = allowed_apps(pool, ONE)
        empty = allowed_apps(pool, NONE)
    assert isinstance(found, GenericComplexObject)
    assert found.property_sets == [f"<LST><G>{APP}</G></LST>"]
    assert found.types[0].startswith("Microsoft.Exchange.Data.MultiValuedProperty`1[[System.Guid, ")
    assert empty is None if shape == "null_when_empty" else empty.property_sets == ["<LST />"]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_holds_every_application(shape: str) -> None:
    ids = tuple(uuid.UUID(int=number) for number in (1, 2))
    switches = Switches.parse({"psrp_allowed_apps": shape})
    listed = shown({"AllowedApps": ids}, "Some.Type", switches).properties["AllowedApps"]
    assert [str(each) for each in getattr(listed, "items", ())] == [str(each) for each in ids]


def test_properties_may_be_the_types_own(host: WinRmClient, switch: Callable[..., None]) -> None:
    switch(psrp_properties="adapted")
    with host.exchange() as pool:
        (found,) = call(pool, "Get-HVEAccountSettings", Identity=ONE).output
    assert set(found.adapted_properties) == {"Identity", "AllowedApps", "ReplyTo"}
    assert found.extended_properties == {}


def allowed_apps(pool: Any, account: str) -> Any:
    (found,) = call(pool, "Get-HVEAccountSettings", Identity=account).output
    return found.extended_properties["AllowedApps"]


@pytest.mark.parametrize(
    ("came", "is_plain"),
    [
        pytest.param(None, None, id="nothing"),
        pytest.param(False, False, id="bool"),
        pytest.param(PSInt(5), 5, id="number"),
        pytest.param(PSString("text"), "text", id="text"),
        pytest.param(PSGuid(APP), APP, id="GUID"),
        pytest.param(PSList([PSGuid(APP), PSString("a")]), [APP, "a"], id="list"),
        pytest.param({PSString("Add"): PSList([])}, {"Add": []}, id="dictionary"),
    ],
)
def test_an_argument_becomes_plain(came: object, is_plain: object) -> None:
    became = plain(came)
    assert became == is_plain
    assert type(became) is type(is_plain)


def test_a_secure_string_never_becomes_its_secret() -> None:
    assert plain(PSSecureString("hunter2")) == "System.Security.SecureString"
