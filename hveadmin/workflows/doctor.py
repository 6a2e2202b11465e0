"""
Doctor: every link between this machine and a tenant, one after the other.

Each `judge_…` turns what was seen into a check and knows nothing of how it was seen. `examine` asks for one thing after
the other, so that the first check that fails is the first broken link; what needs a link that is broken is not tried,
and says which one it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

from hveadmin.domain.health import (
    ROLE_NAMES,
    Check,
    EndpointSeen,
    Machine,
    Remedy,
    TenantSeen,
    TokenSeen,
    failed,
    not_tried,
    outcome_of_error,
    passed,
    unknown,
    warned,
)
from hveadmin.domain.ids import EXCHANGE_ONLINE, MICROSOFT_GRAPH
from hveadmin.domain.ports import AccountReader, Directory
from hveadmin.domain.profile import Audiences, AuthKind, Endpoints
from hveadmin.domain.tenant import Unknown, Unreadable
from hveadmin.errors import ConnectFailed, HveAdminError, Outcome, Refused, ServiceError
from hveadmin.workflows import remedies
from hveadmin.workflows.remedies import TO_APPLY, TO_PLAN, Caller

CLOCK_WARNS = timedelta(seconds=60)
CLOCK_FAILS = timedelta(seconds=300)
"""Entra allows five minutes between two clocks [D]."""

LOGIN, GRAPH, EXCHANGE = "endpoint login", "endpoint graph", "endpoint exchange"
CHECKS = (
    "python", "profile", "proxies", LOGIN, GRAPH, EXCHANGE, "clock", "tenant", "sign-in", "token", "cmdlets",
    "exchange", "graph",
)  # fmt: skip
"""Every check by its name, in the order in which they are made."""
HOST = "host"
CHECKS_OVER_A_HOST = (
    "python", "profile", "proxies", LOGIN, GRAPH, "clock", "tenant", "sign-in", "token", HOST, "cmdlets", "exchange",
    "graph",
)  # fmt: skip
"""The same where Exchange is reached through a management host, which stands in for Exchange's own endpoint."""

# These are signed in by the machine or by another program, not at the cloud's sign-in host.
_SIGNED_IN_ELSEWHERE = frozenset({AuthKind.MANAGED_IDENTITY, AuthKind.AZURE_CLI})
_AADSTS = re.compile(r"AADSTS(\d+)")
# Whose certificates Microsoft's own addresses show [G]: only used to say that somebody else's is unusual.
_MICROSOFTS_SIGNERS = ("O=Microsoft Corporation", "O=DigiCert Inc", "O=Entrust", "O=GlobalSign")
_MICROSOFTS_HOSTS = (
    "microsoftonline.com", "microsoftonline.us", "microsoft.com", "microsoft.us", "office365.com", "office365.us",
    "chinacloudapi.cn", "outlook.cn",
)  # fmt: skip
# Seen in tokens of callers without any role [F].
_NO_ROLES = frozenset({"b79fbf4d-3ef9-4689-8143-76b194e85509", "0997a1d0-0d1d-4acb-b408-d5ca73121e90"})


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined: a tenant, and the way to it."""

    profile: str
    """The profile's name, and where it was written."""
    kind: AuthKind
    tenant: str
    """An id or a domain; empty where only the sign-in knows."""
    client_id: str
    cloud: str
    endpoints: Endpoints
    audiences: Audiences
    transport: str = "rest"
    exchange_token: bool = True
    """Whether it takes a token for Exchange: a session on a host can be connected by other means."""

    @property
    def over_a_host(self) -> bool:
        """Whether Exchange is reached through a management host."""
        return self.transport != "rest"

    @property
    def caller(self) -> Caller:
        """Who is to be given something, as far as it is known without a sign-in."""
        return Caller(self.tenant, self.cloud, self.client_id, graph=self.audiences.graph)


class SignedIn(Protocol):
    """A tenant that somebody signed in to."""

    @property
    def reader(self) -> AccountReader: ...

    @property
    def directory(self) -> Directory: ...

    def exchange_token(self) -> TokenSeen:
        """The token for Exchange. Raises HveAdminError."""
        ...

    def graph_token(self) -> TokenSeen:
        """The token for Graph. Raises HveAdminError."""
        ...

    def reach_host(self) -> Mapping[str, str]:
        """Open a session on the management host, and what it says of itself. Raises HveAdminError."""
        ...

    def permitted_cmdlets(self) -> frozenset[str]:
        """The cmdlets that this caller may run. Raises HveAdminError."""
        ...


