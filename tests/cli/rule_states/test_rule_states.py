"""Every rule has a state of the seed that makes it fail, and one that makes it pass, over real sockets."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from cli.rule_states.state import RuleState
from cli.terminal import Terminal

from hveadmin.domain.finding import Verdict
from hveadmin.policy.rules import ALL_RULES
from hveadmin.sandbox.server import Sandbox

_TABLES = sorted(path.stem for path in Path(__file__).parent.glob("states_*.py"))
STATES: list[RuleState] = [
    state for table in _TABLES for state in importlib.import_module(f"cli.rule_states.{table}").STATES
]

ONLY_UNKNOWN = {"HVE901", "HVE902"}
"""What these look for is that something could not be found out: `unknown` is how they fail."""


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_a_rule_says_of_a_state(state: RuleState, terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", state.config)
    state.prepare(sandbox, terminal)
    ran = terminal.hveadmin("check", "-o", "json", *state.options)
    assert ran.code in (0, 4, 5, 7), ran.said
    found = [each for each in ran.json["findings"] if each["rule"] == state.rule]
    meant = [each for each in found if _is_about(each, state)]
    assert meant, f"{state.rule} says nothing of {dict(state.about)}, but: {found}"
    assert {each["verdict"] for each in meant} == {state.verdict.value}, meant


def _is_about(finding: dict[str, Any], state: RuleState) -> bool:
    return all(finding[name] == value for name, value in state.about.items())


@pytest.mark.parametrize("rule", ALL_RULES)
def test_every_rule_has_a_state_that_makes_it_fail_and_one_that_makes_it_pass(rule: str) -> None:
    verdicts = {state.verdict for state in STATES if state.rule == rule}
    assert Verdict.PASS in verdicts
    assert (Verdict.UNKNOWN if rule in ONLY_UNKNOWN else Verdict.FAIL) in verdicts


def test_every_state_has_a_name_of_its_own_and_is_of_a_rule_that_there_is() -> None:
    names = [state.name for state in STATES]
    assert len(names) == len(set(names))
    assert {state.rule for state in STATES} <= set(ALL_RULES)
