"""rules: every rule is listed and explained, offline, with what the configuration says of it."""

from __future__ import annotations

import pytest
from cli.rule_states.state import config
from cli.terminal import Terminal

from hveadmin.policy.rules import ALL_RULES
from hveadmin.sandbox.server import Running


def test_every_rule_is_listed_once_in_the_order_of_the_ids(terminal: Terminal, running: Running) -> None:
    ran = terminal.hveadmin("rules", "list", "-o", "json").ends_with(0)
    assert [each["id"] for each in ran.json["rules"]] == list(ALL_RULES)
    assert [each["title"] for each in ran.json["rules"]] == [rule.title for rule in ALL_RULES.values()]
    assert running.calls.cmdlets() == {}


def test_the_list_says_what_the_configuration_says_of_a_rule(terminal: Terminal) -> None:
    assert "configured" not in terminal.hveadmin("rules", "list").out
    policy = "{rules: {HVE401: {severity: high, options: {warn_at: 7}}, HVE302: {enabled: false}}}"
    terminal.write("hve.yaml", config(policy=policy))
    rules = {each["id"]: each for each in terminal.hveadmin("rules", "list", "-o", "json").json["rules"]}
    assert (rules["HVE401"]["severity"], rules["HVE401"]["severity_configured"]) == ("low", "high")
    assert [each for each, rule in rules.items() if not rule["enabled"]] == ["HVE302"]
    assert "high, warn_at: 7" in terminal.hveadmin("rules", "list").out


@pytest.mark.parametrize("rule", ALL_RULES)
def test_every_rule_is_explained_with_all_that_its_page_says(terminal: Terminal, rule: str) -> None:
    told = " ".join(terminal.hveadmin("rules", "explain", rule.lower()).ends_with(0).out.split())
    page = " ".join(ALL_RULES[rule].page.split())
    assert page.removeprefix(f"{rule}: {ALL_RULES[rule].title}").strip(". ") in told
    assert ALL_RULES[rule].fix in told


def test_several_are_explained_at_once_each_once(terminal: Terminal) -> None:
    ran = terminal.hveadmin("rules", "explain", "HVE101", "HVE901", "hve101", "-o", "json").ends_with(0)
    assert [each["id"] for each in ran.json["rules"]] == ["HVE101", "HVE901"]


def test_a_page_is_markdown_where_that_is_asked_for(terminal: Terminal) -> None:
    out = terminal.hveadmin("rules", "explain", "HVE401", "-o", "md").ends_with(0).out
    assert out.startswith("# HVE401: ")
    assert "| `warn_at` | 8 | " in out


@pytest.mark.parametrize(
    ("asked", "says"),
    [("HVE40", "did you mean HVE40"), ("HVE999", "did you mean HVE9"), ("*", "there is no rule '*'")],
)
def test_a_rule_that_there_is_not_is_refused_with_the_one_that_was_perhaps_meant(
    terminal: Terminal, asked: str, says: str
) -> None:
    ran = terminal.hveadmin("rules", "explain", asked).ends_with(2)
    assert says in ran.err
    assert ran.out == ""


def test_a_configuration_that_cannot_be_used_is_no_reason_for_a_wrong_answer(terminal: Terminal) -> None:
    terminal.write("hve.yaml", "version: 2\n")
    terminal.hveadmin("rules", "list").ends_with(2)
