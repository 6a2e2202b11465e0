"""The pictures show every permission and nothing else, are legible, and no name can break out of one."""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from builders import account, snapshot
from hypothesis import given
from hypothesis import strategies as st
from report.hostile_text import HOSTILE
from report.samples import HOSTILE as NAMES
from report.samples import made_up

from hveadmin.domain.tenant import HveAccount, Unknown
from hveadmin.report.access_map import LINES, NAMED, AccessMap, Kind, Picture, access_map, cut, mermaid_text, svg_text
from hveadmin.report.layout import display_width
from hveadmin.report.matrix import Matrix, access_matrix

ANYBODY, NOBODY = "ANY APPLICATION", "NOBODY KNOWS"


def drawn(*accounts: HveAccount) -> AccessMap:
    return access_map(access_matrix("contoso", snapshot(*accounts)))


def permissions(picture: Picture) -> set[tuple[str, str]]:
    """Who may send as whom by the picture alone: every name on the left of a link with every name on its right."""
    names = {node.key: [line.text for line in node.lines if line.detail] for node in (*picture.left, *picture.right)}
    return {(one, other) for link in picture.links for one in names[link.left] for other in names[link.right]}


def expected(matrix: Matrix) -> set[tuple[str, str]]:
    listed = {(sender.name, each.address.value) for sender in matrix.senders for each in matrix.mailboxes_of(sender)}
    opened = {(ANYBODY, each.address.value) for each in matrix.opened}
    return listed | opened | {(NOBODY, each.address.value) for each in matrix.unread}


# At most NAMED + 1 accounts are open here, and as many unknown: a shared box names all of them.
sizes = st.tuples(st.integers(1, 120), st.integers(1, 90))


