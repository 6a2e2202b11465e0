"""
PowerShell that people copy is PowerShell: on every page, and in everything that the program prints.

Two independent grammars read it. None of it is run: there is no PowerShell here. What stands in <angle brackets> is
for the reader to fill in, and is a word here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from builders import app
from cli.terminal import Terminal, clean_environment
from docs.pages import ROOT, blocks, pages, without_blocks
from powershell_grammars import GRAMMARS, nodes, parsed, text_of

from hveadmin.auth.refusals import REFUSALS
from hveadmin.domain.health import EndpointSeen, Remedy, Stage
from hveadmin.domain.ids import Address
from hveadmin.domain.permissions import assign_command
from hveadmin.policy import powershell
from hveadmin.policy.rules import ALL_RULES
from hveadmin.sandbox.server import Sandbox
from hveadmin.workflows import remedies
from hveadmin.workflows.remedies import Caller

PAGES = [*(ROOT / each for each in ("README.md", "CONTRIBUTING.md")), *pages(), *ROOT.glob("playbooks/**/*.md")]
CLOUDS = ("worldwide", "gcc-high", "dod", "china")

# A cmdlet with something after it: a name alone is only mentioned.
_COMMAND = re.compile(r"`([A-Z][a-z]+-[A-Z]\w+ [^`]+)`")
_PLACEHOLDER = re.compile(r"<[a-z][a-z -]*>")
_BARE_LIST = re.compile(r"(?<= )[\w.-]+(?:, ?[\w.-]+)+(?=[ \n;|)]|$)")


def reads(grammar: str, text: str) -> bool:
    """Whether a grammar takes a text for PowerShell."""
    text = _PLACEHOLDER.sub("word", text)
    if grammar == "tree-sitter-powershell":
        # It does not know lists of bare words (-Scopes User.Read,Mail.Send), which PowerShell takes for lists of
        # texts [D: about_Parsing]. The other grammar reads them as they are.
        text = _BARE_LIST.sub(lambda found: re.sub(r"[\w.-]+", r"'\g<0>'", found[0]), text)
    return not parsed(grammar, text).has_error


# The reader of these tests


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    "text",
    ["Get-User -Identity 'a", "Get-User -Identity (", "@{ Name = ", "Get-User | ", "Get-User <a> 'b"],
)
def test_what_is_none_is_told_apart(grammar: str, text: str) -> None:
    assert not reads(grammar, text)


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_lists_and_placeholders_are_read(grammar: str) -> None:
    assert reads(grammar, "Connect-MgGraph -Scopes User.Read, Mail.Send -TenantId <tenant>\nGet-User <the user>")


# Pages


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_piece_of_a_page(page: Path, grammar: str) -> None:
    text = page.read_text(encoding="utf-8")
    pieces = [each.text for each in blocks(text) if each.language == "powershell"]
    spans = _COMMAND.findall(without_blocks(text))
    assert [each for each in (*pieces, *spans) if not reads(grammar, each)] == []


def test_no_page_has_powershell_under_another_name() -> None:
    odd = {"ps", "ps1", "pwsh", "posh"}
    assert [page for page in PAGES if odd & {each.language for each in blocks(page.read_text(encoding="utf-8"))}] == []


# Doctor's remedies


def told(caller: Caller) -> dict[str, list[Remedy]]:
    """Everything that doctor may advise this caller, by the function that makes it."""
    login = "https://login.microsoftonline.com"
    return {
        "grant_manage_as_app": [remedies.grant_manage_as_app(caller)],
        "grant_application_read_all": [remedies.grant_application_read_all(caller)],
        "grant_role": [remedies.grant_role(caller, remedies.TO_APPLY)],
        "consent_for_users": [remedies.consent_for_users(caller)],
        "mend_sign_in": [remedies.mend_sign_in(number, "hint", caller) for number in REFUSALS],
        "name_the_right_tenant": [remedies.name_the_right_tenant(caller.tenant, login)],
        "change_cloud": [remedies.change_cloud(caller.cloud)],
        "ask_the_right_audience": [remedies.ask_the_right_audience("https://example.invalid")],
        "sign_in_to_the_tenant": [remedies.sign_in_to_the_tenant(caller.tenant)],
        "correct_the_profile": [remedies.correct_the_profile()],
        "try_again": [remedies.try_again()],
        "set_the_clock": [remedies.set_the_clock()],
        "mend_endpoint": [remedies.mend_endpoint(seen) for seen in endpoints()],
    }


def endpoints() -> Iterator[EndpointSeen]:
    """Endpoints that were not reached, one for each way not to be."""
    for stage in Stage:
        yield EndpointSeen("https://graph.microsoft.com", stage, "why")


CALLERS = [
    caller
    for cloud in CLOUDS
    for caller in (
        Caller(cloud=cloud),
        Caller(cloud=cloud, user="anna@contoso.com"),
        Caller("contoso.onmicrosoft.com", cloud, app(1).value, app(2).value),
    )
]


def test_every_remedy_is_looked_at() -> None:
    made = {
        name
        for name, each in vars(remedies).items()
        if inspect.isfunction(each) and each.__annotations__.get("return") == "Remedy" and not name.startswith("_")
    }
    assert set(told(CALLERS[0])) == made


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("caller", CALLERS, ids=lambda each: f"{each.cloud}-{each.user or each.client_id or 'nobody'}")
def test_every_remedy(caller: Caller, grammar: str) -> None:
    lines = [each.powershell for several in told(caller).values() for each in several if each.powershell]
    assert len(lines) > 8
    assert [each for each in lines if not reads(grammar, "\n".join(each))] == []


# Rules


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("rule", ALL_RULES)
def test_what_a_rule_advises(rule: str, grammar: str) -> None:
    fix = ALL_RULES[rule].fix
    written = _COMMAND.findall(f"`{fix}`") + _COMMAND.findall(ALL_RULES[rule].page)
    assert [each for each in written if not reads(grammar, each)] == []


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_what_a_finding_advises(grammar: str) -> None:
    account = Address("o'hara\u2019;$(calc)`n\"@contoso.com")
    for text in (
        powershell.restore(app(1)),
        powershell.enable(app(1)),
        powershell.block_basic_authentication(account),
        powershell.set_billing_policy(account),
        assign_command(app(1), app(2)),
    ):
        assert reads(grammar, text), text


# app register --dry-run


@pytest.fixture(scope="module", params=["contoso", "fleet:1x3x2"])
def tenant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A tenant that was filled in one of the ways there are."""
    folder = tmp_path_factory.mktemp("tenant")
    with Sandbox.open(folder / "sandbox.db", seed=request.param) as sandbox, sandbox.serve() as running:
        operator = sandbox.operators()["operator"]
        profile = {
            "cloud": "custom",
            "endpoints": dict.fromkeys(("login", "graph", "exchange"), running.base_url),
            "ca": str(running.ca_pem),
            "auth": {
                "kind": "client_secret",
                "client_id": operator.client_id,
                "tenant_id": sandbox.tenants()[0].tenant_id,
                "secret": {"file": str(operator.secret_path)},
            },
        }
        (folder / "profiles.yaml").write_text(yaml.safe_dump({"profiles": {"operator": profile}}), encoding="utf-8")
        environ = clean_environment(folder) | {"HVEADMIN_PROFILES": str(folder / "profiles.yaml")}
        yield Tenant(sandbox, Terminal(folder, environ))


