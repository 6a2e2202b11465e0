"""Each of Entra's numbers becomes one sentence and what to do; numbers decide, texts do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.auth.refusals import REFUSALS, Attempt, first_sentence, number_in, refused
from hveadmin.errors import Outcome

CLIENT = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
ATTEMPT = Attempt(CLIENT, "contoso.com", "https://outlook.office365.com/.default", "https://login.microsoftonline.com")
TRACE = "11111111-aaaa-4000-8000-000000000001"
CORRELATION = "22222222-bbbb-4000-8000-000000000002"


def description(number: int, text: str = "Something happened. And more", separator: str = " ") -> str:
    ids = separator.join((f"Trace ID: {TRACE}", f"Correlation ID: {CORRELATION}", "Timestamp: 2026-01-01 10:00:00Z"))
    return f"AADSTS{number}: {text}.{separator}{ids}"


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (7000215, "client secret", "Value"),
        (7000222, "expired", "make a new one"),
        (700016, "client id", "Application (client) ID"),
        (7000229, "service principal", "adminconsent?client_id=" + CLIENT),
        (7000112, "disabled", "Enabled for users to sign-in"),
        (90002, "no tenant contoso.com", "tenant id or domain"),
        (900023, "no tenant contoso.com", "tenant id or domain"),
        (700027, "certificate", "upload"),
        (700024, "clock", "set the clock"),
        (700213, "federated", "subject"),
        (70021, "federated", "subject"),
        (500011, "does not know https://outlook.office365.com", "audiences"),
        (1002012, "/.default", "audiences"),
        (65001, "consented", "Grant admin consent"),
        (7000218, "neither", "profile"),
        (70016, "device code", "enter the code"),
        (700082, "refresh token", "sign in once more"),
        (50076, "multifactor", "sign in as an application"),
        (50079, "multifactor", "sign in as an application"),
        (53003, "Conditional Access", "sign in as an application"),
    ],
)
@pytest.mark.parametrize("separator", [" ", "\r\n"])
def test_what_each_number_means_and_what_to_do(number: int, message: str, hint: str, separator: str) -> None:
    error = refused(description(number, separator=separator), ATTEMPT)
    assert error.number == number and f"AADSTS{number}" in error.message
    assert message in error.message and hint in error.hint
    assert "{" not in error.message + error.hint
    assert (error.correlation_id, error.trace_id) == (CORRELATION, TRACE)
    assert CORRELATION in error.hint and TRACE in error.hint
    assert error.outcome is Outcome.AUTH


def test_every_number_of_the_table_is_filled_in() -> None:
    for number in REFUSALS:
        error = refused(description(number), ATTEMPT)
        assert "{" not in error.message + error.hint


def test_a_secret_that_looks_like_a_guid_is_called_the_secrets_id() -> None:
    guid = Attempt(ATTEMPT.client_id, ATTEMPT.tenant, ATTEMPT.scope, ATTEMPT.login, secret_is_guid=True)
    assert "most likely the Secret ID" in refused(description(7000215), guid).hint
    assert "most likely" not in refused(description(7000215), ATTEMPT).hint
    assert "most likely" not in refused(description(7000222), guid).hint


def test_an_unknown_number_keeps_the_first_sentence_in_one_clean_line() -> None:
    error = refused(description(50999, "The \x1b[31msky\x00 is\tgreen. Trust me"), ATTEMPT)
    assert error.message.endswith("AADSTS50999: The [31msky is green")
    assert error.message.isprintable()
    assert "https://login.microsoftonline.com/error?code=50999" in error.hint


def test_no_ticket_is_made_up() -> None:
    assert "ticket" not in refused("AADSTS90002: gone", ATTEMPT).hint


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Authentication failed: AADSTS7000215: Invalid", 7000215),
        ("AADSTS70021: x AADSTS90002: y", 70021),
        ("AADSTS", None),
        ("code 7000215", None),
        ("", None),
    ],
)
def test_the_first_number_counts(text: str, number: int | None) -> None:
    assert number_in(text) == number


@given(st.text())
def test_a_first_sentence_is_one_short_printable_line(text: str) -> None:
    sentence = first_sentence(text)
    assert len(sentence) <= 300
    assert sentence.isprintable()
