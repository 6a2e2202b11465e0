"""
The JEA kit: it is PowerShell, and it shows just what hveadmin calls.

Nothing here runs PowerShell. The files are read with two grammars, and what they say is compared with the program's own
list of cmdlets, so that neither can change without the other.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from builders import TENANT, app
from docs.command_line import ALL
from docs.pages import blocks
from docs.test_links import anchors, links_of
from hypothesis import given
from hypothesis import strategies as st
from playbooks.conftest import ROOT
from playbooks.powershell_data import Value, data, functions
from powershell_grammars import GRAMMARS, nodes, parsed, text_of

from hveadmin.cli.lazy import load
from hveadmin.config.profiles import parse_profiles
from hveadmin.domain.ids import Address
from hveadmin.domain.profile import ConnectBy
from hveadmin.exchange import cmdlet
from hveadmin.exchange.cmdlet import Cmdlet, CmdletName
from hveadmin.exchange.powershell import session
from hveadmin.exchange.powershell.session import Connecting, which_commands
from hveadmin.sandbox.psrp.host import CONFIGURATIONS

JEA = ROOT / "playbooks" / "jea"
MODULE = JEA / "HVEAdmin"
README = (JEA / "README.md").read_text(encoding="utf-8")
CODE = sorted(each for each in JEA.rglob("*") if each.suffix.startswith(".ps"))

READER, WRITER = "HVEAdminReader", "HVEAdmin"
ROLES = [READER, WRITER]
ENDPOINTS = {READER: "HVEAdmin.Reader", WRITER: "HVEAdmin"}
PREFIX = "Tenant"

ACCOUNT = Address("hve-payroll@contoso.com")
SENT = {
    each.title: each
    for each in (
        cmdlet.list_accounts(),
        cmdlet.settings_of(ACCOUNT),
        cmdlet.billing_policy_of(ACCOUNT),
        cmdlet.authentication_policies(),
        cmdlet.organization(),
        cmdlet.user_of(ACCOUNT),
        cmdlet.grant(ACCOUNT, [app(1), app(2)]),
        cmdlet.revoke(ACCOUNT, [app(1)]),
    )
}
"""Every cmdlet as hveadmin sends it."""


def allowed_for(role: str) -> set[str]:
    """The cmdlets that a role is for."""
    return {each.value for each in CmdletName if role == WRITER or not each.writes}


def capability(role: str) -> dict[str, Value]:
    return data((MODULE / "RoleCapabilities" / f"{role}.psrc").read_text(encoding="utf-8"))


def configuration(role: str) -> dict[str, Value]:
    return data((JEA / f"{role}.pssc").read_text(encoding="utf-8"))


def shown(role: str) -> dict[str, dict[str, dict[str, Value]]]:
    """What a role capability shows: functions, and the parameters of each with what restricts their values."""
    found: dict[str, dict[str, dict[str, Value]]] = {}
    listed = capability(role)["VisibleFunctions"]
    assert isinstance(listed, list)
    for each in listed:
        if isinstance(each, str):
            found[each] = {}
            continue
        assert isinstance(each, dict) and set(each) == {"Name", "Parameters"}
        name, parameters = each["Name"], each["Parameters"]
        assert isinstance(name, str) and isinstance(parameters, list) and parameters and name not in found
        found[name] = dict(_parameter(one) for one in parameters)
    return found


def _parameter(entry: Value) -> tuple[str, dict[str, Value]]:
    assert isinstance(entry, dict)
    name = entry.pop("Name")
    assert isinstance(name, str)
    return name, entry


def variables(role: str) -> dict[str, str]:
    """What a session configuration tells Connect.ps1."""
    listed = configuration(role)["VariableDefinitions"]
    assert isinstance(listed, list)
    pairs = [(each["Name"], each["Value"]) for each in listed if isinstance(each, dict)]
    assert len(pairs) == len(listed)
    return {str(name): str(value) for name, value in pairs}


def admits(restriction: dict[str, Value], value: object) -> bool:
    """Whether JEA would let a value pass. A pattern has to match the whole of each text, whatever its case [F]."""
    values = value if isinstance(value, tuple) else (value,)
    match restriction:
        case {"ValidatePattern": str(pattern)}:
            return all(re.fullmatch(pattern, str(each), re.IGNORECASE) for each in values)
        case {"ValidateSet": str(only)}:
            return all(each == only for each in values)
        case _:
            return restriction == {}


# The files are PowerShell


def test_the_kit_is_all_there() -> None:
    assert [each.relative_to(JEA).as_posix() for each in CODE] == [
        "HVEAdmin/Connect.ps1",
        "HVEAdmin/HVEAdmin.psd1",
        "HVEAdmin/HVEAdmin.psm1",
        "HVEAdmin/RoleCapabilities/HVEAdmin.psrc",
        "HVEAdmin/RoleCapabilities/HVEAdminReader.psrc",
        "HVEAdmin.pssc",
        "HVEAdminReader.pssc",
    ]


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_every_file_is_powershell(file: Path, grammar: str) -> None:
    assert not parsed(grammar, file.read_text(encoding="utf-8")).has_error


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_windows_powershell_reads_every_file_alike(file: Path) -> None:
    # Without a byte order mark it takes a file for the machine's own code page, and not for UTF-8.
    assert file.read_bytes().isascii()


# They show what hveadmin calls


def test_every_cmdlet_of_the_program_is_looked_at_here() -> None:
    assert set(SENT) == {each.value for each in CmdletName}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_shows_the_cmdlets_that_it_is_for_and_no_other(role: str) -> None:
    assert set(shown(role)) == allowed_for(role)
    assert set(capability(role)) == {
        "GUID", "Author", "Description", "ModulesToImport", "VisibleFunctions", "VisibleCmdlets",
    }  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_role_shows_besides_what_a_session_that_is_connected_is_asked(role: str) -> None:
    steps = Connecting(ConnectBy.PRECONNECTED, TENANT).steps()
    assert [capability(role)["VisibleCmdlets"]] == [each.title for each in steps]
    assert [set(each.parameters) for each in steps] == [{"ErrorAction"}], "a common parameter, which is always allowed"


def test_which_cmdlets_there_are_is_asked_with_what_every_such_session_shows() -> None:
    assert f"`{which_commands().title}`" in README.partition("PowerShell's own eight")[2].partition(")")[0]


def test_a_reader_is_shown_nothing_that_writes() -> None:
    assert all(name.startswith("Get-") for name in shown(READER))


@pytest.mark.parametrize("name", SENT)
@pytest.mark.parametrize("role", ROLES)
def test_the_parameters_are_those_that_are_sent(role: str, name: str) -> None:
    if name in allowed_for(role):
        assert set(shown(role)[name]) == set(SENT[name].parameters)


@pytest.mark.parametrize("sent", SENT.values(), ids=str)
def test_what_is_sent_passes(sent: Cmdlet) -> None:
    assert all(admits(shown(WRITER)[sent.title][name], value) for name, value in sent.parameters.items())


# A * would be a wildcard to Exchange, and no address of an HVE account has one.
ADDRESSES = st.from_regex(r"[^\s@*\x00-\x1f\x7f]{1,64}@[^\s@*\x00-\x1f\x7f]{1,80}", fullmatch=True).map(Address)


@given(account=ADDRESSES)
def test_any_accounts_address_passes(account: Address) -> None:
    assert admits(shown(WRITER)["Add-HVEAppAccess"]["Identity"], account.value)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("Get-User", "Identity", "*"),
        ("Get-User", "Identity", "a*@contoso.com"),
        ("Get-User", "Identity", "anna"),
        ("Get-HVEAccountSettings", "Identity", "a b@contoso.com"),
        ("Add-HVEAppAccess", "AppIds", ("$(calc)",)),
        ("Add-HVEAppAccess", "AppIds", (app(1).value, f"{app(2)} ")),
        ("Get-MailUser", "ResultSize", "1"),
    ],
)
def test_what_is_never_sent_does_not_pass(name: str, parameter: str, value: object) -> None:
    assert not admits(shown(WRITER)[name][parameter], value)


# The module behind them


def test_the_module_has_a_function_for_each_cmdlet_with_its_parameters_and_nothing_else() -> None:
    found = {name: set(parameters) for name, parameters, _ in functions(text_in("HVEAdmin.psm1"))}
    assert found == {name: set(sent.parameters) for name, sent in SENT.items()}


def test_a_function_calls_its_own_cmdlet_and_no_other() -> None:
    for name, _, called in functions(text_in("HVEAdmin.psm1")):
        verb, noun = name.split("-")
        assert called == [f"{verb}-{PREFIX}{noun} @PSBoundParameters"]


def test_the_manifest_exports_the_functions() -> None:
    manifest = data(text_in("HVEAdmin.psd1"))
    assert manifest["FunctionsToExport"] == sorted(SENT)
    assert manifest["RootModule"] == "HVEAdmin.psm1"
    assert [manifest[f"{each}ToExport"] for each in ("Cmdlets", "Variables", "Aliases")] == [[], [], []]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_brings_its_modules(role: str) -> None:
    exchange = {"ModuleName": session.MODULE, "ModuleVersion": session.MINIMUM_VERSION}
    assert capability(role)["ModulesToImport"] == [exchange, MODULE.name]
    assert f"-Name {session.MODULE} -MinimumVersion {session.MINIMUM_VERSION}" in README


def text_in(name: str) -> str:
    return (MODULE / name).read_text(encoding="utf-8")


# The endpoints


@pytest.mark.parametrize("role", ROLES)
def test_an_endpoint_has_no_language_and_one_role(role: str) -> None:
    found = configuration(role)
    assert (found["SessionType"], found["LanguageMode"]) == ("RestrictedRemoteServer", "NoLanguage")
    roles = found["RoleDefinitions"]
    assert isinstance(roles, dict)
    assert list(roles.values()) == [{"RoleCapabilities": role}]


@pytest.mark.parametrize("role", ROLES)
def test_an_endpoint_shows_nothing_besides_its_role(role: str) -> None:
    assert set(configuration(role)) == {
        "SchemaVersion", "GUID", "Author", "Description", "SessionType", "LanguageMode", "RoleDefinitions",
        "RunAsVirtualAccount", "RunAsVirtualAccountGroups", "TranscriptDirectory", "VariableDefinitions",
        "ScriptsToProcess",
    }  # fmt: skip


def test_reader_and_writer_share_neither_users_nor_keys_nor_transcripts() -> None:
    reader, writer = configuration(READER), configuration(WRITER)
    for key in ("GUID", "RunAsVirtualAccountGroups", "TranscriptDirectory"):
        assert reader[key] != writer[key], key
    assert users(reader).isdisjoint(users(writer))


def users(found: dict[str, Value]) -> set[str]:
    """The groups that may connect."""
    roles = found["RoleDefinitions"]
    assert isinstance(roles, dict) and roles
    return set(roles)


@pytest.mark.parametrize("role", ROLES)
def test_an_endpoint_imports_what_its_role_shows(role: str) -> None:
    assert sorted(variables(role)["HVEAdminCommands"].split()) == sorted(shown(role))


@pytest.mark.parametrize("role", ROLES)
def test_the_start_script_is_told_what_it_asks_for(role: str) -> None:
    used = {text_of(each) for each in nodes(parsed("tree-sitter-powershell", text_in("Connect.ps1")), "variable")}
    assert {each.removeprefix("$") for each in used if each.startswith("$HVEAdmin")} == set(variables(role))
    assert str(configuration(role)["ScriptsToProcess"]).endswith(rf"\Modules\{MODULE.name}\Connect.ps1")


def test_the_start_script_imports_the_cmdlets_under_the_name_that_the_functions_call() -> None:
    settings = nodes(parsed("tree-sitter-powershell", text_in("Connect.ps1")), "hash_entry")
    assert f"'{PREFIX}'" in [text_of(each).partition("=")[2].strip() for each in settings]


def test_the_sandboxs_endpoint_shows_nothing_that_ours_would_not() -> None:
    assert set(CONFIGURATIONS[ENDPOINTS[WRITER].lower()].visible) <= set(shown(WRITER))


def test_what_is_to_be_filled_in_names_nobody() -> None:
    for role in ROLES:
        found = variables(role)
        assert set(found["HVEAdminAppId"]) == {"0", "-"}
        assert set(found["HVEAdminThumbprint"]) == {"0"}


@pytest.mark.parametrize("file", [*CODE, JEA / "README.md"], ids=lambda file: file.name)
def test_no_secret_and_no_path_of_somebodys_own_is_in_the_kit(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"password|AsPlainText|SecureString|-----BEGIN|client_secret", text, re.IGNORECASE)
    assert not re.search(r"\\Users\\|/(home|root|tmp|work|usr)/", text)


# The page


def test_its_profiles_are_profiles_and_name_the_endpoints() -> None:
    (block,) = [each for each in blocks(README) if each.language == "yaml"]
    found = parse_profiles(block.text.encode(), JEA / "profiles.yaml")
    hosts = [each.host for each in found.values()]
    assert [each.transport for each in found.values()] == ["winrm", "winrm"]
    assert {each.configuration_name for each in hosts if each} == set(ENDPOINTS.values())
    assert {each.connect for each in hosts if each} == {ConnectBy.PRECONNECTED}


@pytest.mark.parametrize("role", ROLES)
def test_it_registers_each_endpoint_by_the_name_that_its_profile_has(role: str) -> None:
    assert rf"Register-PSSessionConfiguration -Path .\{role}.pssc -Name {ENDPOINTS[role]} -Force" in README
    assert rf"Test-PSSessionConfigurationFile -Path .\{role}.pssc" in README


@pytest.mark.parametrize("role", ROLES)
def test_it_makes_the_groups_and_folders_that_the_endpoints_name(role: str) -> None:
    found = configuration(role)
    assert str(found["RunAsVirtualAccountGroups"]) in README
    assert str(found["TranscriptDirectory"]).rpartition("\\")[2] in README


def test_every_link_leads_somewhere() -> None:
    found = links_of(JEA / "README.md")
    assert len(found) > 6
    for link in found:
        path, _, anchor = link.partition("#")
        target = JEA / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_command_line_is_one_that_hveadmin_takes() -> None:
    lines = [line for each in blocks(README) for line in each.text.splitlines() if line.startswith("hveadmin ")]
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        name = next(each for each in (" ".join(words[:2]), words[0]) if each in ALL)
        command: Any = load(name.rpartition(" ")[2], ALL[name])
        command.make_context(name, words[len(name.split()) :])