class Reach(Protocol):
    """What the doctor needs of the world. A method that cannot do it raises HveAdminError."""

    def probe(self, addresses: Sequence[str]) -> Mapping[str, EndpointSeen]:
        """Each address as it is met without a token. Raises only where nothing can be looked at (a CA file)."""
        ...

    def discover(self) -> TenantSeen | None:
        """What is public about the patient's tenant; None where there is no such tenant."""
        ...

    def sign_in(self) -> SignedIn:
        """Sign in. Raises Refused where a token came, but for another tenant."""
        ...


def examine(machine: Machine, proxies: Mapping[str, str], patient: Patient, reach: Reach) -> tuple[Check, ...]:
    """Every check, in the order of CHECKS, or of CHECKS_OVER_A_HOST."""
    return _Examination(machine, proxies, patient, reach).checks


def not_examined(machine: Machine, proxies: Mapping[str, str], profile: str, error: HveAdminError) -> tuple[Check, ...]:
    """The checks where the profile itself cannot be meant: nothing can be asked of anybody."""
    found = [judge_machine(machine), _broken("profile", error, f"profile {profile}"), judge_proxies(proxies)]
    why = "the profile cannot be used"
    return (*found, *(not_tried(name, why) for name in CHECKS[len(found) :]))


class _Examination:
    """One patient, link by link."""

    def __init__(self, machine: Machine, proxies: Mapping[str, str], patient: Patient, reach: Reach) -> None:
        self._patient = patient
        self._reach = reach
        self._made: dict[str, Check] = {}
        self._tenant: TenantSeen | None = None
        self._there: SignedIn | None = None
        self._token: TokenSeen | None = None
        self._elsewhere: Check | None = None
        self._may_read = False
        self._add(judge_machine(machine))
        self._add(judge_profile(patient))
        self._add(judge_proxies(proxies))
        self._look_at_endpoints()
        self._try("tenant", self._find_tenant, LOGIN, fallible=True)
        self._try("sign-in", self._sign_in, *(() if patient.kind in _SIGNED_IN_ELSEWHERE else (LOGIN,)), "tenant")
        self._try("token", self._read_token, "sign-in")
        way = EXCHANGE
        if patient.over_a_host:
            way = HOST
            self._try(HOST, self._reach_host, "sign-in", *(("token",) if patient.exchange_token else ()))
        needed = ("token", way) if patient.exchange_token else (way,)
        self._try("cmdlets", self._ask_cmdlets, *needed, fallible=True)
        self._try("exchange", self._read_exchange, *needed, "cmdlets")
        self._try("graph", self._read_graph, "sign-in", GRAPH)

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(self._made.values())

    def _add(self, check: Check) -> None:
        self._made[check.name] = check

    def _try(self, name: str, make: Callable[[], Check], *needs: str, fallible: bool = False) -> None:
        """
        Make a check unless one that it needs is broken.

        `fallible` says that nothing is known where the service does not answer well: that breaks no link.
        """
        for needed in needs:
            if self._breaks(needed):
                self._add(not_tried(name, f"it needs `{needed}`"))
                return
        try:
            self._add(make())
        except HveAdminError as error:
            vague = fallible and isinstance(error, ServiceError) and error.outcome is Outcome.ERROR
            self._add(unknown(name, _said(error)) if vague else _broken(name, error))

    def _breaks(self, needed: str) -> bool:
        """A tenant or a list of cmdlets that could not be found out is no reason to stop; one that is wrong is."""
        check = self._made[needed]
        if needed == "tenant":
            return check.failed
        if needed == "cmdlets":
            return check.failed and not self._may_read
        return not check.passed

    def _look_at_endpoints(self) -> None:
        endpoints = self._patient.endpoints
        addresses = {LOGIN: endpoints.login, GRAPH: endpoints.graph}
        if not self._patient.over_a_host:
            addresses[EXCHANGE] = endpoints.exchange
        try:
            seen = self._reach.probe(list(dict.fromkeys(addresses.values())))
        except HveAdminError as error:
            self._add(_broken(LOGIN, error))
            for name in (*list(addresses)[1:], "clock"):
                self._add(not_tried(name, f"it needs `{LOGIN}`"))
            return
        for name, address in addresses.items():
            self._add(judge_endpoint(name, seen[address]))
        self._add(judge_clock([seen[address] for address in dict.fromkeys(addresses.values())]))

    def _find_tenant(self) -> Check:
        if not self._patient.tenant:
            return not_tried("tenant", "no tenant is named: the token says which one it is")
        self._tenant = self._reach.discover()
        return judge_tenant(self._patient, self._tenant)

    def _sign_in(self) -> Check:
        patient = self._patient
        try:
            self._there = self._reach.sign_in()
        except Refused as error:
            # A token came, so the sign-in is good; whom it is for is the next check's business.
            remedy = remedies.sign_in_to_the_tenant(patient.tenant)
            self._elsewhere = failed("token", error.message, remedy)
            return passed("sign-in", f"a token came ({patient.kind.value})")
        except ConnectFailed:
            raise
        except HveAdminError as error:
            return judge_refusal(patient, error)
        token = self._there.exchange_token() if patient.exchange_token else self._there.graph_token()
        return passed("sign-in", f"as {token.actor} ({patient.kind.value})")

    def _read_token(self) -> Check:
        if self._there is None:
            return self._elsewhere or not_tried("token", "nobody is signed in")
        if not self._patient.exchange_token:
            return not_tried("token", "the session on the host is connected without a token of ours")
        self._token = self._there.exchange_token()
        return judge_token(self._patient, self._token, self._tenant)

    @property
    def _caller(self) -> Caller:
        token = self._token
        return self._patient.caller if token is None else caller_of(self._patient, token)

    def _reach_host(self) -> Check:
        if self._there is None:
            return not_tried(HOST, "it needs a sign-in to the right tenant")
        return judge_host(self._there.reach_host())

    def _ask_cmdlets(self) -> Check:
        assert self._there is not None  # noqa: S101 — the token was read
        try:
            permitted = self._there.permitted_cmdlets()
        except HveAdminError as error:
            if error.outcome is not Outcome.AUTH:
                raise
            return failed("cmdlets", error.message, remedies.grant_role(self._caller, (*TO_PLAN, *TO_APPLY)))
        self._may_read = not _missing(TO_PLAN, permitted)
        return judge_cmdlets(permitted, self._caller)

    def _read_exchange(self) -> Check:
        assert self._there is not None  # noqa: S101 — the token was read
        try:
            return read_exchange(self._there.reader)
        except HveAdminError as error:
            if error.outcome is not Outcome.AUTH:
                raise
            return failed("exchange", error.message, remedies.grant_role(self._caller, TO_PLAN))

    def _read_graph(self) -> Check:
        if self._there is None:
            return not_tried("graph", "it needs a token for the right tenant")
        token = self._there.graph_token()
        view = self._there.directory.look_up([EXCHANGE_ONLINE])
        why = view.why if isinstance(view, Unreadable) else ""
        return judge_graph(token, why, caller_of(self._patient, token))


