"""The table of rules: every rule is one file, has an id of its own that is never used again, and a page."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import hveadmin.policy
from hveadmin.policy.engine import AnyRule, ConfigRule, TenantRule, WaiverRule
from hveadmin.policy.rules import ALL_RULES, CONFIG_RULES, RETIRED, TENANT_RULES, WAIVER_RULES

FOLDER = Path(hveadmin.policy.__path__[0])
ROOT = FOLDER.parents[1]
FILES = sorted(path.stem for path in FOLDER.glob("hve[0-9][0-9][0-9]_*.py"))

EVER = (
    *range(101, 107),
    *range(201, 211),
    *range(301, 306),
    *range(401, 408),
    *range(501, 503),
    *range(601, 602),
    *range(901, 905),
)
"""Every number that a rule ever had. None is taken out of here: a rule that goes is entered in RETIRED."""


def rule_in(file: str) -> AnyRule:
    rule: AnyRule = importlib.import_module(f"hveadmin.policy.{file}").RULE
    return rule


def test_every_file_of_a_rule_is_in_the_table_and_every_rule_has_a_file() -> None:
    assert [rule_in(file).id for file in FILES] == list(ALL_RULES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_called_after_its_rule_and_what_it_is_about(file: str) -> None:
    assert re.fullmatch(rf"{rule_in(file).id.lower()}_[a-z0-9_]+", file)


def test_no_id_is_given_twice() -> None:
    ids = [rule.id for table in (CONFIG_RULES, TENANT_RULES, WAIVER_RULES) for rule in table]
    assert len(ids) == len(set(ids)) == len(ALL_RULES)


def test_no_id_was_ever_taken_away_without_being_retired() -> None:
    assert {f"HVE{number}" for number in EVER} == {*ALL_RULES, *RETIRED}
    assert not set(ALL_RULES) & set(RETIRED)


@pytest.mark.parametrize("rule", ALL_RULES.values(), ids=list(ALL_RULES))
def test_a_rule_has_a_page_with_a_title_and_says_why_and_how(rule: AnyRule) -> None:
    first, _, rest = rule.page.strip().partition("\n")
    assert re.fullmatch(rf"{rule.id}: \S.+", first)
    assert rule.title and not rule.title.endswith(".")
    assert rest.startswith("\n"), "the title stands alone"
    assert "Why it matters: " in rest
    assert "How to mend it: " in rest
    assert rule.fix
    assert re.fullmatch(r"\d+\.\d+", rule.since)


@pytest.mark.parametrize("rule", ALL_RULES.values(), ids=list(ALL_RULES))
def test_what_a_rule_refers_to_is_an_address_or_a_page_that_is_there(rule: AnyRule) -> None:
    for reference in rule.references:
        path = reference.partition("#")[0]
        assert reference.startswith("https://") or (ROOT / path).is_file(), reference


@pytest.mark.parametrize("rule", ALL_RULES.values(), ids=list(ALL_RULES))
def test_the_options_of_a_rule_have_names_of_their_own_and_are_explained(rule: AnyRule) -> None:
    names = [option.name for option in rule.options]
    assert len(names) == len(set(names))
    assert all(option.about.endswith(".") and option.expected for option in rule.options)


def test_what_a_rule_may_look_at_is_its_type() -> None:
    assert all(isinstance(rule, ConfigRule) for rule in CONFIG_RULES)
    assert all(isinstance(rule, TenantRule) for rule in TENANT_RULES)
    assert all(isinstance(rule, WaiverRule) for rule in WAIVER_RULES)
