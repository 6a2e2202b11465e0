"""What is written where: formats that real parsers read, several in one run, and names that attack whoever prints."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.scenes import (
    ANNA,
    CLOSES_ONE,
    INVOICE,
    INVOICE_REGISTRATION,
    NOBODY,
    OPEN_ACCOUNT,
    PAYROLL,
    PAYROLL_CLIENT_ID,
    SHOP_ACCOUNT,
    sent,
)
from cli.terminal import Terminal

from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import guid_of
from hveadmin.sandbox.server import Running, Sandbox

FORMATS = ("table", "json", "jsonl", "yaml", "csv", "md", "name")
HOSTILE = [
    guid_of("contoso", "principal", f"hostile-{slug}")
    for slug in ("script", "formula", "ansi", "bidi", "markup", "github", "azure", "table", "mention")
]
_OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]|^\\s*::|##vso\\[|##\\[", re.MULTILINE
)
"""What a terminal or a log reader obeys."""

READ_COMMANDS = {
    "plan": ("plan",),
    "account list": ("account", "list"),
    "account show": ("account", "show", "*"),
    "app list": ("app", "list"),
    "app show": ("app", "show", *HOSTILE),
    "app whatis": ("app", "whatis", *HOSTILE, "::error::", "##vso[task.complete]\x1b[31m"),
    "tenant list": ("tenant", "list"),
    "tenant test": ("tenant", "test"),
    "validate": ("validate",),
}


def parsed(format_name: str, text: str) -> Any:
    """The text, read by a parser that knows nothing of hveadmin."""
    match format_name:
        case "json":
            return json.loads(text)
        case "jsonl":
            return [json.loads(line) for line in text.splitlines()]
        case "yaml":
            return yaml.safe_load(text)
        case "csv":
            return list(csv.DictReader(io.StringIO(text), strict=True))
        case _:
            return text


@pytest.fixture
def hostile(terminal: Terminal, sandbox: Sandbox) -> Sandbox:
    """Every hostile name is on a list, and on an account that the configuration changes."""
    tenant = sandbox.tenant("contoso")
    tenant.add_apps("hve-hostile@contoso.com", HOSTILE[4:])
    tenant.add_apps(SHOP_ACCOUNT, HOSTILE)
    text = CLOSES_ONE.replace("    accounts:\n", f"    accounts:\n      {SHOP_ACCOUNT}: {{apps: [monitoring]}}\n")
    terminal.write("hve.yaml", text)
    return sandbox


def in_every_format(terminal: Terminal, *words: str) -> Iterator[tuple[str, str]]:
    """What a command writes: each format into a file, and to stdout the table, as a terminal shows it."""
    outputs = [f"-o{name}=out.{name}" for name in FORMATS if name != "table"]
    ran = terminal.hveadmin(*words, *outputs, "-o", "table").ends_with(0)
    yield "stderr", ran.err
    yield "table", ran.out
    for name in FORMATS:
        if name != "table":
            yield name, (terminal.folder / f"out.{name}").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [*READ_COMMANDS, "apply"])
def test_no_name_is_obeyed_and_every_format_can_be_parsed(terminal: Terminal, hostile: Sandbox, command: str) -> None:
    words = READ_COMMANDS.get(command, ("apply", "--yes"))
    for format_name, text in in_every_format(terminal, *words):
        assert _OBEYED.findall(text) == [], format_name
        if format_name != "stderr":
            assert parsed(format_name, text), format_name
            assert text.endswith("\n")


@pytest.mark.parametrize("format_name", ["json", "jsonl", "yaml", "csv", "md", "name", "github"])
def test_what_is_written_to_stdout_is_what_is_written_to_a_file(terminal: Terminal, format_name: str) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    words = ("validate", "-o", format_name)
    printed = terminal.hveadmin(*words).ends_with(0).out
    terminal.hveadmin("validate", "-o", f"{format_name}=out").ends_with(0)
    assert (terminal.folder / "out").read_text() == printed


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_name_of_our_own_arguments_is_as_hostile(terminal: Terminal, format_name: str) -> None:
    hostile = "\x1b[2J::error::\u202e"
    ran = terminal.hveadmin("account", "show", hostile, "-p", "operator", "-o", format_name).ends_with(6)
    assert _OBEYED.findall(ran.said) == []


def test_machine_formats_give_back_the_name_that_the_tenant_holds(terminal: Terminal, hostile: Sandbox) -> None:
    for format_name in ("json", "yaml"):
        ran = terminal.hveadmin("app", "list", "-o", format_name).ends_with(0)
        names = {each["identity"]["display_name"] for each in parsed(format_name, ran.out)["applications"]}
        assert {"\x1b[31mred", "\u202eevil", "::error::x", "##vso[task.complete]", "a|b\nc"} <= names


def test_a_spreadsheet_calculates_nothing(terminal: Terminal, hostile: Sandbox) -> None:
    ran = terminal.hveadmin("app", "list", "-o", "csv").ends_with(0)
    cells = [cell for row in csv.reader(io.StringIO(ran.out)) for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]
    assert any("=HYPERLINK" in cell for cell in cells)


def test_a_machine_format_is_the_same_whatever_the_number(terminal: Terminal) -> None:
    for account, number in (("nobody@*", 0), (SHOP_ACCOUNT, 1), ("*", 14)):
        document = terminal.hveadmin("account", "list", "-p", "operator", "-a", account, "-o", "json").ends_with(0).json
        assert document["format_version"] == 1
        assert len(document["accounts"]) == number


def test_one_run_writes_many_outputs(terminal: Terminal, running: Running) -> None:
    files = {name: f"out.{name}" for name in FORMATS if name != "table"}
    words = [f"-o{name}={file}" for name, file in files.items()]
    ran = terminal.hveadmin("account", "list", "-p", "operator", *words, "-o", "table").ends_with(0)
    assert "14 accounts" in ran.out
    assert running.calls.cmdlets()["Get-MailUser"] == 1, "read once, written six times"
    for name, file in files.items():
        assert parsed(name, (terminal.folder / file).read_text())


def test_an_output_in_a_file_leaves_stdout_alone(terminal: Terminal) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json=out.json").ends_with(0)
    assert ran.said == ""
    assert stat.S_IMODE((terminal.folder / "out.json").stat().st_mode) & 0o400


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes as POSIX has them")
def test_an_output_that_is_no_plain_file_is_written_to_and_not_replaced(terminal: Terminal) -> None:
    pipe = terminal.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        terminal.hveadmin("tenant", "test", "-p", "operator", "-o", "json=pipe").ends_with(0)
        assert stat.S_ISFIFO(pipe.stat().st_mode)
        assert json.loads(os.read(reader, 65536))["kind"]
    finally:
        os.close(reader)


@pytest.mark.skipif(sys.platform == "win32", reason="links as POSIX has them")
def test_an_output_through_a_link_leaves_the_link(terminal: Terminal) -> None:
    target = terminal.write("real.json", "")
    (terminal.folder / "link.json").symlink_to(target)
    terminal.hveadmin("tenant", "test", "-p", "operator", "-o", "json=link.json").ends_with(0)
    assert (terminal.folder / "link.json").is_symlink()
    assert json.loads(target.read_text())["kind"]


def test_an_output_that_fails_leaves_the_file_as_it_was(terminal: Terminal) -> None:
    kept = terminal.write("out.json", "what was there\n")
    terminal.hveadmin("account", "list", "-p", "wrong-secret", "-o", "json=out.json").ends_with(5)
    assert kept.read_text() == "what was there\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "xml"), "there is no output format 'xml'"),
        (("-o", "json", "-o", "csv"), "two outputs go to stdout"),
        (("-o", "json=a", "-o", "csv=a"), "two outputs go to a"),
        (("-o", "json="), "no file is named"),
        (("--query", "accounts["), "is not a JMESPath expression"),
        (("--timeout", "0"), "--timeout"),
        (("--concurrency", "11"), "--concurrency"),
        (("--color", "sometimes"), "--color"),
    ],
)
def test_an_output_that_cannot_be_meant_so_is_refused_before_anybody_is_asked(
    terminal: Terminal, running: Running, words: tuple[str, ...], message: str
) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "operator", *words).ends_with(2)
    assert message in ran.err
    assert ran.out == ""
    assert running.calls.count() == 0


def test_two_ways_to_write_a_path_are_one_place(terminal: Terminal, running: Running) -> None:
    words = ("-o", "json=out", "-o", f"csv={terminal.folder / 'out'}")
    assert "two outputs go to out" in terminal.hveadmin("account", "list", "-p", "operator", *words).ends_with(2).err
    assert running.calls.count() == 0


def test_a_query_that_is_none_changes_nothing(terminal: Terminal, running: Running) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    terminal.hveadmin("apply", "--yes", "--query", "accounts[").ends_with(2)
    assert sent(running) == {}


def test_a_folder_that_is_missing_is_found_before_anything_is_fetched(terminal: Terminal, running: Running) -> None:
    ran = terminal.hveadmin("account", "list", "-p", "operator", "-o", "json=nowhere/out.json")
    assert ran.code in (1, 2)
    assert "nowhere/out.json cannot be written" in ran.err
    assert running.calls.count() == 0


def test_a_query_picks_a_part_in_every_format(terminal: Terminal) -> None:
    expected = [OPEN_ACCOUNT, "hve-legacy@contoso.com"]
    words = ("account", "list", "-p", "operator", "--query", "accounts[?open].account", "-o")
    assert terminal.hveadmin(*words, "json").ends_with(0).json == expected
    assert parsed("yaml", terminal.hveadmin(*words, "yaml").out) == expected
    assert parsed("jsonl", terminal.hveadmin(*words, "jsonl").out) == expected
    assert [list(row.values()) for row in parsed("csv", terminal.hveadmin(*words, "csv").out)] == [
        [each] for each in expected
    ]
    assert terminal.hveadmin(*words, "table").out.splitlines()[2:] == expected


def test_colour_is_for_terminals_unless_asked_for(terminal: Terminal) -> None:
    words = ("account", "list", "-p", "operator")
    assert "\x1b[" not in terminal.hveadmin(*words).out
    assert "\x1b[" in terminal.hveadmin(*words, "--color", "always").out
    assert "\x1b[" in terminal.hveadmin(*words, "--color", "always", NO_COLOR="1").out, "a flag speaks before NO_COLOR"
    assert "\x1b[" not in terminal.hveadmin(*words, "--color", "never").out


def test_colour_is_never_the_only_sign(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    coloured = terminal.hveadmin("plan", "--color", "always").ends_with(0).out
    plain = terminal.hveadmin("plan").ends_with(0).out
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert re.sub(r"read \S+", "", bare) == re.sub(r"read \S+", "", plain)


def test_files_hold_no_colour(terminal: Terminal) -> None:
    terminal.hveadmin("account", "list", "-p", "operator", "--color", "always", "-o", "table=out.txt").ends_with(0)
    assert "\x1b[" not in (terminal.folder / "out.txt").read_text()


@pytest.mark.parametrize("format_name", ["text", "json"])
def test_log_lines_are_on_stderr(terminal: Terminal, sandbox: Sandbox, format_name: str) -> None:
    sandbox.add_fault(Fault(FaultKind.THROTTLE, surface=Surface.EXCHANGE, times=1, retry_after=0.1))
    words = ("account", "list", "-p", "operator", "-v", "--log-format", format_name, "-o", "json")
    ran = terminal.hveadmin(*words).ends_with(0)
    assert len(ran.json["accounts"]) == 14
    (line,) = ran.err.splitlines()
    assert "waiting 0." in (json.loads(line)["message"] if format_name == "json" else line)


def test_debug_logs_more_than_nothing(terminal: Terminal) -> None:
    assert terminal.hveadmin("account", "list", "-p", "operator", "--debug").ends_with(0).err


@pytest.mark.parametrize("command", ["account list", "tenant list", "tenant test"])
def test_commands_look_as_agreed(terminal: Terminal, golden: Callable[[str, str], None], command: str) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    golden(f"{command.replace(' ', '-')}.txt", terminal.hveadmin(*command.split()).transcript(terminal.folder))


LOOK_ALIKES = {
    PAYROLL: ": the right id for an HVE account",
    PAYROLL_CLIENT_ID: f'is the client id of "Payroll Mailer"; use its service principal {PAYROLL}',
    INVOICE_REGISTRATION: f'of the app registration "Invoice Bot"; use its service principal {INVOICE}',
    ANNA: 'is the user "Anna Holm"',
    guid_of("contoso", "group", "hve-senders"): 'is the group "HVE senders"',
    guid_of("contoso", "device", "scanner-3"): 'is the device "SCANNER-3"',
    guid_of("contoso", "principal", "vm-backup-runner"): "a managed identity",
    guid_of("contoso", "principal", "CRM Sync 2019"): "disabled in Entra",
    guid_of("contoso", "principal", "Newsletter 2021"): "deleted on ",
    "7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05": "registered by another tenant",
    NOBODY: "is nothing in this tenant",
}
"""Ids that look alike, and what tells them apart."""


def test_whatis_tells_all_look_alikes_apart(terminal: Terminal) -> None:
    lines = terminal.hveadmin("app", "whatis", *LOOK_ALIKES, "-p", "operator").ends_with(0).out.splitlines()
    for app, words in LOOK_ALIKES.items():
        (line,) = [line for line in lines if line.startswith(f"{app} is ")]
        assert words in line


def test_whatis_asks_once_if_all_is_right_and_twice_if_not(terminal: Terminal, running: Running) -> None:
    terminal.hveadmin("app", "whatis", PAYROLL, "-p", "operator").ends_with(0)
    once = running.calls.count(Surface.GRAPH)
    running.calls.clear()
    terminal.hveadmin("app", "whatis", *LOOK_ALIKES, "-p", "operator").ends_with(0)
    assert (once, running.calls.count(Surface.GRAPH)) == (1, 2)


def test_reports_can_be_kept(terminal: Terminal) -> None:
    """A file is replaced whole, so that whoever reads it meanwhile reads one report and not two halves."""
    words = ("account", "list", "-p", "operator", "-o", "json=out.json")
    terminal.hveadmin(*words).ends_with(0)
    first = Path(terminal.folder / "out.json").stat().st_ino
    terminal.hveadmin(*words).ends_with(0)
    assert Path(terminal.folder / "out.json").stat().st_ino != first
    assert [path.name for path in terminal.folder.iterdir()] == ["out.json"]
