from __future__ import annotations

from uuid import UUID

import pytest
from builders import address, app, apps
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.ids import Guid, ObjectId
from hveadmin.domain.tenant import Known, ListedAccount, Unknown
from hveadmin.errors import UnreadableReply
from hveadmin.exchange.cmdlet import (
    CmdletName,
    allowed_apps,
    billing_policy_of,
    grant,
    list_accounts,
    listed_accounts,
    revoke,
    settings_of,
    without_companions,
)

ONE, TWO = app(1).value, app(2).value
BOTH = Known(apps(1, 2))
PAYROLL = address("payroll")


def guid(number: int) -> Guid:
    return Guid(app(number).value)


# The cmdlets


def test_only_add_and_remove_write() -> None:
    assert {name for name in CmdletName if name.writes} == {
        CmdletName.ADD_HVE_APP_ACCESS,
        CmdletName.REMOVE_HVE_APP_ACCESS,
    }


def test_the_cmdlets_have_the_parameters_of_the_documentation() -> None:
    assert list_accounts().parameters == {"HVEAccount": True, "ResultSize": "Unlimited"}
    assert settings_of(PAYROLL).parameters == {"Identity": PAYROLL.value}
    assert billing_policy_of(PAYROLL).parameters == {"Identity": PAYROLL.value}
    assert grant(PAYROLL, apps(2, 1)).parameters == {"Identity": PAYROLL.value, "AppIds": (ONE, TWO)}
    assert revoke(PAYROLL, apps(1)).parameters == {"Identity": PAYROLL.value, "AppIds": (ONE,), "Confirm": False}


def test_a_cmdlet_names_itself_and_its_account() -> None:
    assert str(settings_of(PAYROLL)) == f"Get-HVEAccountSettings {PAYROLL}"
    assert str(list_accounts()) == "Get-MailUser"


# The list: each shape that comes, or may come


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([ONE, TWO], id="a collection of texts"),
        pytest.param([TWO, ONE, TWO], id="in any order, one of them twice"),
        pytest.param((ONE, TWO), id="a tuple"),
        pytest.param([ONE.upper(), TWO.title()], id="mixed case"),
        pytest.param([f"{{{ONE}}}", f" {TWO} "], id="braces and blanks"),
        pytest.param([{"Guid": ONE}, {"Guid": TWO}], id="objects with a Guid"),
        pytest.param([{"Guid": ONE}, TWO], id="mixed"),
        pytest.param(f"{ONE},{TWO}", id="one text, commas"),
        pytest.param(f"{ONE} {TWO}", id="one text, blanks"),
        pytest.param(f"{ONE};\n{TWO}", id="one text, semicolons and lines"),
        pytest.param(f"{{{ONE}, {TWO}}}", id="one text as PowerShell shows a collection"),
        pytest.param([f"{ONE},{TWO}"], id="a collection of one text of several"),
    ],
)
def test_a_list_is_read_in_every_shape(value: object) -> None:
    assert allowed_apps([{"AllowedApps": value}]) == BOTH


@pytest.mark.parametrize("value", [ONE, [ONE], {"Guid": ONE}, f"{{{ONE}}}"])
def test_a_list_of_one_may_come_without_a_list(value: object) -> None:
    assert allowed_apps([{"AllowedApps": value}]) == Known(apps(1))


def test_a_collection_of_guids_with_its_companion_keys() -> None:
    record = {
        "AllowedApps@data.type": "System.Guid",
        "AllowedApps@odata.type": "#Collection(Guid)",
        "AllowedApps": [ONE],
    }
    assert allowed_apps([without_companions(record)]) == Known(apps(1))


@pytest.mark.parametrize("value", [None, [], ()])
def test_null_and_an_empty_collection_are_empty(value: object) -> None:
    known = allowed_apps([{"AllowedApps": value}])
    assert known == Known(frozenset())


def test_a_reply_without_allowed_apps_is_unknown_not_empty() -> None:
    assert allowed_apps([{"ReplyTo": ""}]) == Unknown("the settings have no AllowedApps")


