"""The first broken link is found, and what needs it is not tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar

import pytest
from builders import NOW, TENANT, account, service_principals
from memory_tenant import MemoryTenant

from hveadmin.domain.health import (
    Check,
    EndpointSeen,
    Machine,
    Stage,
    TenantSeen,
    TokenSeen,
    Verdict,
    first_broken,
    outcome_of,
)
from hveadmin.domain.ports import AccountReader, Directory
from hveadmin.domain.profile import Audiences, AuthKind, Endpoints
from hveadmin.domain.tenant import ListedAccount, Unknown, Unreadable
from hveadmin.errors import (
    AuthError,
    ConnectFailed,
    Denied,
    HveAdminError,
    Refused,
    TimedOut,
    UnreadableReply,
    UsageError,
)
from hveadmin.workflows.doctor import (
    CHECKS,
    CHECKS_OVER_A_HOST,
    Patient,
    examine,
    judge_clock,
    judge_cmdlets,
    judge_endpoint,
    judge_graph,
    judge_tenant,
    judge_token,
    not_examined,
    role_names,
    without_credentials,
)
from hveadmin.workflows.remedies import TO_APPLY, TO_PLAN, Caller

LOGIN, GRAPH, EXCHANGE = (
    "https://login.microsoftonline.com",
    "https://graph.microsoft.com",
    "https://outlook.office365.com",
)
MACHINE = Machine("0.1", "3.11", "Linux")
PATIENT = Patient(
    profile="lab",
    kind=AuthKind.CLIENT_SECRET,
    tenant="contoso.onmicrosoft.com",
    client_id="0b9c6e5a-3d1f-4c27-9a84-6f2e1d7b8c10",
    cloud="worldwide",
    endpoints=Endpoints(LOGIN, GRAPH, EXCHANGE),
    audiences=Audiences(EXCHANGE, GRAPH, "https://outlook.office.com"),
)
FOUND = TenantSeen(TENANT.value, "worldwide", "EU")
OTHER = "99999999-0000-4000-8000-000000000000"
TOKEN = TokenSeen(
    tenant_id=TENANT.value,
    audience=EXCHANGE,
    expires=NOW + timedelta(hours=1),
    actor="hve-ops",
    client_id=PATIENT.client_id,
    object_id="d4131700-3f20-5adc-9810-12a76a5f5d46",
    roles=("Exchange.ManageAsApp",),
    wids=("31392ffb-586c-42d1-9346-e59415a2cc4e",),
)
GRAPH_TOKEN = replace(TOKEN, audience=GRAPH, roles=("Application.Read.All",))
ALL_CMDLETS = frozenset((*TO_PLAN, *TO_APPLY))
ON_A_HOST = {"transport": "winrm", "endpoint": "https://jump01:5986/wsman", "connect": "preconnected"}


def answers(address: str) -> EndpointSeen:
    return EndpointSeen(address, signer="CN=DigiCert,O=DigiCert Inc", tls="TLSv1.3", clock_off=timedelta(0))


Told = TypeVar("Told")


@dataclass
class World:
    """Implements Reach and SignedIn: everything answers, but what a test breaks. Remembers what was asked."""

    broken: Mapping[str, EndpointSeen] = field(default_factory=dict)
    tenant: TenantSeen | HveAdminError | None = FOUND
    refusal: HveAdminError | None = None
    token: TokenSeen = TOKEN
    on_graph: TokenSeen | HveAdminError = GRAPH_TOKEN
    host: Mapping[str, str] | HveAdminError = field(default_factory=lambda: dict(ON_A_HOST))
    cmdlets: frozenset[str] | HveAdminError = ALL_CMDLETS
    reader: AccountReader = field(default_factory=lambda: MemoryTenant([account("shop", [1])]))
    directory: Directory = field(default_factory=lambda: MemoryTenant([], service_principals(1)))
    asked: list[str] = field(default_factory=list)

    def probe(self, addresses: Sequence[str]) -> Mapping[str, EndpointSeen]:
        return {each: self.broken.get(each, answers(each)) for each in addresses}

    def discover(self) -> TenantSeen | None:
        return self._say("discover", self.tenant)

    def sign_in(self) -> World:
        self.asked.append("sign in")
        if self.refusal is not None:
            raise self.refusal
        return self

    def exchange_token(self) -> TokenSeen:
        return self.token

    def graph_token(self) -> TokenSeen:
        return self._say("graph", self.on_graph)

    def reach_host(self) -> Mapping[str, str]:
        return self._say("host", self.host)

    def permitted_cmdlets(self) -> frozenset[str]:
        return self._say("cmdlets", self.cmdlets)

    def _say(self, what: str, answer: Told | HveAdminError) -> Told:
        self.asked.append(what)
        if isinstance(answer, HveAdminError):
            raise answer
        return answer


def verdicts(checks: tuple[Check, ...]) -> dict[str, Verdict]:
    return {each.name: each.verdict for each in checks}


def run(world: World, patient: Patient = PATIENT) -> tuple[Check, ...]:
    return examine(MACHINE, {}, patient, world)


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(each for each in checks if each.name == name)


def test_everything_is_looked_at_in_order_and_passes() -> None:
    checks = run(World())
    assert tuple(each.name for each in checks) == CHECKS
    assert set(verdicts(checks).values()) == {Verdict.PASS}
    assert outcome_of(checks) == 0


NO_ROUTE = EndpointSeen(LOGIN, Stage.CONNECT, "refused")
DENIED = Denied("403", cmdlet="EXOModuleFile")

BREAKS: dict[str, tuple[World, str, int, set[str]]] = {
    "no network": (
        World(broken={each: replace(NO_ROUTE, address=each) for each in (LOGIN, GRAPH, EXCHANGE)}),
        "endpoint login",
        1,
        {"clock", "tenant", "sign-in", "token", "cmdlets", "exchange", "graph"},
    ),
    "no way to sign in": (
        World(broken={LOGIN: NO_ROUTE}),
        "endpoint login",
        1,
        {"tenant", "sign-in", "token", "cmdlets", "exchange", "graph"},
    ),
    "no way to Graph": (World(broken={GRAPH: replace(NO_ROUTE, address=GRAPH)}), "endpoint graph", 1, {"graph"}),
    "no way to Exchange": (
        World(broken={EXCHANGE: replace(NO_ROUTE, address=EXCHANGE)}),
        "endpoint exchange",
        1,
        {"cmdlets", "exchange"},
    ),
    "no such tenant": (World(tenant=None), "tenant", 5, {"sign-in", "token", "cmdlets", "exchange", "graph"}),
    "the tenant cannot be asked": (World(tenant=UnreadableReply("html")), "tenant", 7, set()),
    "refused": (
        World(refusal=AuthError("no (AADSTS7000215)", hint="the Value")),
        "sign-in",
        5,
        {"token", "cmdlets", "exchange", "graph"},
    ),
    "no secret": (World(refusal=UsageError("not set")), "sign-in", 5, {"token", "cmdlets", "exchange", "graph"}),
    "nobody signs in": (World(refusal=ConnectFailed("gone")), "sign-in", 1, {"token", "cmdlets", "exchange", "graph"}),
    "a token for another tenant": (
        World(refusal=Refused("the token is for tenant X")),
        "token",
        5,
        {"cmdlets", "exchange", "graph"},
    ),
    "no permission": (World(token=replace(TOKEN, roles=())), "token", 5, {"cmdlets", "exchange"}),
    "no role": (World(cmdlets=DENIED), "cmdlets", 5, {"exchange"}),
    "reads only": (World(cmdlets=frozenset(TO_PLAN)), "cmdlets", 5, set()),
    "cmdlets unknown": (World(cmdlets=TimedOut("late")), "cmdlets", 7, set()),
    "graph refuses": (World(on_graph=AuthError("no")), "graph", 5, set()),
}


@pytest.mark.parametrize("case", BREAKS)
def test_the_first_broken_link_is_named_and_what_needs_it_is_not_tried(case: str) -> None:
    world, name, code, skipped = BREAKS[case]
    checks = run(world)
    broken = first_broken(checks)
    assert broken is not None
    assert (broken.name, outcome_of(checks)) == (name, code)
    assert {each.name for each in checks if each.verdict is Verdict.NOT_TRIED} == skipped
    assert tuple(each.name for each in checks) == CHECKS
    assert all(each.seen for each in checks if each.verdict is Verdict.NOT_TRIED), "each says why"
    assert broken.verdict is Verdict.UNKNOWN or broken.remedy is not None


def test_nobody_is_asked_over_a_link_that_is_broken() -> None:
    world = World(broken={LOGIN: NO_ROUTE})
    run(world)
    assert world.asked == []


def test_a_managed_identity_needs_no_way_to_the_sign_in_host() -> None:
    checks = verdicts(run(World(broken={LOGIN: NO_ROUTE}), replace(PATIENT, kind=AuthKind.MANAGED_IDENTITY, tenant="")))
    assert checks["endpoint login"] is Verdict.FAIL
    assert {checks["sign-in"], checks["exchange"], checks["graph"]} == {Verdict.PASS}


def test_a_profile_that_cannot_be_meant_stops_everything_after_it() -> None:
    checks = not_examined(MACHINE, {}, "lab", UsageError("there is no cloud 'mars'", hint="the clouds are …"))
    assert tuple(each.name for each in checks) == CHECKS
    assert (named(checks, "profile").verdict, outcome_of(checks)) == (Verdict.FAIL, 5)
    assert {each.verdict for each in checks[3:]} == {Verdict.NOT_TRIED}


def test_a_tenant_without_accounts_is_a_warning_and_an_unread_list_is_unknown() -> None:
    assert verdicts(run(World(reader=MemoryTenant([]))))["exchange"] is Verdict.WARN
    unread = MemoryTenant([account("payroll", Unknown("hve-payroll@contoso.com timed out"))])
    check = named(run(World(reader=unread)), "exchange")
    assert (check.verdict, "payroll" in check.seen) == (Verdict.UNKNOWN, False)


def test_no_account_is_named() -> None:
    reader = MemoryTenant([account("payroll", [1])])
    assert not any("payroll" in each.seen for each in run(World(reader=reader)))


def test_a_reader_that_is_denied_is_a_matter_of_roles() -> None:
    class Refusing(MemoryTenant):
        def list_accounts(self) -> Sequence[ListedAccount]:
            raise DENIED

    check = named(run(World(cmdlets=TimedOut("late"), reader=Refusing([]))), "exchange")
    assert check.remedy is not None
    assert any("New-ManagementRole" in line for line in check.remedy.powershell)


# One check at a time


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [
        (0.9, Verdict.PASS, "right"),
        (-45, Verdict.PASS, "45 s slow"),
        (60, Verdict.PASS, "60 s fast"),
        (61, Verdict.WARN, "61 s fast"),
        (-300, Verdict.WARN, "300 s slow"),
        (301, Verdict.FAIL, "301 s fast"),
        (-600, Verdict.FAIL, "600 s slow"),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(seconds: float, verdict: Verdict, said: str) -> None:
    check = judge_clock([replace(answers(LOGIN), clock_off=timedelta(seconds=seconds))])
    assert check.verdict is verdict
    assert said in check.seen


def test_one_server_with_a_wrong_clock_does_not_make_ours_wrong() -> None:
    assert judge_clock([answers(LOGIN), replace(answers(GRAPH), clock_off=timedelta(hours=1))]).verdict is Verdict.PASS


def test_a_clock_that_nobody_told_is_unknown_and_without_an_answer_not_tried() -> None:
    assert judge_clock([replace(answers(LOGIN), clock_off=None)]).verdict is Verdict.UNKNOWN
    assert judge_clock([NO_ROUTE]).verdict is Verdict.NOT_TRIED


@pytest.mark.parametrize("stage", Stage)
def test_every_way_not_to_reach_an_endpoint_has_its_meaning_and_a_next_step(stage: Stage) -> None:
    check = judge_endpoint(
        "endpoint login", EndpointSeen(LOGIN, stage, "why", proxy="proxy:8080", signer="CN=Proxy CA")
    )
    assert (check.verdict, check.outcome) == (Verdict.FAIL, 1)
    assert check.remedy is not None
    assert check.remedy.means
    assert check.remedy.steps


def test_an_untrusted_certificate_is_told_with_who_signed_it() -> None:
    check = judge_endpoint("endpoint login", EndpointSeen(LOGIN, Stage.TLS, "unknown CA", signer="CN=Contoso Proxy CA"))
    assert "CN=Contoso Proxy CA" in check.seen
    assert check.remedy is not None
    assert "CN=Contoso Proxy CA" in check.remedy.means


@pytest.mark.parametrize(
    ("address", "signer", "verdict"),
    [
        (LOGIN, "CN=x,O=Microsoft Corporation,C=US", Verdict.PASS),
        (LOGIN, "CN=Contoso Proxy CA,O=Contoso", Verdict.WARN),
        ("https://login.contoso.example", "CN=Contoso CA", Verdict.PASS),
        ("https://notmicrosoft.com", "CN=Somebody", Verdict.PASS),
        (LOGIN, "", Verdict.PASS),
    ],
)
def test_a_trusted_proxy_in_microsofts_place_is_a_warning(address: str, signer: str, verdict: Verdict) -> None:
    assert judge_endpoint("endpoint login", replace(answers(address), signer=signer)).verdict is verdict


@pytest.mark.parametrize(
    ("cloud", "seen", "verdict"),
    [
        ("worldwide", FOUND, Verdict.PASS),
        ("worldwide", replace(FOUND, cloud="gcc-high"), Verdict.FAIL),
        ("worldwide", replace(FOUND, cloud=""), Verdict.PASS),
        ("custom", FOUND, Verdict.PASS),
        ("worldwide", None, Verdict.FAIL),
    ],
)
def test_a_tenant_must_be_there_and_in_the_profiles_cloud(
    cloud: str, seen: TenantSeen | None, verdict: Verdict
) -> None:
    assert judge_tenant(replace(PATIENT, cloud=cloud), seen).verdict is verdict


@pytest.mark.parametrize(
    ("token", "verdict", "said"),
    [
        (TOKEN, Verdict.PASS, "Exchange Recipient Administrator"),
        (replace(TOKEN, wids=()), Verdict.PASS, "no directory role"),
        (replace(TOKEN, audience=f"{EXCHANGE}/"), Verdict.PASS, "Exchange.ManageAsApp"),
        (replace(TOKEN, audience="00000002-0000-0ff1-ce00-000000000000"), Verdict.PASS, "Exchange.ManageAsApp"),
        (replace(TOKEN, audience=GRAPH), Verdict.FAIL, "the token is for https://graph.microsoft.com"),
        (replace(TOKEN, tenant_id=OTHER), Verdict.FAIL, OTHER),
        (replace(TOKEN, roles=("Exchange.ManageAsAppV2",)), Verdict.FAIL, "it has Exchange.ManageAsAppV2"),
        (replace(TOKEN, roles=(), scopes=("Exchange.Manage",), is_user=True), Verdict.PASS, "Exchange.Manage"),
        (replace(TOKEN, scopes=("User.Read",), is_user=True), Verdict.FAIL, "Exchange.Manage"),
    ],
)
def test_a_token_is_compared_with_what_is_needed(token: TokenSeen, verdict: Verdict, said: str) -> None:
    check = judge_token(PATIENT, token, FOUND)
    assert check.verdict is verdict
    assert said in check.seen


def test_a_profile_that_asks_graph_for_exchanges_token_is_told_so() -> None:
    confused = replace(PATIENT, audiences=replace(PATIENT.audiences, exchange=GRAPH))
    check = judge_token(confused, replace(TOKEN, audience=GRAPH), FOUND)
    assert (check.verdict, "not for Exchange Online" in check.seen) == (Verdict.FAIL, True)


def test_roles_are_named_and_an_unknown_one_keeps_its_id() -> None:
    named_ = role_names(("29232CDF-9323-42fd-ade2-1d097af3e4de", OTHER, "b79fbf4d-3ef9-4689-8143-76b194e85509"))
    assert named_ == f"directory roles Exchange Administrator, {OTHER}"


@pytest.mark.parametrize(
    ("permitted", "verdict", "said"),
    [
        (ALL_CMDLETS, Verdict.PASS, "may plan and apply"),
        ({each.lower() for each in ALL_CMDLETS}, Verdict.PASS, "may plan and apply"),
        (set(TO_PLAN), Verdict.FAIL, "may plan, may not apply"),
        (set(TO_APPLY), Verdict.FAIL, "may not plan"),
        (set(), Verdict.FAIL, "nor Add-HVEAppAccess"),
    ],
)
def test_cmdlets_are_compared_with_what_plan_and_apply_need(permitted: set[str], verdict: Verdict, said: str) -> None:
    check = judge_cmdlets(permitted, Caller())
    assert check.verdict is verdict
    assert said in check.seen


@pytest.mark.parametrize(
    ("roles", "why", "verdict"),
    [
        (("Application.Read.All", "Directory.Read.All"), "", Verdict.PASS),
        (("Application.ReadWrite.All",), "", Verdict.PASS),
        ((), "", Verdict.PASS),
        ((), "403", Verdict.FAIL),
        (("Mail.Send",), "403", Verdict.FAIL),
        (("Application.Read.All",), "503", Verdict.UNKNOWN),
    ],
)
def test_graph_is_judged_by_permission_and_by_reading(roles: tuple[str, ...], why: str, verdict: Verdict) -> None:
    assert judge_graph(replace(GRAPH_TOKEN, roles=roles), why, Caller()).verdict is verdict


def test_an_unreadable_directory_is_not_passed() -> None:
    world = World(directory=MemoryTenant([], Unreadable("busy")))
    assert verdicts(run(world))["graph"] is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:8080", "http://proxy:8080"),
        ("http://anna:s3cr3t@proxy:8080", "http://***@proxy:8080"),
        ("http://anna:s3c@r3t@proxy", "http://***@proxy"),
        ("anna:s3cr3t@proxy:8080", "***@proxy:8080"),
        ("http://s3cr3t/@proxy", "http://***@proxy"),
        ("localhost,.contoso.com", "localhost,.contoso.com"),
    ],
)
def test_a_proxys_credentials_are_masked(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


# Over a management host

OVER_WINRM = replace(PATIENT, transport="winrm")


def test_over_a_host_the_host_is_looked_at_in_place_of_exchanges_endpoint() -> None:
    checks = run(World(), OVER_WINRM)
    assert tuple(each.name for each in checks) == CHECKS_OVER_A_HOST
    assert {each.verdict for each in checks} == {Verdict.PASS}
    assert "https://jump01:5986/wsman, connected by preconnected" in named(checks, "host").seen


def test_exchanges_endpoint_is_not_met_over_a_host() -> None:
    broken = EndpointSeen(EXCHANGE, broke_at=Stage.CONNECT, why="refused")
    assert {each.verdict for each in run(World(broken={EXCHANGE: broken}), OVER_WINRM)} == {Verdict.PASS}


def test_a_host_that_cannot_be_reached_is_the_first_broken_link() -> None:
    checks = verdicts(run(World(host=ConnectFailed("nobody at jump01", hint="Enable-PSRemoting")), OVER_WINRM))
    assert checks["host"] is Verdict.FAIL
    assert checks["cmdlets"] is checks["exchange"] is Verdict.NOT_TRIED
    assert checks["graph"] is Verdict.PASS


def test_a_session_that_is_connected_without_our_token_needs_none() -> None:
    checks = verdicts(run(World(token=replace(TOKEN, roles=())), replace(OVER_WINRM, exchange_token=False)))
    assert checks.pop("token") is Verdict.NOT_TRIED
    assert set(checks.values()) == {Verdict.PASS}


def test_a_host_is_not_looked_for_where_the_token_is_for_another_tenant() -> None:
    world = World(refusal=Refused("the token is for another tenant"))
    assert verdicts(run(world, OVER_WINRM))["host"] is Verdict.NOT_TRIED
    assert "host" not in world.asked