# Judging


def judge_machine(machine: Machine) -> Check:
    """What hveadmin runs on. It runs, so this passes; it is for whoever reads a support ticket."""
    return passed("python", f"hveadmin {machine.hveadmin}, Python {machine.python}, {machine.platform}")


def judge_profile(patient: Patient) -> Check:
    """The profile as it is used; that it can be used has been found out by then."""
    return passed("profile", f"{patient.profile}: signs in with {patient.kind.value}, cloud {patient.cloud}")


def judge_proxies(proxies: Mapping[str, str]) -> Check:
    """The variables that name proxies. `proxies` has their values without credentials."""
    if len(proxies) == 0:
        return passed("proxies", "no proxy is named in the environment")
    return passed("proxies", ", ".join(f"{name}={value}" for name, value in proxies.items()))


def without_credentials(url: str) -> str:
    """
    A proxy's address without what signs in to it: `http://***@proxy.contoso.com:8080`.

    Everything before the last @ is taken for credentials, also in what is no proper URL.
    """
    head, at, host = url.rpartition("@")
    if not at:
        return url
    scheme = f"{urlsplit(head).scheme}://" if "://" in head else ""
    return f"{scheme}***@{host}"


def judge_endpoint(name: str, seen: EndpointSeen) -> Check:
    """One endpoint: did somebody answer who is to be trusted."""
    proxy = f" through the proxy {seen.proxy}" if seen.proxy else ""
    if not seen.answered:
        signer = f"; the certificate was signed by {seen.signer}" if seen.signer else ""
        said = f"{seen.address}{proxy}: {seen.broke_at}: {seen.why}{signer}"
        return failed(name, said, remedies.mend_endpoint(seen), Outcome.ERROR)
    peer = "" if seen.proxy or not seen.peer else f" ({seen.peer})"
    said = f"{seen.address}{peer} answers{proxy}, {seen.tls or 'TLS'}"
    said += f", certificate signed by {seen.signer}" if seen.signer else ""
    if _is_intercepted(seen):
        return warned(name, f"{said}, which is not one of Microsoft's: a proxy inspects the traffic, tokens included")
    return passed(name, said)


