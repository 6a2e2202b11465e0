"""Rows line up by name, keep their tones and are wrapped without breaking a word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hveadmin.report.document import Row, Span
from hveadmin.report.layout import display_width, lay_out
from hveadmin.report.style import PLAIN, Style, Tone


def test_rows_of_one_name_line_up_and_others_do_not_disturb_them() -> None:
    rows = [Row(("a", "1"), "x"), Row(("free and long text",)), Row(("bbbb", "2"), "x"), Row(("c", "3"), "y")]
    assert lay_out(rows, PLAIN) == ["a     1", "free and long text", "bbbb  2", "c  3"]


def test_the_last_cell_of_a_row_widens_no_column() -> None:
    rows = [Row(("a", "a long remark"), "x"), Row(("b", "1", "end"), "x")]
    assert lay_out(rows, PLAIN) == ["a  a long remark", "b  1  end"]


def test_wide_characters_take_two_columns_and_combining_marks_none() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert lay_out([Row(("日本", "1"), "x"), Row(("abcd", "2"), "x")], PLAIN) == ["日本  1", "abcd  2"]


def test_escapes_are_measured_as_they_are_shown() -> None:
    assert lay_out([Row(("\x1b", "1"), "x"), Row(("abcd", "2"), "x")], PLAIN) == [r"\x1b  1", "abcd  2"]


def test_colour_surrounds_the_text_and_not_the_blanks() -> None:
    rows = [Row((Span("a", Tone.ADDED), "1"), "x"), Row(("bb", "2"), "x")]
    assert lay_out(rows, Style(color=True)) == ["\x1b[32ma\x1b[0m   1", "bb  2"]


def test_a_single_cell_is_wrapped_at_the_width_and_an_id_is_never_cut() -> None:
    guid = "00000000-0000-4000-8000-000000000001"
    assert lay_out([Row((f"use {guid} instead of it",), indent=2)], Style(width=20)) == [
        "  use",
        f"    {guid}",
        "    instead of it",
    ]


@given(text=st.text(), width=st.integers(5, 40))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    assert (
        " ".join(lay_out([Row((text,))], Style(width=width))).split()
        == " ".join(lay_out([Row((text,))], PLAIN)).split()
    )


def test_a_row_of_named_columns_is_never_wrapped_for_it_may_be_a_command() -> None:
    command = "hveadmin account revoke -t contoso hve-lab@contoso.com 7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05"
    narrow = Style(width=40)
    assert lay_out([Row((command,), "next", 6)], narrow) == [f"      {command}"]
    assert len(lay_out([Row((command,), indent=6)], narrow)) > 1