@given(size=sizes)
def test_the_pictures_show_every_permission_and_nothing_else(size: tuple[int, int]) -> None:
    accounts, applications = size
    # Where hundreds share a list, a box names some and counts the rest; that has a test of its own.
    matrix = access_matrix("contoso", made_up(accounts, max(applications, accounts // 10)))
    shown = [permissions(picture) for picture in access_map(matrix).pictures]
    assert set().union(*shown) == expected(matrix)


@given(size=sizes)
def test_no_picture_is_taller_than_can_be_read(size: tuple[int, int]) -> None:
    for picture in access_map(access_matrix("contoso", made_up(*size))).pictures:
        for side in (picture.left, picture.right):
            assert sum(len(node.lines) for node in side) <= LINES


@given(size=sizes)
def test_the_same_tenant_has_the_same_picture(size: tuple[int, int]) -> None:
    first, second = (access_map(access_matrix("contoso", made_up(*size))) for _ in range(2))
    assert first == second


def test_a_small_tenant_has_one_picture_in_which_everything_has_a_box() -> None:
    made = drawn(account("a", [1, 2]), account("b", [1, 2]))
    (picture,) = made.pictures
    assert made.note == ""
    assert [len(picture.left), len(picture.right), len(picture.links)] == [2, 2, 4]


def test_where_there_are_too_many_what_is_alike_shares_a_box_and_that_is_said() -> None:
    made = drawn(*(account(f"n{number:02d}", [1, 2]) for number in range(LINES + 1)))
    (picture,) = made.pictures
    assert [len(picture.left), len(picture.right), len(picture.links)] == [1, 1, 1]
    assert picture.right[0].lines[-1].text == f"… and {LINES + 1 - NAMED} accounts more"
    assert "share a box" in made.note


def test_where_that_is_not_enough_there_are_several_and_that_is_said() -> None:
    made = access_map(access_matrix("contoso", made_up(100, 300)))
    assert len(made.pictures) > 1
    assert "there are several" in made.note
    assert [picture.title for picture in made.pictures][-1].endswith(f"{len(made.pictures)} of {len(made.pictures)}")


def test_open_and_unknown_accounts_are_on_top_and_say_what_they_are() -> None:
    (picture,) = drawn(account("a", [1]), account("y", []), account("z", Unknown("throttled"))).pictures
    assert [node.kind for node in picture.left] == [Kind.OPEN, Kind.UNKNOWN, Kind.APPLICATION]
    assert [node.kind for node in picture.right] == [Kind.OPEN, Kind.UNKNOWN, Kind.ACCOUNT]
    assert picture.right[0].lines[0].text == "OPEN: any application may send"
    assert picture.right[1].lines[0].text == "UNKNOWN: the list could not be read"
    assert [link.kind for link in picture.links] == [Kind.OPEN, Kind.UNKNOWN, Kind.APPLICATION]
    assert "open to any application" in picture.description
    assert "could not be read" in picture.description


def test_a_tenant_without_accounts_has_no_picture() -> None:
    assert drawn() == AccessMap(())


# SVG


def elements(picture: Picture) -> list[tuple[str, list[str]]]:
    root = ET.fromstring(svg_text(picture, "map-1"))  # noqa: S314 — we wrote it
    return [(each.tag, list(each.attrib)) for each in root.iter()]


def named(*names: str) -> Picture:
    (picture,) = access_map(access_matrix("contoso", made_up(6, max(len(names), 1), names))).pictures
    return picture


@given(names=st.lists(HOSTILE.filter(lambda name: name != ""), min_size=1, max_size=4, unique=True))
def test_no_name_adds_an_element_or_an_attribute_to_a_drawing(names: list[str]) -> None:
    harmless = [f"name {number}" for number in range(len(names))]
    assert sorted(map(str, elements(named(*names)))) == sorted(map(str, elements(named(*harmless))))


def test_a_drawing_has_a_name_and_a_description_for_those_who_cannot_see_it() -> None:
    root = ET.fromstring(svg_text(named("App"), "map-1"))  # noqa: S314 — we wrote it
    title, description, *_ = root
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", f"{title.get('id')} {description.get('id')}")
    assert (title.text, description.tag) == ("contoso: who can send as whom", "desc")


def test_boxes_of_one_side_do_not_touch() -> None:
    root = ET.fromstring(svg_text(access_map(access_matrix("contoso", made_up(12, 9))).pictures[0], "m"))  # noqa: S314
    height = float((root.get("viewBox") or "").split()[3])
    boxes = [[float(each.get(name, "")) for name in ("x", "y", "height")] for each in root.iter("rect")]
    for (x, y, tall), (next_x, next_y, _) in pairwise(boxes):
        assert x != next_x or y + tall < next_y
    assert all(y > 0 and y + tall < height for _, y, tall in boxes)


@given(text=HOSTILE, columns=st.integers(1, 40))
def test_a_name_that_is_cut_fits_and_says_so(text: str, columns: int) -> None:
    short = cut(text, columns)
    assert display_width(short) <= columns
    assert short.endswith("…") or not any(unicodedata.category(each) == "Cc" for each in short)


# Mermaid

_LABEL = re.compile(r'\["(?:[\w ._@-]|#\d+;|<br/>)*"\]')


@given(names=st.lists(HOSTILE.filter(lambda name: name != ""), min_size=1, max_size=4, unique=True))
def test_a_label_of_mermaid_holds_letters_digits_entities_and_nothing_else(names: list[str]) -> None:
    text = mermaid_text([named(*names)])
    structure = [_LABEL.sub("[]", line) for line in text.splitlines()]
    assert structure[0] == "flowchart LR"
    for line in structure[1:]:
        assert re.fullmatch(r"  \w+\[\]:::\w+|  \w+ (?:-->|==>|-\.->) \w+|  classDef [\w #:,-]+", line), line


@pytest.mark.parametrize("name", NAMES)
def test_a_backslash_never_stands_before_a_letter_which_mermaid_would_take_for_a_new_line(name: str) -> None:
    assert not re.search(r"#92;[a-z]", mermaid_text([named(name)]))


def test_several_pictures_are_parts_of_one_chart_whose_keys_are_unique() -> None:
    pictures = access_map(access_matrix("contoso", made_up(100, 300))).pictures
    text = mermaid_text(pictures)
    assert text.count("\n  subgraph ") == text.count("\n  end") == len(pictures)
    keys = re.findall(r"^  (\w+)\[", text, re.MULTILINE)
    assert len(keys) == len(set(keys))