def _is_intercepted(seen: EndpointSeen) -> bool:
    """Whether somebody else stands in for one of Microsoft's own addresses, trusted by this machine."""
    host = seen.host.lower()
    microsofts = any(host == each or host.endswith(f".{each}") for each in _MICROSOFTS_HOSTS)
    return microsofts and bool(seen.signer) and not any(each in seen.signer for each in _MICROSOFTS_SIGNERS)


def judge_host(said: Mapping[str, str]) -> Check:
    """The management host: a session was opened on it, and is connected to the right tenant."""
    words = [said.get("endpoint") or said.get("command", ""), f"connected by {said.get('connect', '')}"]
    words += [f"{name} {said[name]}" for name in ("auth", "configuration", "subsystem", "powershell") if said.get(name)]
    return passed(HOST, f"{said.get('transport', '')} {', '.join(words)}; tenant {said.get('tenant', '')}")


def judge_clock(endpoints: Collection[EndpointSeen]) -> Check:
    """This machine's clock, by the server that agrees with it best: one that is wrong is no reason to doubt it."""
    answered = [each for each in endpoints if each.answered]
    if len(answered) == 0:
        return not_tried("clock", "no endpoint answered")
    told = [(each.clock_off, each.host) for each in answered if each.clock_off is not None]
    if len(told) == 0:
        return unknown("clock", "no endpoint said what time it is")
    off, host = min(told, key=lambda each: abs(each[0]))
    said = f"{_length(off)} by {host}"
    if abs(off) > CLOCK_FAILS:
        return failed("clock", said, remedies.set_the_clock())
    if abs(off) > CLOCK_WARNS:
        return warned("clock", f"{said}: set it by the network; above 300 s sign-ins fail")
    return passed("clock", said)


def _length(off: timedelta) -> str:
    seconds = off.total_seconds()
    if abs(seconds) < 2:  # what a Date header, which has no fractions, cannot tell from being right
        return "right"
    return f"{abs(seconds):.0f} s {'fast' if seconds > 0 else 'slow'}"


def judge_tenant(patient: Patient, seen: TenantSeen | None) -> Check:
    """The tenant as anybody may see it."""
    login = patient.endpoints.login
    if seen is None:
        remedy = remedies.name_the_right_tenant(patient.tenant, login)
        return failed("tenant", f"there is no tenant {patient.tenant} at {login}", remedy)
    region = f", region {seen.region}" if seen.region else ""
    said = f"{patient.tenant} is {seen.tenant_id}" if patient.tenant != seen.tenant_id else seen.tenant_id
    if seen.cloud and patient.cloud not in (seen.cloud, "custom"):
        said += f" is in the cloud {seen.cloud}, the profile says {patient.cloud}"
        return failed("tenant", said, remedies.change_cloud(seen.cloud))
    return passed("tenant", f"{said}{f', cloud {seen.cloud}' if seen.cloud else ''}{region}")


def judge_refusal(patient: Patient, error: HveAdminError) -> Check:
    """Why nobody is signed in."""
    found = _AADSTS.search(error.message)
    remedy = remedies.mend_sign_in(int(found.group(1)) if found else 0, error.hint, patient.caller)
    return failed("sign-in", error.message, remedy, outcome_of_error(error))


def judge_token(patient: Patient, token: TokenSeen, tenant: TenantSeen | None) -> Check:
    """What the token for Exchange says: whose tenant, whom it is for, what it allows."""
    caller = caller_of(patient, token)
    if tenant is not None and token.tenant_id != tenant.tenant_id:
        said = f"the token is for tenant {token.tenant_id}, not for {tenant.tenant_id}"
        return failed("token", said, remedies.sign_in_to_the_tenant(tenant.tenant_id))
    audience, wanted = token.audience.rstrip("/"), patient.audiences.exchange.rstrip("/")
    # A profile may name Graph as Exchange's audience: then the token is as asked for, and wrong all the same.
    for_graph = audience in (patient.audiences.graph.rstrip("/"), MICROSOFT_GRAPH.value)
    if for_graph or audience not in (wanted, EXCHANGE_ONLINE.value):
        said = f"the token is for {token.audience}, not for {'Exchange Online' if audience == wanted else wanted}"
        return failed("token", said, remedies.ask_the_right_audience(token.audience))
    right = "Exchange.Manage" if token.is_user else "Exchange.ManageAsApp"
    held = token.scopes if token.is_user else token.roles
    if right not in held:
        said = f"the token lacks {right}: it has {', '.join(held) or 'no permission'} for Exchange Online"
        mend = remedies.consent_for_users if token.is_user else remedies.grant_manage_as_app
        return failed("token", said, mend(caller))
    return passed("token", f"tenant {token.tenant_id}, {right}, {role_names(token.wids)}")


