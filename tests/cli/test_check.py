"""check: what fails, what is unknown, what was waived; an exit code that means one thing; never a pass by accident."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cli.rule_states.state import config
from cli.scenes import OPEN_ACCOUNT, PAYROLL_V1, SHOP, SHOP_ACCOUNT
from cli.terminal import Ran, Terminal

from hveadmin.policy.rules import CONFIG_RULES, OFFLINE_RULES, WAIVER_RULES
from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import guid_of
from hveadmin.sandbox.server import Running, Sandbox

PAYROLL_ACCOUNT = "hve-payroll@contoso.com"
"""Three applications on its list: payroll, monitoring, PAYROLL_V1."""
PAYROLL_DECLARED = f"{PAYROLL_ACCOUNT}: {{apps: [payroll, monitoring]}}"
ONLY_HVE302 = "{rules: {%s}}" % ", ".join(  # noqa: UP031 — braces
    f"HVE{number}: {{enabled: false}}"
    for number in (*range(101, 107), *range(201, 211), 301, *range(303, 306), *range(401, 408), 601)
)
"""A policy in which an undeclared application, which is high, and what could not be read are all that can fail."""


def check(terminal: Terminal, *words: str, of: str = "", **environ: str) -> Ran:
    terminal.write("hve.yaml", of or config(PAYROLL_DECLARED, policy=ONLY_HVE302))
    return terminal.hveadmin("check", *words, **environ)


def failing(ran: Ran) -> list[tuple[str, str | None, str | None]]:
    """Rule, account and application of everything that fails."""
    found: list[dict[str, Any]] = ran.json["findings"]
    return [(each["rule"], each["account"], each["object_id"]) for each in found if each["verdict"] == "fail"]


def verdicts(ran: Ran) -> set[str]:
    return {each["verdict"] for each in ran.json["findings"]}


# How it ends


def test_a_failure_ends_with_4_and_says_what_where_and_what_next(terminal: Terminal) -> None:
    ran = check(terminal).ends_with(4)
    assert f"high  HVE302  {PAYROLL_ACCOUNT}  payroll-v1  hve.yaml:18" in ran.out
    assert "is on its list and not declared" in ran.out
    assert f"next: hveadmin plan -t contoso -a {PAYROLL_ACCOUNT}" in ran.out
    assert "1 failed (1 high)" in ran.out
    assert ran.out.endswith("  hveadmin rules explain HVE302\n")


def test_nothing_wrong_ends_with_0_and_counts_what_passed(terminal: Terminal) -> None:
    ran = check(terminal, of=config(f"{SHOP_ACCOUNT}: {{apps: [shop]}}", policy=ONLY_HVE302)).ends_with(0)
    assert "nothing to report" in ran.out
    assert "0 failed, " in ran.out
    assert " passed" in ran.out


@pytest.mark.parametrize(("severity", "code"), [("info", 4), ("low", 4), ("high", 4), ("critical", 0)])
def test_from_which_severity_on_a_failure_counts_is_for_the_caller_to_say(
    terminal: Terminal, severity: str, code: int
) -> None:
    ran = check(terminal, "--fail-on", severity).ends_with(code)
    assert ("1 of the failures are below critical" in ran.out) == (code == 0)


def test_what_is_only_for_information_fails_no_run_by_default(terminal: Terminal) -> None:
    policy = ONLY_HVE302.replace("rules: {", "rules: {HVE302: {severity: info}, ", 1)
    check(terminal, of=config(PAYROLL_DECLARED, policy=policy)).ends_with(0)


def test_exit_zero_is_for_findings_and_for_nothing_else(terminal: Terminal, sandbox: Sandbox) -> None:
    check(terminal, "--exit-zero").ends_with(0)
    sandbox.add_fault(Fault(FaultKind.HTML, account=SHOP_ACCOUNT, times=None))
    check(terminal, "--exit-zero").ends_with(7)


def test_an_account_that_cannot_be_read_is_unknown_whatever_else_fails(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    ran = check(terminal, "-o", "table", "-o", "json=check.json").ends_with(7)
    assert f"UNKNOWN  HVE901  {OPEN_ACCOUNT}" in ran.out
    assert "14 accounts, 1 unreadable" in ran.out
    document = json.loads((terminal.folder / "check.json").read_text())
    assert document["tenants"][0]["unreadable"] == [OPEN_ACCOUNT]
    about = [each for each in document["findings"] if each["account"] == OPEN_ACCOUNT]
    assert "unknown" in {each["verdict"] for each in about}
    assert not [each for each in about if each["rule"] in ("HVE101", "HVE302") and each["verdict"] == "pass"]


@pytest.mark.parametrize("format_name", ["table", "md", "csv", "json"])
def test_an_unread_account_is_named_also_where_its_rule_is_switched_off(
    terminal: Terminal, sandbox: Sandbox, format_name: str
) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    policy = ONLY_HVE302.replace("rules: {", "rules: {HVE901: {enabled: false}, ", 1)
    ran = check(terminal, "-o", format_name, of=config(PAYROLL_DECLARED, policy=policy)).ends_with(7)
    assert "its list could not be read" in ran.out
    assert OPEN_ACCOUNT in ran.out


@pytest.mark.parametrize(("profile", "code"), [("nobody-there", 7), ("without-role", 5), ("wrong-secret", 5)])
def test_a_tenant_that_cannot_be_read_is_told_in_every_format_and_never_ends_with_0(
    terminal: Terminal, profile: str, code: int
) -> None:
    of = config(PAYROLL_DECLARED, policy=ONLY_HVE302, profile=profile)
    ran = check(terminal, "-o", "json", "-o", "sarif=a.sarif", "-o", "junit=b.xml", "--exit-zero", of=of)
    ran.ends_with(code)
    assert ran.err.startswith("error: contoso: ")
    (finding,) = [each for each in ran.json["findings"] if each["tenant"] == "contoso" and each["verdict"] == "unknown"]
    assert finding["rule"] == "HVE902"
    assert ran.json["unread_tenants"][0]["tenant"] == "contoso"
    assert "HVE902" in (terminal.folder / "a.sarif").read_text()
    assert "<error" in (terminal.folder / "b.xml").read_text()


@pytest.mark.parametrize("named", ["hve-nobody@contoso.com", "hve-nobody*"])
def test_what_names_no_account_is_judged_nowhere_and_never_passes(terminal: Terminal, named: str) -> None:
    assert f"is named {named}" in check(terminal, "-a", named, "--exit-zero").ends_with(6).err


def test_no_account_at_all_is_no_pass_unless_none_is_declared(terminal: Terminal, sandbox: Sandbox) -> None:
    tenant = sandbox.tenant("contoso")
    with sandbox.store.transaction():
        for account in tenant.accounts():
            sandbox.store.delete(tenant.tenant_id, "account", account.guid)
    check(terminal, of=config(selectors='[{match: "*", mode: observe}]', policy=ONLY_HVE302)).ends_with(7)
    check(terminal, of=config(policy=ONLY_HVE302)).ends_with(0)


# What it looks at


def test_with_config_only_nobody_is_contacted(terminal: Terminal, running: Running) -> None:
    of = config(PAYROLL_DECLARED, policy="{require: []}", profile="nobody-there")
    ran = check(terminal, "--config-only", "-o", "json", of=of).ends_with(0)
    assert running.calls.cmdlets() == {}
    needs_no_tenant = {rule.id for rule in (*CONFIG_RULES, *OFFLINE_RULES, *WAIVER_RULES)}
    assert {each["rule"] for each in ran.json["findings"]} <= needs_no_tenant
    assert "no tenant was asked" in check(terminal, "--config-only", of=of).out


def test_a_mistake_in_the_configuration_fails_a_pull_request_without_credentials(terminal: Terminal) -> None:
    apps = {"bare": f"{{object_id: {SHOP}, tenant: contoso}}"}
    of = config(f"{SHOP_ACCOUNT}: {{apps: [bare]}}", apps=apps, defaults="mode: enforce")
    ran = check(terminal, "--config-only", "-o", "json", of=of).ends_with(4)
    assert {rule for rule, _, _ in failing(ran)} == {"HVE402"}


def test_without_a_configuration_there_is_nothing_to_hold_a_tenant_to(terminal: Terminal) -> None:
    ran = terminal.hveadmin("check", "-p", "operator").ends_with(2)
    assert "there is no configuration" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("--config-only", "--snapshot", "x.json"),
        ("--config-only", "--max-age", "1h"),
        ("--max-age", "soon"),
        ("--fail-on", "awful"),
        ("--snapshot", "there-is-none.json"),
        ("-t", "fabrikam"),
    ],
)
def test_what_cannot_be_meant_so_is_refused_before_anybody_is_asked(terminal: Terminal, words: tuple[str, ...]) -> None:
    check(terminal, *words).ends_with(2)


def test_one_account_is_judged_where_one_is_named(terminal: Terminal) -> None:
    narrowed = check(terminal, "-a", PAYROLL_ACCOUNT, "-o", "json").ends_with(4)
    assert {each["account"] for each in narrowed.json["findings"]} == {None, PAYROLL_ACCOUNT}
    assert narrowed.json["tenants"][0]["accounts"] == 1
    check(terminal, "-a", SHOP_ACCOUNT).ends_with(0)
    assert "no account of this tenant is named" in check(terminal, "-a", "hve-nobody@contoso.com").ends_with(6).err


def test_a_snapshot_gives_the_same_verdicts_as_the_tenant_and_nobody_is_asked(
    terminal: Terminal, running: Running
) -> None:
    of = config(PAYROLL_DECLARED, selectors='[{match: "*", mode: observe}]')
    live = check(terminal, "-o", "json", of=of).ends_with(4)
    terminal.hveadmin("snapshot", "-o", "taken.json").ends_with(0)
    running.calls.clear()
    offline = check(terminal, "--snapshot", "taken.json", "--max-age", "1h", "-o", "json", of=of).ends_with(4)
    assert running.calls.cmdlets() == {}

    def told(ran: Ran) -> list[tuple[object, ...]]:
        names = ("rule", "verdict", "severity", "account", "object_id", "fingerprint")
        return [tuple(each[name] for name in names) for each in ran.json["findings"] if each["rule"] != "HVE904"]

    assert told(offline) == told(live)
    old = check(terminal, "--snapshot", "taken.json", "--max-age", "0s", "-o", "json", of=of).ends_with(4)
    assert ("HVE904", None, None) in failing(old)


def test_a_snapshot_of_another_tenant_or_edited_by_hand_is_refused(terminal: Terminal) -> None:
    check(terminal)
    terminal.hveadmin("snapshot", "-o", "taken.json").ends_with(0)
    path = terminal.folder / "taken.json"
    other = config(PAYROLL_DECLARED).replace("8f1c6d20", "00000000")
    assert "the snapshot is of" in check(terminal, "--snapshot", "taken.json", of=other).ends_with(6).err
    path.write_text(path.read_text().replace(PAYROLL_ACCOUNT, SHOP_ACCOUNT))
    check(terminal, "--snapshot", "taken.json").ends_with(6)


def test_without_the_right_to_read_the_directory_ids_are_counted_and_never_pass(terminal: Terminal) -> None:
    of = config(PAYROLL_DECLARED, selectors='[{match: "*", mode: observe}]', profile="without-graph")
    ran = check(terminal, "-o", "json", of=of).ends_with(7)
    (finding,) = [each for each in ran.json["findings"] if each["rule"] == "HVE903"]
    assert finding["verdict"] == "fail"
    assert int(finding["facts"]["ids_not_checked"]) > 10
    passed = {each["rule"] for each in ran.json["findings"] if each["verdict"] == "pass"}
    assert not passed & {"HVE203", "HVE204", "HVE205", "HVE206", "HVE207", "HVE209"}


# Waivers


def waived(expires: str, *, account: str = PAYROLL_ACCOUNT, app: str = PAYROLL_V1) -> str:
    word = f"{{rule: HVE302, tenant: contoso, account: {account}, app: {app}, reason: Vendor trial,"
    waivers = f"[{word} owner: lab@contoso.com, ticket: RISK-221, expires: {expires}}}]"
    return config(PAYROLL_DECLARED, policy=f"{{waivers: {waivers}, {ONLY_HVE302.removeprefix('{')}")


def test_what_somebody_accepted_is_waived_and_plan_lets_it_be(terminal: Terminal) -> None:
    ran = check(terminal, of=waived("2999-12-31")).ends_with(0)
    assert f"waived  HVE302  {PAYROLL_ACCOUNT}  payroll-v1" in ran.out
    assert "accepted until 2999-12-31 by lab@contoso.com, RISK-221 (hve.yaml:11): Vendor trial" in ran.out
    plan = terminal.hveadmin("plan", "--detailed-exitcode").ends_with(0)
    assert f'{PAYROLL_ACCOUNT}: keeps "Payroll Mailer v1" {PAYROLL_V1}: waiver hve.yaml:11' in plan.out
    terminal.hveadmin("drift").ends_with(0)


def test_a_waiver_past_its_end_is_a_finding_and_so_is_what_it_accepted(terminal: Terminal) -> None:
    ran = check(terminal, "-o", "json", of=waived("2020-12-31")).ends_with(4)
    assert {rule for rule, _, _ in failing(ran)} == {"HVE302", "HVE501"}
    (finding,) = [each for each in ran.json["findings"] if each["rule"] == "HVE501"]
    assert finding["source"]["line"] == 11
    terminal.hveadmin("plan", "--detailed-exitcode").ends_with(3)


def test_a_waiver_pins_what_was_accepted_and_anything_beyond_it_still_fails(
    terminal: Terminal, sandbox: Sandbox
) -> None:
    sandbox.tenant("contoso").add_apps(PAYROLL_ACCOUNT, [SHOP])
    ran = check(terminal, "-o", "json", of=waived("2999-12-31")).ends_with(4)
    assert failing(ran) == [("HVE302", PAYROLL_ACCOUNT, SHOP)]
    assert "waived" in verdicts(ran)


def test_a_waiver_that_matches_nothing_is_a_finding(terminal: Terminal) -> None:
    ran = check(terminal, "-o", "json", of=waived("2999-12-31", account=SHOP_ACCOUNT)).ends_with(4)
    assert {rule for rule, _, _ in failing(ran)} == {"HVE302", "HVE502"}


# What is shown


def test_the_machine_form_has_every_verdict_and_people_see_the_good_ones_when_they_ask(terminal: Terminal) -> None:
    ran = check(terminal, "-o", "json")
    assert verdicts(ran) == {"fail", "pass", "not-applicable"}
    assert sum(each["count"] for each in ran.json["counts"]) == len(ran.json["findings"])
    assert {each["id"] for each in ran.json["rules"]} == {each["rule"] for each in ran.json["findings"]}
    assert "pass " not in check(terminal).out
    assert f"pass            HVE901  {SHOP_ACCOUNT}" in check(terminal, "-v").out


def test_two_checks_of_the_same_thing_say_the_same_in_the_same_order(terminal: Terminal) -> None:
    of = config(PAYROLL_DECLARED, selectors='[{match: "*", mode: observe}]')
    first, second = (check(terminal, "-o", "json", of=of).json["findings"] for _ in range(2))
    assert first == second
    ranks = ["info", "low", "medium", "high", "critical"]
    failures = [ranks.index(each["severity"]) for each in first if each["verdict"] == "fail"]
    assert failures == sorted(failures, reverse=True)
    assert len({each["fingerprint"] for each in first}) == len(first), "no two findings are taken for one"


def test_one_run_writes_many_formats_and_every_result_has_a_place(terminal: Terminal) -> None:
    outputs = [f"-o{name}=out.{name}" for name in ("json", "jsonl", "yaml", "csv", "md", "sarif", "junit", "gitlab")]
    check(terminal, *outputs, of=config(selectors='[{match: "*", mode: observe}]')).ends_with(4)
    for name in ("json", "jsonl", "yaml", "csv", "md", "sarif", "junit", "gitlab"):
        assert (terminal.folder / f"out.{name}").stat().st_size > 500, name
    (run,) = json.loads((terminal.folder / "out.sarif").read_text())["runs"]
    assert run["results"]
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "hve.yaml"
        assert place["region"]["startLine"] >= 1


def test_severities_options_and_switched_off_rules_are_as_the_configuration_says(terminal: Terminal) -> None:
    policy = "{rules: {HVE401: {severity: critical, options: {warn_at: 3}}, HVE302: {enabled: false}}}"
    ran = check(terminal, "-o", "json", of=config(PAYROLL_DECLARED, policy=policy)).ends_with(4)
    full = {each["account"]: each for each in ran.json["findings"] if each["rule"] == "HVE401"}
    assert (full[PAYROLL_ACCOUNT]["verdict"], full[PAYROLL_ACCOUNT]["severity"]) == ("fail", "critical")
    assert "HVE302" not in {each["rule"] for each in ran.json["findings"]}


# Many tenants


@pytest.fixture
def fleet(terminal: Terminal, reseed: Callable[[str], Sandbox]) -> Sandbox:
    """Two tenants of four accounts each, and a configuration that only observes them."""
    sandbox = reseed("fleet:2x4x2")
    lines = ["version: 1", f"policy: {ONLY_HVE302}", "apps:"]
    for each in sandbox.tenants():
        app = guid_of(each.alias, "principal", "Sender 00000")
        lines.append(f"  mail-of-{each.alias}: {{object_id: {app}, tenant: {each.alias}, owner: o, reason: Mail}}")
    lines.append("tenants:")
    for each in sandbox.tenants():
        lines += [f"  {each.alias}:", f"    tenant_id: {each.tenant_id}", "    profile: operator"]
        lines += [f'    selectors: [{{match: "*", mode: observe, apps: [mail-of-{each.alias}]}}]']
    terminal.write("hve.yaml", "\n".join(lines) + "\n")
    return sandbox


def test_a_tenant_that_cannot_be_read_stops_no_other_and_the_run_ends_with_7(
    terminal: Terminal, fleet: Sandbox
) -> None:
    terminal.hveadmin("check").ends_with(0)
    silent, fine = (each.alias for each in fleet.tenants())
    path = f"/{fleet.tenant(silent).tenant_id}/"
    fleet.add_fault(Fault(FaultKind.HTML, surface=Surface.EXCHANGE, path=path, times=None))
    ran = terminal.hveadmin("check", "-o", "json").ends_with(7)
    by_tenant = {
        alias: {each["verdict"] for each in ran.json["findings"] if each["tenant"] == alias} for alias in (silent, fine)
    }
    assert by_tenant[silent] == {"unknown"}
    assert "unknown" not in by_tenant[fine]
    assert [each["tenant"] for each in ran.json["unread_tenants"]] == [silent]
    terminal.hveadmin("check", "-t", fine).ends_with(0)
