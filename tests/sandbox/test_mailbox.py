"""The mailbox: what senders write is read without ever failing, and kept as it came."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.sandbox.mailbox import (
    Headers,
    Received,
    Sender,
    SignInKind,
    attachments_of,
    from_addresses,
    headers_of,
    parsed,
    text_of,
)
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Sandbox

MAIL = Received(
    tenant_id=CONTOSO,
    account="hve-payroll@contoso.com",
    sender=Sender(SignInKind.APPLICATION, "client", "principal", "Payroll \x1b[31m"),
    mail_from="hve-payroll@contoso.com",
    recipients=("anna.holm@contoso.com", "søren@contoso.com"),
    headers=Headers("Payroll <hve-payroll@contoso.com>", "anna", "日本語", "Mon, 23 Nov 2026 12:00:00 +0000", "<1@x>"),
    size=3,
    received_at=datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC),
)


def test_what_is_kept_comes_back_as_it_was(sandbox: Sandbox) -> None:
    kept = sandbox.mailbox.keep(MAIL, b"\x00\xff\r\n")
    assert kept == replace(MAIL, number=1)
    with Sandbox.open(sandbox.path) as other:
        assert other.mailbox.messages() == [kept]
        assert other.mailbox.find(1) == kept
        assert other.mailbox.content(kept) == b"\x00\xff\r\n"
        assert other.mailbox.find(2) is None
        assert other.mailbox.keep(MAIL, b"").number == 2


def test_numbers_count_over_all_tenants(tmp_path: Path) -> None:
    with Sandbox.open(tmp_path / "fleet.db", seed="fleet:2x1x1") as sandbox:
        one, two = (each.tenant_id for each in sandbox.tenants())
        for tenant in (two, one, two):
            sandbox.mailbox.keep(replace(MAIL, tenant_id=tenant), b"")
        assert [(each.number, each.tenant_id) for each in sandbox.mailbox.messages()] == [(1, two), (2, one), (3, two)]
        found = sandbox.mailbox.find(2)
        assert found is not None
        assert found.tenant_id == one


@pytest.mark.parametrize(
    ("written", "subject"),
    [
        (b"Subject: plain", "plain"),
        (b"subject:\r\n  folded\r\n\tthree times", "folded three times"),
        (b"Subject: =?utf-8?b?w6Q=?= and =?iso-8859-1?q?=E4?=", "ä and ä"),
        ("Subject: grün".encode(), "grün"),
        (b"Subject: \xff\xfe", "\ufffd\ufffd"),
        (b"Subject: =?nonsense?b?w6Q=?=", "=?nonsense?b?w6Q=?="),
        (b"Subject: =?utf-8?b?a?=", "=?utf-8?b?a?="),
        (b"Subject: =?utf-7?q?+2AA-?=", "\\ud800"),
        (b"Subject: =?utf-8?q?=1b[31m?=", "\x1b[31m"),
        (b"Subject: one\r\nSubject: two", "one"),
        (b"X: y", ""),
    ],
)
def test_a_subject_is_read_as_people_see_it(written: bytes, subject: str) -> None:
    assert headers_of(parsed(written + b"\r\n\r\nbody")).subject == subject


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        (b"From: a@b", ["a@b"]),
        (b'From: "x, y" <a@b>, c@d', ["a@b", "c@d"]),
        (b"From: a@b\r\nFROM: c@d", ["a@b", "c@d"]),
        ("From: søren@b".encode(), ["søren@b"]),
        (b"To: a@b", []),
    ],
)
def test_every_address_of_every_from_is_found(written: bytes, addresses: list[str]) -> None:
    assert from_addresses(parsed(written + b"\r\n\r\n")) == addresses


PARTS = (
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n"
    b"--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"gr=FCn\r\n"
    b"--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename*=utf-8''%E2%80%AEexe.txt\r\n\r\n"
    b"attached\r\n"
    b"--x--\r\n"
)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\r\nHello.\r\n", "Hello.\r\n"),
        (PARTS, "grün"),
        (b"Content-Type: text/html\r\n\r\n<script>x</script>", "<script>x</script>"),
        (b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xe4", "ä"),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"", ""),
    ],
)
def test_the_text_is_what_a_person_would_read(content: bytes, text: str) -> None:
    assert text_of(parsed(content)) == text


def test_attachments_are_named_and_not_shown() -> None:
    assert list(attachments_of(parsed(PARTS))) == ["\u202eexe.txt"]


_LINES = st.sampled_from(
    [b"From: ", b"To: ", b"Subject: ", b"Content-Type: ", b"multipart/mixed; boundary=x", b"--x", b"=?utf-8?b?", b"?=",
     b"\r\n", b"\n", b"text/plain; charset=", b"Content-Transfer-Encoding: base64", b"message/rfc822", b"filename*=",
     b"Content-Disposition: attachment; ", b"\xff", b"<a@b>", b'"', b"(", b"%E4", b"utf-7''", b"idna", b"undefined"]
)  # fmt: skip


@given(st.binary() | st.lists(_LINES | st.binary(max_size=4), max_size=30).map(b"".join))
def test_nothing_that_a_sender_writes_makes_it_fail(content: bytes) -> None:
    message = parsed(content)
    kept = headers_of(message)
    assert all(isinstance(each, str) for each in (*from_addresses(message), *attachments_of(message), text_of(message)))
    # What is kept can be written: SQLite takes no lone surrogates.
    for value in (kept.sender, kept.to, kept.subject, kept.date, kept.message_id):
        assert value.encode().decode() == value
