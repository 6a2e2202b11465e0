"""Messages that are cut into fragments come together again, with the readers of two libraries."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.powershell import Fragment

from hveadmin.sandbox.psrp.outbox import BYTE_ORDER_MARK, FRAGMENT_HEAD, MESSAGE_HEAD, SMALLEST, Outbox, messages_in

PIPELINE = uuid.UUID(int=7)
MESSAGES = st.lists(st.binary(min_size=MESSAGE_HEAD, max_size=300), max_size=6)


def together(data: bytes) -> list[bytes]:
    """Messages out of fragments, by pypsrp's reader; each fragment follows the one before it."""
    whole: list[bytes] = []
    parts: list[Fragment] = []
    while data:
        part, data = Fragment.unpack(data)
        assert (part.start, part.fragment_id) == (not parts, len(parts))
        assert all(each.object_id == part.object_id for each in parts)
        parts.append(part)
        if part.end:
            whole.append(b"".join(each.data for each in parts))
            parts = []
    assert parts == []
    return whole


@given(messages=MESSAGES, limit=st.integers(SMALLEST, 700))
def test_what_was_put_in_comes_out_whole_and_in_order_whatever_fits(messages: list[bytes], limit: int) -> None:
    box = Outbox()
    for message in messages:
        box.put(PIPELINE, message)
    fetched = []
    while data := box.fetch(PIPELINE, limit):
        assert len(data) <= limit
        fetched.append(data)
    assert together(b"".join(fetched)) == messages
    assert not box.holds(PIPELINE)


@given(messages=MESSAGES)
def test_a_fetch_takes_as_much_as_fits(messages: list[bytes]) -> None:
    box = Outbox()
    for message in messages:
        box.put(None, message)
    assert together(box.fetch(None, 1 << 20)) == messages
    assert box.fetch(None, 1 << 20) == b""


@given(messages=MESSAGES)
def test_one_message_a_fetch_when_that_is_asked_for(messages: list[bytes]) -> None:
    box = Outbox()
    for message in messages:
        box.put(None, message)
    assert [together(box.fetch(None, 1 << 20, one_message=True)) for _ in messages] == [[each] for each in messages]


@given(messages=MESSAGES)
def test_unfragmented_messages_are_found_in_a_run_of_them(messages: list[bytes]) -> None:
    box = Outbox()
    for message in messages:
        box.put(None, message)
    assert list(messages_in(box.fetch(None, 1 << 20))) == messages


def test_each_is_for_whom_it_is() -> None:
    box = Outbox()
    box.put(PIPELINE, b"a" * MESSAGE_HEAD)
    box.put(None, b"b" * MESSAGE_HEAD)
    assert box.targets() == [None, PIPELINE]
    assert together(box.fetch(None, 100)) == [b"b" * MESSAGE_HEAD]
    assert box.targets() == [PIPELINE]
    box.forget(PIPELINE)
    assert box.targets() == []
    assert box.fetch(PIPELINE, 100) == b""


@pytest.mark.parametrize(("content", "marked"), [(b"<Obj/>", BYTE_ORDER_MARK + b"<Obj/>"), (b"", b"")])
def test_a_byte_order_mark_stands_before_content_only(content: bytes, marked: bytes) -> None:
    box = Outbox()
    box.put(None, b"h" * MESSAGE_HEAD + content, byte_order_mark=True)
    assert together(box.fetch(None, 1000)) == [b"h" * MESSAGE_HEAD + marked]


def test_the_heads_are_as_long_as_the_protocol_says() -> None:
    assert (FRAGMENT_HEAD, MESSAGE_HEAD) == (21, 40)
