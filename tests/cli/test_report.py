"""report: what an auditor files, from the tenant or from a snapshot; findings change no exit code, gaps do."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.rule_states.state import config
from cli.scenes import CLOSES_ONE, OPEN_ACCOUNT, SHOP, SHOP_ACCOUNT
from cli.terminal import Ran, Terminal, settled

from hveadmin.config.snapshotfile import read
from hveadmin.evidence.bundle import MANIFEST
from hveadmin.report.change_report import NOT_IN_IT
from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import guid_of
from hveadmin.sandbox.server import Running, Sandbox

KINDS = ("inventory", "exposure", "apps", "changes", "exceptions")
LEGACY = "hve-legacy@contoso.com"
PAYROLL_ACCOUNT = "hve-payroll@contoso.com"
NOTHING_FOUND = "{rules: {%s}}" % ", ".join(  # noqa: UP031 — braces
    f"HVE{number}: {{enabled: false}}"
    for number in (*range(101, 107), *range(201, 211), *range(301, 306), *range(401, 408), 601)
)
FILED = config(
    f"{PAYROLL_ACCOUNT}: {{apps: [payroll, monitoring]}}",
    f"{SHOP_ACCOUNT}: {{apps: [{{app: shop, owner: shop@contoso.com, ticket: CHG0041207, expires: 2999-12-31}}]}}",
    f"{LEGACY}: {{mode: unrestricted, reason: ERP cut-over, owner: erp@contoso.com, expires: 2999-12-31}}",
    selectors='[{match: "hve-alert-*", apps: [monitoring]}, {match: "*", mode: observe}]',
    policy="{forbidden_apps: [{client_id: 00000000-1111-4222-8333-444444444404, reason: 'Decommissioned, INC0090117'}],"
    " rules: {HVE405: {enabled: false}}, waivers: [{rule: HVE201, tenant: contoso, account: hve-lab@contoso.com,"
    " app: 7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05, reason: Vendor trial, owner: lab@contoso.com, ticket: RISK-221,"
    " expires: 2999-12-15}]}",
)
"""The configuration that the golden files are made from."""


def report(terminal: Terminal, *words: str | Path, of: str = FILED, **environ: str) -> Ran:
    if of:
        terminal.write("hve.yaml", of)
    return terminal.hveadmin("report", *words, **environ)


def unknown(ran: Ran) -> set[tuple[str | None, str | None, str]]:
    return {(each["tenant"], each["account"], each["what"]) for each in ran.json["unknown"]}


# As it was agreed


@pytest.mark.parametrize("format_name", ["table", "md"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_is_told_as_it_was_agreed(
    terminal: Terminal, golden: Callable[[str, str], None], kind: str, format_name: str
) -> None:
    ran = report(terminal, kind, "-o", format_name).ends_with(0)
    day = re.sub(r"\b20\d\d-\d\d-\d\d\b", "DAY", settled(ran.out))
    golden(f"report-{kind}.{'txt' if format_name == 'table' else 'md'}", day)


# How it ends


@pytest.mark.parametrize("kind", KINDS)
def test_findings_change_no_exit_code(terminal: Terminal, kind: str) -> None:
    ran = report(terminal, kind, "-o", "json").ends_with(0)
    assert [each for each in ran.json["findings"] if each["verdict"] == "fail"]
    assert ran.json["kind"] == f"report-{kind}"
    assert unknown(ran) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_an_account_that_cannot_be_read_is_told_and_ends_with_7(
    terminal: Terminal, sandbox: Sandbox, kind: str
) -> None:
    sandbox.add_fault(Fault(FaultKind.HTML, account=OPEN_ACCOUNT, times=None))
    ran = report(terminal, kind, "-o", "table", "-o", "json=r.json").ends_with(7)
    assert ran.out.index(f"UNKNOWN: contoso {OPEN_ACCOUNT}") < ran.out.index("1 UNKNOWN.")
    document = json.loads((terminal.folder / "r.json").read_text())
    assert [each["account"] for each in document["unknown"]] == [OPEN_ACCOUNT]
    assert document["tenants"][0]["open"] == 1, "legacy is open, and of the unread one nobody knows"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("profile", "code"), [("nobody-there", 7), ("without-role", 5), ("wrong-secret", 5)])
def test_a_tenant_that_cannot_be_read_is_a_report_that_says_so(
    terminal: Terminal, kind: str, profile: str, code: int
) -> None:
    of = config(f"{SHOP_ACCOUNT}: {{apps: [shop]}}", profile=profile)
    outputs = ("-o", "json", "-o", "md=r.md", "-o", "html=r.html", "-o", "csv=r.csv", "-o", "sarif=r.sarif")
    ran = report(terminal, kind, *outputs, of=of).ends_with(code)
    assert ran.err.startswith("error: contoso: ")
    assert unknown(ran) == {("contoso", None, "the tenant")}
    assert ran.json["tenants"][0]["accounts"] is None
    for name in ("md", "html", "csv"):
        assert "UNKNOWN" in (terminal.folder / f"r.{name}").read_text(), name
    assert "HVE902" in (terminal.folder / "r.sarif").read_text()


def test_a_part_that_may_not_be_read_is_named_on_page_one_and_ends_with_7(terminal: Terminal) -> None:
    of = config(selectors='[{match: "*", mode: observe}]', profile="without-graph")
    ran = report(terminal, "inventory", of=of).ends_with(7)
    assert "UNKNOWN: contoso: the directory could not be read: " in ran.out.partition("open accounts")[0]


def test_a_journal_that_cannot_be_read_is_told_and_hides_nothing_else(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    (journal,) = Path(terminal.environ["HVEADMIN_STATE"]).rglob("journal.jsonl")
    journal.unlink()
    journal.mkdir()
    for kind in ("inventory", "changes"):
        ran = report(terminal, kind, "-o", "json").ends_with(7)
        assert unknown(ran) == {("contoso", None, "the journal")}
        assert ran.json["tenants"][0]["accounts"] == 14


@pytest.mark.parametrize(
    "words",
    [
        ("--snapshot", "there-is-none.json"),
        ("--against", "there-is-none.json"),
        ("--since", "yesterday"),
        ("--since", "2026-11-24", "--until", "2026-11-23"),
        ("-t", "fabrikam"),
        ("-o", "json=audit.zip", "--bundle", "audit.zip"),
    ],
)
def test_what_cannot_be_meant_so_is_refused_before_anybody_is_asked(
    terminal: Terminal, running: Running, words: tuple[str, ...]
) -> None:
    report(terminal, "changes", *words).ends_with(2)
    assert running.calls.cmdlets() == {}


# What it tells


def test_open_accounts_come_first_and_each_application_with_its_words(terminal: Terminal) -> None:
    ran = report(terminal, "inventory", "-o", "csv").ends_with(0)
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["state"].partition(":")[0] for row in rows][:2] == ["OPEN", "OPEN"]
    (shop,) = [row for row in rows if row["account"] == SHOP_ACCOUNT]
    told = ("application", "object_id", "standing", "owner", "reason", "ticket", "expires", "since", "declared")
    assert [shop[name] for name in told] == [
        "shop", SHOP, "declared", "shop@contoso.com", "Order mail", "CHG0041207", "2999-12-31", "not known",
        "enforce, hve.yaml:19",
    ]  # fmt: skip
    waived = next(row for row in rows if row["account"] == "hve-lab@contoso.com")
    assert (waived["standing"], waived["ticket"]) == ("accepted by a waiver", "RISK-221")


def test_the_exposure_counts_and_says_what_is_left_to_chance(terminal: Terminal) -> None:
    ran = report(terminal, "exposure", "-o", "json").ends_with(0)
    accounts = {each["account"]: each for each in ran.json["accounts"]}
    assert accounts[OPEN_ACCOUNT]["residual_risk"].endswith("and nobody declared that")
    assert accounts["hve-scan@contoso.com"]["basic_authentication"] == {"state": "known", "value": "allowed"}
    assert accounts["hve-full@contoso.com"]["unused"] == 0
    assert accounts["hve-full@contoso.com"]["traits"]["forbidden"] == 1
    forbidden = next(each for each in ran.json["applications"] if each["display_name"] == "Bulk Blaster")
    assert forbidden["traits"][0] == {"trait": "forbidden", "says": "forbidden: Decommissioned, INC0090117"}


def test_since_when_is_known_once_a_run_of_ours_did_it(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    sandbox.tenant("contoso").add_apps(OPEN_ACCOUNT, [SHOP])
    ran = report(terminal, "inventory", "-o", "json").ends_with(0)
    since = {
        each["application"]: each["since"]["how"] for each in ran.json["grants"] if each["account"] == OPEN_ACCOUNT
    }
    assert since == {"monitoring": "granted", "shop": "later"}


def test_changes_are_what_the_journal_has_and_what_was_done_past_it(terminal: Terminal, sandbox: Sandbox) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("snapshot", "-o", "monday.json").ends_with(0)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    sandbox.tenant("contoso").add_apps(OPEN_ACCOUNT, [SHOP])
    ran = report(terminal, "changes", "--against", "monday.json", "-o", "json", "-o", "md=c.md", of=CLOSES_ONE)
    document = ran.ends_with(0).json
    (call,) = document["calls"]
    assert (call["account"], call["action"], call["result"]) == (OPEN_ACCOUNT, "grant", "done")
    assert (document["runs"][0]["outcome"], document["runs"][0]["actor"]) == ("ok", None)
    assert [each["difference"] for each in document["differences"]] == ["closed", "granted", "granted"]
    text = (terminal.folder / "c.md").read_text()
    assert NOT_IN_IT in text
    assert "changed by somebody else" in text
    assert document["snapshots"][0]["sha256"] == read(terminal.folder / "monday.json").sha256
    assert report(terminal, "changes", "--until", "2020-01-01", "-o", "json", of=CLOSES_ONE).json["runs"] == []
    assert len(report(terminal, "changes", "--since", "2020-01-01", "-o", "json", of=CLOSES_ONE).json["runs"]) == 1


def test_a_line_of_the_journal_that_was_cut_off_is_told_and_ends_with_7(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes").ends_with(0)
    (journal,) = Path(terminal.environ["HVEADMIN_STATE"]).rglob("journal.jsonl")
    journal.write_text(journal.read_text()[:-9])
    ran = report(terminal, "changes", of=CLOSES_ONE).ends_with(7)
    assert "1 line of the journal cannot be read" in ran.out
    assert "Nobody wrote down how 1 run ended." in ran.out


def test_exceptions_are_told_with_what_became_of_them(terminal: Terminal) -> None:
    ran = report(terminal, "exceptions", "-o", "json").ends_with(0)
    found = [(each["exception"], each["state"], each["account"]) for each in ran.json["exceptions"]]
    assert found[:2] == [
        ("unrestricted-account", "not-declared", OPEN_ACCOUNT),
        ("unrestricted-account", "in-force", LEGACY),
    ]
    assert ("waiver", "in-force", "hve-lab@contoso.com") in found
    assert [each["rule"] for each in ran.json["exceptions"] if each["exception"] == "rule"] == ["HVE405"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_account_is_told_of_where_one_is_named_and_page_one_says_so(terminal: Terminal, kind: str) -> None:
    ran = report(terminal, kind, "-a", PAYROLL_ACCOUNT, "-o", "table", "-o", "json=r.json").ends_with(0)
    assert f"only those that {PAYROLL_ACCOUNT} names" in ran.out
    assert "1 account in 1 tenant" in ran.out
    document = json.loads((terminal.folder / "r.json").read_text())
    assert {each["account"] for each in document["findings"]} <= {None, PAYROLL_ACCOUNT}
    assert SHOP_ACCOUNT not in (terminal.folder / "r.json").read_text()
    assert "no account" in report(terminal, kind, "-a", "hve-nobody@contoso.com").ends_with(6).err


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_configuration_the_tenant_is_told_of_all_the_same(terminal: Terminal, kind: str) -> None:
    ran = report(terminal, kind, "-p", "operator", "-o", "json", of="").ends_with(0)
    assert ran.json["about"][0]["configuration"] is None
    assert ran.json["tenants"][0]["open"] == 2
    failing = {each["rule"] for each in ran.json["findings"] if each["verdict"] == "fail"}
    assert {"HVE101", "HVE204"} <= failing
    assert not {"HVE201", "HVE302", "HVE303"} & failing
    assert {each["source"] and each["source"]["file"] for each in ran.json["findings"]} == {None}


def test_every_format_of_findings_is_made_from_the_same_run(terminal: Terminal, running: Running) -> None:
    names = ("sarif", "junit", "gitlab", "github", "azure", "ocsf", "yaml", "jsonl", "html")
    report(terminal, "exposure", *(f"-o{name}=out.{name}" for name in names)).ends_with(0)
    for name in names:
        assert (terminal.folder / f"out.{name}").stat().st_size > 500, name
    assert running.calls.cmdlets()["Get-MailUser"] == 1


# From a snapshot


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_tells_the_same_and_nobody_is_asked(terminal: Terminal, running: Running, kind: str) -> None:
    live = report(terminal, kind, "-o", "json").ends_with(0)
    terminal.hveadmin("snapshot", "-o", "taken.json").ends_with(0)
    running.calls.clear()
    offline = report(terminal, kind, "--snapshot", "taken.json", "-o", "json").ends_with(0)
    assert running.calls.count() == 0
    told = {"about", "tenants", "findings"}
    assert {each: offline.json[each] for each in offline.json.keys() - told} == {
        each: live.json[each] for each in live.json.keys() - told
    }
    assert offline.json["about"][0]["snapshot"]["sha256"] == read(terminal.folder / "taken.json").sha256
    (then,) = offline.json["tenants"]
    assert then["read_by"] == live.json["tenants"][0]["read_by"]


def test_a_snapshot_is_enough_without_a_configuration_and_without_a_profile(terminal: Terminal) -> None:
    terminal.hveadmin("snapshot", "-p", "operator", "-o", "taken.json").ends_with(0)
    ran = report(terminal, "inventory", "--snapshot", "taken.json", "-o", "json", of="").ends_with(0)
    assert len(ran.json["accounts"]) == 14
    assert len(ran.json["grants"]) > 20


def test_a_snapshot_of_another_tenant_or_edited_by_hand_is_refused(terminal: Terminal) -> None:
    terminal.hveadmin("snapshot", "-p", "operator", "-o", "taken.json").ends_with(0)
    path = terminal.folder / "taken.json"
    other = FILED.replace("8f1c6d20", "00000000")
    assert "the snapshot is of" in report(terminal, "inventory", "--snapshot", path, of=other).ends_with(6).err
    path.write_text(path.read_text().replace(PAYROLL_ACCOUNT, SHOP_ACCOUNT))
    report(terminal, "inventory", "--snapshot", path).ends_with(6)


# The bundle


MEMBERS = {
    "report.html", "report.json", "snapshot.json", "findings.json", "findings.sarif", "journal.json", MANIFEST,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_holds_everything_and_sha256sum_finds_it_whole(terminal: Terminal, kind: str) -> None:
    report(terminal, kind, "--bundle", "audit.zip", "-q").ends_with(0)
    path = terminal.folder / "audit.zip"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    out = terminal.folder / "out"
    with zipfile.ZipFile(path) as bundle:
        assert set(bundle.namelist()) == MEMBERS
        bundle.extractall(out)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--strict", "--quiet", "-c", MANIFEST], cwd=out, check=True)
    assert json.loads((out / "report.json").read_text())["kind"] == f"report-{kind}"
    assert json.loads((out / "findings.json").read_text())["kind"] == "check"
    assert read(out / "snapshot.json").tenants[0].alias == "contoso"
    (journal,) = json.loads((out / "journal.json").read_text())["journals"]
    assert (journal["state"], journal["head"]) == ("none", None)
    assert list(terminal.folder.glob(".audit*")) == [], "no draft is left behind"


def test_a_bundle_from_a_snapshot_has_that_very_snapshot(terminal: Terminal) -> None:
    terminal.hveadmin("snapshot", "-p", "operator", "-o", "taken.json").ends_with(0)
    report(terminal, "exposure", "--snapshot", "taken.json", "--bundle", "audit.zip").ends_with(0)
    with zipfile.ZipFile(terminal.folder / "audit.zip") as bundle:
        assert bundle.read("snapshot.json") == (terminal.folder / "taken.json").read_bytes()


@pytest.mark.parametrize("path", ["missing/audit.zip", "."])
def test_a_bundle_that_cannot_be_written_ends_the_run_before_anything_is_fetched(
    terminal: Terminal, running: Running, path: str
) -> None:
    report(terminal, "inventory", "--bundle", path).ends_with(1)
    assert running.calls.count() == 0


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as bundle:
        yield from ((name, bundle.read(name)) for name in bundle.namelist())


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_and_no_token_is_in_a_report_or_a_bundle(terminal: Terminal, sandbox: Sandbox, kind: str) -> None:
    secret = sandbox.operator.secret_path.read_text().strip()
    names = ("json", "html", "md", "csv", "sarif", "junit", "ocsf")
    ran = report(terminal, kind, *(f"-o{name}=r.{name}" for name in names), "--bundle", "audit.zip", "--debug")
    ran.ends_with(0)
    written = [(name, (terminal.folder / f"r.{name}").read_bytes()) for name in names]
    written += [("said", ran.said.encode()), *members(terminal.folder / "audit.zip")]
    for name, data in written:
        assert secret.encode() not in data, name
        assert b"eyJ" not in data, name


def test_a_bundle_of_a_tenant_that_could_not_be_read_says_so_in_every_part(terminal: Terminal) -> None:
    of = config(f"{SHOP_ACCOUNT}: {{apps: [shop]}}", profile="nobody-there")
    report(terminal, "inventory", "--bundle", "audit.zip", of=of).ends_with(7)
    for name, data in members(terminal.folder / "audit.zip"):
        if name not in (MANIFEST, "journal.json"):
            assert b"contoso" in data, name
            assert b"nobody answers" in data or b"could not be read" in data or b"unread" in data, name


# Many tenants, and how much it costs


@pytest.fixture
def fleet(terminal: Terminal, reseed: Callable[[str], Sandbox]) -> Sandbox:
    """Three tenants of four accounts each, and a configuration that only observes them."""
    sandbox = reseed("fleet:3x4x2")
    lines = ["version: 1", f"policy: {NOTHING_FOUND}", "tenants:"]
    for each in sandbox.tenants():
        lines += [f"  {each.alias}:", f"    tenant_id: {each.tenant_id}", "    profile: operator"]
        lines += ['    selectors: [{match: "*", mode: observe}]']
    terminal.write("hve.yaml", "\n".join(lines) + "\n")
    return sandbox


@pytest.mark.parametrize("kind", KINDS)
def test_many_tenants_are_one_document_and_an_unread_one_stands_in_it(
    terminal: Terminal, fleet: Sandbox, kind: str
) -> None:
    silent, *fine = (each.alias for each in fleet.tenants())
    path = f"/{fleet.tenant(silent).tenant_id}/"
    fleet.add_fault(Fault(FaultKind.HTML, surface=Surface.EXCHANGE, path=path, times=None))
    ran = report(terminal, kind, "-o", "json", "-o", "html=r.html", of="").ends_with(7)
    states = {each["tenant"]: each["state"] for each in ran.json["tenants"]}
    assert states == {silent: "unread"} | dict.fromkeys(fine, "read")
    assert unknown(ran) == {(silent, None, "the tenant")}
    page = (terminal.folder / "r.html").read_text()
    assert page.index(silent) < page.index(f"{fine[0]}: ") if kind != "exceptions" else silent in page
    report(terminal, kind, "-t", fine[0], of="").ends_with(0)


@pytest.mark.parametrize("kind", ["inventory", "exposure"])
def test_a_hundred_accounts_cost_tens_of_calls(
    terminal: Terminal, reseed: Callable[[str], Sandbox], running: Running, kind: str
) -> None:
    reseed("fleet:1x100x3")
    tenant = guid_of("fleet-0001", "tenant")
    report(terminal, kind, "-p", "operator", "-t", tenant, "-o", "json=r.json", "--bundle", "b.zip", of="").ends_with(0)
    document = json.loads((terminal.folder / "r.json").read_text())
    assert len(document["accounts"]) == 100
    assert len(document["applications"]) == 100
    # Measured: 33 of Exchange, 17 of the directory, 3 to sign in.
    assert running.calls.count() < 60
