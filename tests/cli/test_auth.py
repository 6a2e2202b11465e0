"""Every way to sign in with the real libraries, end to end: `auth login`, `status`, `logout`, and a real read."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli.sign_ins import ANNA, TOOL, SignIns, machine, sign_ins
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.faults import Surface, Switches
from hveadmin.sandbox.identity_endpoints import IdentityEndpoints
from hveadmin.sandbox.server import Running, Sandbox

posix = pytest.mark.skipif(sys.platform == "win32", reason="a stand-in az and modes as POSIX has them")
MODULE = "fb78d390-0c51-40cd-8e17-fdbfab77341b"
SETTINGS: dict[str, dict[str, Any]] = {
    "device code": {"kind": "device_code", "client_id": TOOL},
    "browser": {"kind": "browser", "client_id": TOOL},
}


@pytest.fixture
def set_up(terminal: Terminal, sandbox: Sandbox, running: Running) -> Iterator[SignIns]:
    with IdentityEndpoints(sandbox.store, lambda: datetime.now(UTC), machine(sandbox)) as identity:
        yield sign_ins(terminal, sandbox, running, identity)


def with_secret(by: SignIns) -> None:
    secret = by.sandbox.operator.secret_path
    by.profile("mine", kind="client_secret", client_id=by.operator, secret={"file": str(secret)})


def with_kubernetes(by: SignIns) -> None:
    by.profile("mine", kind="workload_identity", client_id=by.operator, token_file=str(by.job_token_file()))


def with_pod_variables(by: SignIns) -> None:
    by.profile("mine", kind="workload_identity")
    by.environ |= {"AZURE_FEDERATED_TOKEN_FILE": str(by.job_token_file()), "AZURE_CLIENT_ID": by.operator}


def with_environment(by: SignIns) -> None:
    by.profile("mine", kind="environment")
    by.environ |= {"AZURE_FEDERATED_TOKEN_FILE": str(by.job_token_file()), "AZURE_CLIENT_ID": by.operator}


def with_github(by: SignIns) -> None:
    by.profile("mine", kind="github", client_id=by.operator)
    by.environ |= by.identity.github_job()


def with_pipelines(by: SignIns) -> None:
    connection = by.identity.machine.service_connection_id
    by.profile("mine", kind="azure_pipelines", client_id=by.operator, service_connection_id=connection)
    by.environ |= by.identity.pipelines_job()


def with_virtual_machine(by: SignIns) -> None:
    by.profile("mine", kind="managed_identity")
    by.environ |= by.identity.virtual_machine()


def with_app_service(by: SignIns) -> None:
    by.profile("mine", kind="managed_identity", client_id=by.operator)
    by.environ |= by.identity.app_service()


def with_azure_cli(by: SignIns) -> None:
    by.profile("mine", kind="azure_cli")
    by.stand_in_for_az()


UNATTENDED = {
    "client secret": with_secret,
    "workload identity": with_kubernetes,
    "workload identity by variables": with_pod_variables,
    "environment": with_environment,
    "github": with_github,
    "azure pipelines": with_pipelines,
    "managed identity, virtual machine": with_virtual_machine,
    "managed identity, app service": with_app_service,
    "azure cli": pytest.param(with_azure_cli, marks=posix),
}
KINDS = [each if not callable(each) else pytest.param(each, id=name) for name, each in UNATTENDED.items()]


def tokens(ran: Ran) -> dict[str, dict[str, object]]:
    return {each["service"]: each for each in ran.json["tokens"]}


class TestUnattended:
    @pytest.mark.parametrize("set_kind", KINDS)
    def test_it_signs_in_and_reads(self, set_up: SignIns, set_kind: Callable[[SignIns], None]) -> None:
        set_kind(set_up)
        status = set_up.type("auth", "status", "-p", "mine", "-o", "json").ends_with(0)
        told = tokens(status)
        assert told["exchange"]["permissions"] == ["Exchange.ManageAsApp"]
        assert told["exchange"]["client_id"] == set_up.operator
        assert told["exchange"]["directory_roles"] == [
            {"id": "29232cdf-9323-42fd-ade2-1d097af3e4de", "name": "Exchange Administrator"}
        ]
        assert told["graph"]["signed_in"] is True
        read = set_up.type("account", "list", "-p", "mine", "-o", "json").ends_with(0)
        assert len(read.json["accounts"]) == 14

    def test_what_is_said_of_it(self, set_up: SignIns, golden: Callable[[str, str], None]) -> None:
        with_github(set_up)
        ran = set_up.type("auth", "status", "-p", "mine").ends_with(0)
        golden("auth-status.txt", ran.transcript(set_up.terminal.folder))

    def test_login_of_a_kind_without_a_person_tries_it(self, set_up: SignIns) -> None:
        with_github(set_up)
        ran = set_up.type("auth", "login", "-p", "mine").ends_with(0)
        assert "as hveadmin operator" in ran.out

    def test_a_token_file_is_read_again_for_each_sign_in(self, set_up: SignIns) -> None:
        with_kubernetes(set_up)
        set_up.type("auth", "status", "-p", "mine").ends_with(0)
        (set_up.terminal.folder / "federated.token").write_text("")
        ran = set_up.type("auth", "status", "-p", "mine").ends_with(2)
        assert "federated.token is empty" in ran.out


class TestPeople:
    @pytest.mark.parametrize("client", ["own application", "Microsoft's Exchange module"])
    def test_a_device_code_is_shown_and_confirmed(self, set_up: SignIns, client: str) -> None:
        own = {"client_id": TOOL} if client == "own application" else {}
        set_up.profile("mine", kind="device_code", **own)
        ran = set_up.type("auth", "login", "-p", "mine", "-o", "json").ends_with(0)
        assert f"open {set_up.running.base_url}/devicelogin and enter the code" in ran.err
        told = tokens(ran)["exchange"]
        assert (told["as"], told["user"], told["delegated_permissions"]) == (ANNA, True, ["Exchange.Manage"])
        assert told["client_id"] == own.get("client_id", MODULE)

    def test_who_sits_at_a_terminal_is_asked_in_the_middle_of_a_command(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["device code"])
        ran = set_up.type("account", "list", "-p", "mine", "-o", "json", answer="").ends_with(0)
        assert len(ran.json["accounts"]) == 14
        assert ran.err.count("enter the code") == 1

    @pytest.mark.parametrize("kind", SETTINGS)
    def test_where_nobody_can_be_asked_nobody_waits(self, set_up: SignIns, kind: str) -> None:
        set_up.profile("mine", **SETTINGS[kind])
        ran = set_up.type("account", "list", "-p", "mine").ends_with(5)
        assert "nobody is signed in" in ran.err
        assert "next: hveadmin auth login --profile mine" in ran.err

    def test_with_ci_login_asks_nobody(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["device code"])
        set_up.environ["CI"] = "true"
        assert "nobody can be asked" in set_up.type("auth", "login", "-p", "mine").ends_with(5).out

    @posix
    def test_a_browser_is_sent_there_and_back(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["browser"], allow_unencrypted_cache=True)
        set_up.environ["BROWSER"] = stand_in_for_a_browser(set_up)
        ran = set_up.child("auth", "login", "-p", "mine", "-o", "json").ends_with(0)
        assert tokens(ran)["exchange"]["as"] == ANNA
        assert "go on in the browser" in ran.err
        # Another process goes on without asking anybody.
        del set_up.environ["BROWSER"]
        read = set_up.child("account", "list", "-p", "mine", "-o", "json").ends_with(0)
        assert len(read.json["accounts"]) == 14

    @posix
    def test_where_there_is_no_browser_the_other_way_is_named(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["browser"])
        set_up.environ["BROWSER"] = "/bin/false"
        ran = set_up.child("auth", "login", "-p", "mine").ends_with(5)
        assert "no browser could be opened" in ran.out
        assert "device_code" in ran.out

    def test_who_declines_is_not_signed_in(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["device code"])
        set_up.someone(does="decline")
        assert "did not consent" in set_up.type("auth", "login", "-p", "mine").ends_with(5).out

    def test_the_exchange_module_does_not_open_graph_and_the_accounts_are_read_all_the_same(
        self, set_up: SignIns
    ) -> None:
        set_up.profile("mine", kind="device_code")
        ran = set_up.type("auth", "login", "-p", "mine", "-o", "json").ends_with(0)
        graph = tokens(ran)["graph"]
        assert graph["signed_in"] is False
        assert "AADSTS65002" in str(graph["said"])
        assert ran.err.count("enter the code") == 1


class TestWhatIsKept:
    def kept(self, by: SignIns) -> Path:
        return Path(by.terminal.environ["HVEADMIN_STATE"]) / "sign-ins" / "mine.json"

    def cache(self, by: SignIns) -> list[Path]:
        return sorted((Path(by.terminal.environ["HOME"]) / ".IdentityService").glob("hveadmin*"))

    def login(self, by: SignIns, *, plain: bool) -> Ran:
        by.profile("mine", **(SETTINGS["device code"] | ({"allow_unencrypted_cache": True} if plain else {})))
        return by.type("auth", "login", "-p", "mine").ends_with(0)

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the operating system encrypts")
    def test_without_a_keyring_and_a_permission_nothing_is_kept_and_that_is_said_once(self, set_up: SignIns) -> None:
        ran = self.login(set_up, plain=False)
        assert ran.err.count("no keyring") == 1
        assert self.cache(set_up) == []
        assert not self.kept(set_up).exists()
        set_up.type("auth", "status", "-p", "mine").ends_with(5)

    @posix
    def test_where_the_profile_allows_it_a_plain_file_for_the_owner_is_kept(self, set_up: SignIns) -> None:
        self.login(set_up, plain=True)
        files = self.cache(set_up)
        assert files
        assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in [*files, self.kept(set_up)])
        assert "eyJ" not in self.kept(set_up).read_text()
        ran = set_up.type("auth", "status", "-p", "mine", "-o", "json").ends_with(0)
        assert tokens(ran)["exchange"]["as"] == ANNA
        assert ran.json["sign_ins"][0]["kept_in"] == "a plain file"
        assert ran.err == ""

    @posix
    def test_logout_forgets_record_and_tokens_and_nothing_else(self, set_up: SignIns) -> None:
        self.login(set_up, plain=True)
        set_up.profile("other", kind="device_code", allow_unencrypted_cache=True)
        set_up.type("auth", "login", "-p", "other").ends_with(0)
        ran = set_up.type("auth", "logout", "-p", "mine", "-o", "json").ends_with(0)
        assert ran.json["signed_out"][0]["forgotten"] == ANNA
        assert ran.json["signed_out"][0]["tokens"] > 0
        assert not self.kept(set_up).exists()
        secrets = [json.loads(each.read_text() or "{}").get("RefreshToken", {}) for each in self.cache(set_up)]
        assert {entry["client_id"] for found in secrets for entry in found.values()} == {MODULE}
        set_up.type("auth", "status", "-p", "mine").ends_with(5)
        set_up.type("auth", "status", "-p", "other").ends_with(0)
        again = set_up.type("auth", "logout", "-p", "mine").ends_with(0)
        assert "nobody was signed in" in again.out

    @posix
    @pytest.mark.parametrize("number", [700082, 50173])
    def test_a_sign_in_that_cannot_be_renewed_is_told_and_begun_anew(self, set_up: SignIns, number: int) -> None:
        self.login(set_up, plain=True)
        set_up.someone(renewal_refused=number)
        for each in self.cache(set_up):  # the access tokens have run out
            kept = json.loads(each.read_text() or "{}")
            each.write_text(json.dumps({**kept, "AccessToken": {}}))
        ran = set_up.type("account", "list", "-p", "mine").ends_with(5)
        assert "hveadmin auth login --profile mine" in ran.err
        assert "enter the code" in set_up.type("account", "list", "-p", "mine", answer="").err

    @posix
    def test_a_record_of_another_sign_in_host_is_not_used(self, set_up: SignIns) -> None:
        self.login(set_up, plain=True)
        record = json.loads(self.kept(set_up).read_text())
        self.kept(set_up).write_text(json.dumps({**record, "login": "https://login.example"}))
        set_up.type("auth", "status", "-p", "mine").ends_with(5)


class TestManyTenants:
    def test_one_profile_signs_in_to_three_tenants(
        self, terminal: Terminal, running: Running, reseed: Callable[[str], Sandbox]
    ) -> None:
        sandbox = reseed("fleet:3x2x2")
        tenants = [word for each in sandbox.tenants() for word in ("-t", each.tenant_id)]
        ran = terminal.hveadmin("auth", "status", "-p", "operator", *tenants, "-o", "json").ends_with(0)
        signed = {each["tenant_id"] for each in ran.json["tokens"] if each["service"] == "exchange"}
        assert signed == {each.tenant_id for each in sandbox.tenants()}
        read = terminal.hveadmin("account", "list", "-p", "operator", *tenants, "-o", "json").ends_with(0)
        assert {each["tenant"] for each in read.json["accounts"]} == signed


class TestClaimsChallenge:
    @pytest.mark.parametrize("set_kind", [with_secret, with_github])
    def test_a_challenge_is_met_once(self, set_up: SignIns, set_kind: Callable[[SignIns], None]) -> None:
        set_kind(set_up)
        set_up.sandbox.set_switches(Switches(claims_challenge="once"))
        set_up.running.calls.clear()
        ran = set_up.type("account", "list", "-p", "mine").ends_with(0)
        assert "Shop Orders" in ran.out  # a name out of the directory: Graph's challenge was met too
        assert set_up.running.calls.count(Surface.ENTRA, path="oauth2/v2.0/token") == 4

    def test_a_service_that_always_challenges_is_asked_twice_and_told(self, set_up: SignIns) -> None:
        with_secret(set_up)
        set_up.sandbox.set_switches(Switches(claims_challenge="always"))
        set_up.running.calls.clear()
        ran = set_up.type("tenant", "test", "-p", "mine")
        assert ran.code == 5
        assert set_up.running.calls.count(Surface.EXCHANGE, path="InvokeCommand") == 2

    @posix
    def test_a_person_is_not_asked_again_for_a_challenge(self, set_up: SignIns) -> None:
        set_up.profile("mine", **SETTINGS["device code"], allow_unencrypted_cache=True)
        set_up.type("auth", "login", "-p", "mine").ends_with(0)
        set_up.sandbox.set_switches(Switches(claims_challenge="once"))
        ran = set_up.type("account", "list", "-p", "mine").ends_with(0)
        assert "enter the code" not in ran.err

    @posix
    def test_the_azure_cli_cannot_meet_one_and_says_what_can(self, set_up: SignIns) -> None:
        with_azure_cli(set_up)
        set_up.sandbox.set_switches(Switches(claims_challenge="always"))
        ran = set_up.type("account", "list", "-p", "mine").ends_with(5)
        assert "az login --tenant" in ran.err


def stand_in_for_a_browser(by: SignIns) -> str:
    """What BROWSER may hold: fetches the page and sends the form in it, as a browser does by itself."""
    script = by.terminal.folder / "browser.py"
    script.write_text(
        "import html, re, ssl, sys, httpx2\n"
        f"trust = ssl.create_default_context(cafile={str(by.running.ca_pem)!r})\n"
        "with httpx2.Client(verify=trust, trust_env=False, timeout=30) as browser:\n"
        "    page = browser.get(sys.argv[1]).text\n"
        "    action = html.unescape(re.search('action=\"([^\"]+)', page)[1])\n"
        '    inputs = re.findall(\'name="([^"]+)" value="([^"]*)\', page)\n'
        "    browser.post(action, data={html.unescape(k): html.unescape(v) for k, v in inputs})\n"
    )
    return f"{sys.executable} {script} %s &" if os.name == "posix" else ""