def role_names(wids: Sequence[str]) -> str:
    """The directory roles of a token in words. A role group of Exchange does not show in a token."""
    held = [ROLE_NAMES.get(wid.lower(), wid) for wid in wids if wid.lower() not in _NO_ROLES]
    if len(held) == 0:
        return "no directory role (a role group of Exchange would not show here)"
    return f"directory role{'s' if len(held) > 1 else ''} {', '.join(held)}"


def caller_of(patient: Patient, token: TokenSeen) -> Caller:
    """Who is to be given something, as the token has it."""
    return replace(
        patient.caller,
        tenant=token.tenant_id,
        client_id=token.client_id or patient.client_id,
        object_id=token.object_id,
        user=token.actor if token.is_user else "",
    )


def judge_cmdlets(permitted: Collection[str], caller: Caller) -> Check:
    """Which of the cmdlets that plan and apply need this caller may run."""
    to_plan, to_apply = _missing(TO_PLAN, permitted), _missing(TO_APPLY, permitted)
    if to_plan:
        said = f"may not plan: it may not run {_and(to_plan)}" + (f", nor {_and(to_apply)}" if to_apply else "")
        return failed("cmdlets", said, remedies.grant_role(caller, (*to_plan, *to_apply)))
    if to_apply:
        said = f"may plan, may not apply: it may not run {_and(to_apply)}"
        return failed("cmdlets", said, remedies.grant_role(caller, to_apply))
    return passed("cmdlets", f"may plan and apply: {', '.join((*TO_PLAN, *TO_APPLY))}")


def _missing(needed: Sequence[str], permitted: Collection[str]) -> tuple[str, ...]:
    may = {name.casefold() for name in permitted}
    return tuple(name for name in needed if name.casefold() not in may)


def read_exchange(reader: AccountReader) -> Check:
    """List the accounts and read one account's settings. Names no account: the report may leave the house."""
    accounts = reader.list_accounts()
    if len(accounts) == 0:
        return warned("exchange", "the tenant has no HVE account yet, so no account's settings could be read")
    counted = f"{len(accounts)} HVE account{'s' if len(accounts) > 1 else ''}"
    for address, allowed in reader.read_allowed([accounts[0].address]):
        if isinstance(allowed, Unknown):
            return unknown("exchange", f"{counted}; the list of one: {allowed.why.replace(address.value, '(account)')}")
    return passed("exchange", f"{counted}; the settings of one were read")


def judge_graph(token: TokenSeen, why_unreadable: str, caller: Caller) -> Check:
    """What the directory shows, by the token's permissions and one harmless read."""
    held = token.scopes if token.is_user else token.roles
    reads = [each for each in ("Application.Read.All", "Directory.Read.All") if _holds(held, each)]
    if why_unreadable and not reads:
        said = "the token has neither Application.Read.All nor Directory.Read.All, and nothing could be read"
        return failed("graph", said, remedies.grant_application_read_all(caller))
    if why_unreadable:
        return unknown("graph", f"{' and '.join(reads)} granted, but it could not be read: {why_unreadable}")
    seen = " and ".join(reads) or "neither permission in the token, but a role lets it read"
    blind = "" if "Directory.Read.All" in reads else "; users, groups and devices stay unnamed"
    return passed("graph", f"{seen}: applications can be read{blind}")


def _holds(held: Collection[str], permission: str) -> bool:
    """A permission to write includes the one to read."""
    return permission in held or permission.replace(".Read.", ".ReadWrite.") in held


def _broken(name: str, error: HveAdminError, where: str = "") -> Check:
    if outcome_of_error(error) is Outcome.INCOMPLETE:
        return unknown(name, _said(error))
    said = f"{where}: {_ticketed(error)}" if where and where not in error.message else _ticketed(error)
    return failed(name, said, _general(error), outcome_of_error(error))


def _general(error: HveAdminError) -> Remedy:
    """What an error itself advises, else what is always worth trying."""
    if error.hint:
        return Remedy(error.hint)
    return remedies.try_again() if isinstance(error, ServiceError) else remedies.correct_the_profile()


def _said(error: HveAdminError) -> str:
    return f"{_ticketed(error)}; {error.hint}" if error.hint else _ticketed(error)


def _ticketed(error: HveAdminError) -> str:
    """The message with the service's id of the request, where there is one."""
    request_id = error.request_id if isinstance(error, ServiceError) else ""
    new = request_id and request_id not in error.message
    return f"{error.message} (request-id {request_id})" if new else error.message


def _and(words: Sequence[str]) -> str:
    return " and ".join(words)
