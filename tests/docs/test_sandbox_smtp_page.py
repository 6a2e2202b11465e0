"""What the sandbox's page says of SMTP is what there is: every fault, every step, every reply."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from docs.pages import read, section

from hveadmin.sandbox import smtp_replies
from hveadmin.sandbox.smtp_faults import SmtpFault, SmtpFaultKind, Step
from hveadmin.sandbox.smtp_replies import Why, refusal


def about() -> str:
    return section(read("sandbox.md"), "SMTP")


def test_every_fault_is_there_and_no_other() -> None:
    told = re.findall(r"^\| `SmtpFaultKind\.(\w+)` \| .+ \|$", about(), re.MULTILINE)
    assert told == [kind.name for kind in SmtpFaultKind]


@pytest.mark.parametrize("name", [each.name for each in fields(SmtpFault) if each.name != "kind"])
def test_every_property_of_a_fault_is_named(name: str) -> None:
    assert f"`{name}`" in about()


@pytest.mark.parametrize("step", Step)
def test_every_step_is_named(step: Step) -> None:
    assert f"`{step.value}`" in about()


@pytest.mark.parametrize("why", Why)
def test_every_code_of_a_refusal_is_named_in_both_ways(why: Why) -> None:
    for reply in (refusal(why, "plain"), refusal(why, "detailed")):
        code = " ".join(reply.split()[:2])
        first, _, number = code.rpartition(".")
        between = first == "501 5.5" and 121 < int(number) < 126
        assert f"`{code}`" in about() or between, code


def test_every_other_refusal_is_named() -> None:
    texts = [value for value in vars(smtp_replies).values() if isinstance(value, str)]
    codes = {found[0] for text in texts if (found := re.match(r"[45]\d\d [45]\.\d+\.\d+", text))}
    assert len(codes) > 8
    assert {code for code in codes if f"`{code}`" not in about()} == set()