def test_unless_the_profile_says_that_absent_is_empty() -> None:
    assert allowed_apps([{"ReplyTo": ""}], absent_is_empty=True) == Known(frozenset())


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("absent_is_empty", [True, False])
def test_no_record_and_two_are_unknown_whatever_the_profile_says(count: int, absent_is_empty: bool) -> None:
    records = [{"AllowedApps": [ONE]}] * count
    assert isinstance(allowed_apps(records, absent_is_empty=absent_is_empty), Unknown)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        [""],
        "{}",
        {},
        [{}],
        {"Guid": None},
        {"Guid": [ONE]},
        [[ONE]],
        [None],
        [ONE, None],
        0,
        False,
        True,
        7,
        "none",
        [ONE, "payroll"],
        f"{ONE}, and {TWO}",
        ONE[:-1],
    ],
)
def test_an_entry_that_is_no_guid_makes_the_whole_list_unknown(value: object) -> None:
    found = allowed_apps([{"AllowedApps": value}], absent_is_empty=True)
    assert isinstance(found, Unknown)
    assert found.why.startswith("AllowedApps holds something that is no GUID: ")


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Guid", "value", "x"]), inner),
    max_leaves=6,
)


@given(junk)
def test_nothing_but_null_and_an_empty_collection_is_ever_empty(value: object) -> None:
    if allowed_apps([{"AllowedApps": value}]) == Known(frozenset()):
        assert value is None or value == []


@given(st.lists(st.uuids(), min_size=1, max_size=12), st.sampled_from([", ", " ", ";"]))
def test_the_shape_does_not_change_what_is_on_the_list(ids: list[UUID], between: str) -> None:
    expected = Known(frozenset(ObjectId(str(each)) for each in ids))
    texts = [str(each) for each in ids]
    shapes: list[object] = [texts, texts[::-1], between.join(texts), [{"Guid": text.upper()} for text in texts]]
    assert [allowed_apps([{"AllowedApps": shape}]) for shape in shapes] == [expected] * 4


# The listing

RECORD = {
    "DisplayName": "Payroll",
    "PrimarySmtpAddress": "HVE-Payroll@Contoso.com",
    "ExternalDirectoryObjectId": TWO,
    "Guid": ONE,
}


def test_an_account_is_known_by_its_directory_id() -> None:
    (account,) = listed_accounts([RECORD])
    assert account == ListedAccount(PAYROLL, guid(2), "Payroll")


@pytest.mark.parametrize("missing", [None, ""])
def test_or_by_its_guid_where_it_has_none(missing: object) -> None:
    (account,) = listed_accounts([{**RECORD, "ExternalDirectoryObjectId": missing, "DisplayName": None}])
    assert (account.guid, account.display_name) == (guid(1), "")


def test_accounts_are_ordered_by_address() -> None:
    zeta = {**RECORD, "PrimarySmtpAddress": "zeta@contoso.com", "ExternalDirectoryObjectId": app(3).value}
    assert [account.address.value for account in listed_accounts([zeta, RECORD])] == [
        "hve-payroll@contoso.com",
        "zeta@contoso.com",
    ]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([{**RECORD, "PrimarySmtpAddress": ""}], "an account without an address: 'Payroll'"),
        ([{**RECORD, "PrimarySmtpAddress": None}], "an account without an address"),
        ([{**RECORD, "PrimarySmtpAddress": ["a@contoso.com"]}], "an account without an address"),
        ([{}], "an account without an address"),
        ([{**RECORD, "ExternalDirectoryObjectId": "", "Guid": ""}], "an account without an id: 'HVE-Payroll@"),
        ([{**RECORD, "ExternalDirectoryObjectId": "x"}], "an account without an id"),
        ([RECORD, {**RECORD, "ExternalDirectoryObjectId": app(3).value}], "the same address twice: hve-payroll@"),
        ([RECORD, {**RECORD, "PrimarySmtpAddress": "b@contoso.com"}], f"the same id twice: {TWO}"),
    ],
)
def test_a_listing_that_is_wrong_in_one_place_is_not_trusted(records: list[dict[str, object]], why: str) -> None:
    with pytest.raises(UnreadableReply, match=why):
        listed_accounts(records)


def test_companion_keys_are_left_out_also_inside() -> None:
    record = {"A@odata.type": "#Guid", "A@data.type": "System.Guid", "A": {"B@odata.type": "x", "B": 1}, "me@x.com": 2}
    assert without_companions(record) == {"A": {"B": 1}, "me@x.com": 2}