@dataclass(frozen=True)
class Tenant:
    """A sandbox, and a terminal that is signed in to its first tenant."""

    sandbox: Sandbox
    terminal: Terminal

    def applications(self) -> list[tuple[str, str]]:
        """Name and client id of every registration there is, but of those whose name nobody can type."""
        found = self.sandbox.store.all(self.sandbox.tenants()[0].tenant_id, "application")
        pairs = [(str(each["displayName"]), str(each["appId"])) for each in found]
        return [(name, client_id) for name, client_id in pairs if name.isprintable() and name == name.strip()]

    def script(self, name: str, *options: str) -> str:
        """What `app register` would have somebody type into PowerShell."""
        words = ("app", "register", "-p", "operator", "--dry-run", "-o", "json", *options, "--", name)
        ran = self.terminal.hveadmin(*words).ends_with(0)
        return "\n".join(line for each in ran.json["commands"] for line in each["powershell"])


@pytest.mark.parametrize("options", [(), ("--delegated",), ("--secret-file", "new.secret")], ids=" ".join)
def test_what_makes_any_application_of_a_tenant_whole(tenant: Tenant, options: tuple[str, ...]) -> None:
    scripts = [tenant.script(name, "--client-id", client_id, *options) for name, client_id in tenant.applications()]
    assert any("Update-MgApplication" in each or "New-Mg" in each for each in scripts)
    assert [each for each in scripts for grammar in GRAMMARS if not reads(grammar, each)] == []


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("options", [(), ("--delegated",), ("--secret-file", "new.secret")], ids=" ".join)
@pytest.mark.parametrize("name", ["Payroll", "O'Brien \u2018& S\u00f6hne\u2019; Remove-Item x", "$(calc) `n <x> @{"])
def test_what_makes_a_new_one(tenant: Tenant, name: str, options: tuple[str, ...], grammar: str) -> None:
    script = tenant.script(name, *options)
    called = {text_of(each) for each in nodes(parsed("tree-sitter-pwsh", script), "command_name")}
    assert reads(grammar, script)
    assert "New-MgApplication" in called
    assert "Remove-Item" not in called
