"""Identifiers are parsed once, and the three look-alikes are types of their own."""

import pytest

from hveadmin.domain.ids import Address, ClientId, Guid, NotAGuid, NotAnAddress, ObjectId

CANONICAL = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"


@pytest.mark.parametrize("text", [CANONICAL, CANONICAL.upper(), f"{{{CANONICAL}}}", f"  {CANONICAL}\n"])
def test_a_guid_is_read_as_people_paste_it(text: str) -> None:
    assert str(ObjectId.parse(text)) == CANONICAL


@pytest.mark.parametrize("text", ["", "payroll", CANONICAL[:-1], CANONICAL + "0", f"{{{CANONICAL}", "３" * 36])
def test_what_is_no_guid_is_refused(text: str) -> None:
    with pytest.raises(NotAGuid):
        Guid.parse(text)


def test_look_alikes_are_never_equal() -> None:
    look_alike: object = ClientId.parse(CANONICAL)  # typed away: mypy refuses even to compare the two
    assert ObjectId.parse(CANONICAL) != look_alike


def test_addresses_are_compared_without_regard_to_case() -> None:
    assert Address.parse("HVE-Payroll@Contoso.com") == Address.parse(" hve-payroll@contoso.com")


@pytest.mark.parametrize("text", ["", "payroll", "a@b@c", "a b@c.com", "a\x00@b.com", "@b.com", "a@"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotAnAddress):
        Address.parse(text)
