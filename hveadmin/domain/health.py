"""
What a doctor finds: checks with a verdict each, and what mends a failure.

What was *seen* (an endpoint, a token, a tenant) is a value too, so that the judging of it needs no network. A check
that was not made is `not-tried` with its reason and never counts as passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hveadmin.errors import HveAdminError, Outcome, UnreadableReply, UsageError, worst


class Verdict(StrEnum):
    """What a check came to."""

    PASS = "pass"  # noqa: S105 — a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """It was tried, and what came back says neither yes nor no."""
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What mends a failure. Everything in it can be pasted; what the reader has to fill in is in <angle brackets>."""

    means: str
    """What the failure means, in a sentence or two."""
    steps: tuple[str, ...] = ()
    """What to do, in order: in which portal and where, or on this machine."""
    powershell: tuple[str, ...] = ()
    """The same as lines of PowerShell."""
    azure_cli: tuple[str, ...] = ()
    """The same as lines for the Azure CLI, where it can do it."""
    hveadmin: tuple[str, ...] = ()
    """The commands of this program that mend it, in their order, where it can do it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What it is called, also by programs: `sign-in`, `endpoint graph`."""
    verdict: Verdict
    seen: str
    """What was seen, or why it was not tried. For `warn` and `unknown` it says by itself what to do."""
    remedy: Remedy | None = None
    """For a failure."""
    outcome: Outcome = Outcome.OK
    """What the check alone would let the run end with."""

    @property
    def passed(self) -> bool:
        """Whether later checks may build on it."""
        return self.verdict in (Verdict.PASS, Verdict.WARN)

    @property
    def failed(self) -> bool:
        """Whether it is known to be broken; one that is unknown is not."""
        return self.verdict is Verdict.FAIL


def passed(name: str, seen: str) -> Check:
    """It is as it should be."""
    return Check(name, Verdict.PASS, seen)


def warned(name: str, seen: str) -> Check:
    """It works, but somebody should look at it."""
    return Check(name, Verdict.WARN, seen)


def failed(name: str, seen: str, remedy: Remedy, outcome: Outcome = Outcome.AUTH) -> Check:
    """It is broken, and this mends it."""
    return Check(name, Verdict.FAIL, seen, remedy, outcome)


def unknown(name: str, seen: str) -> Check:
    """Nobody can say."""
    return Check(name, Verdict.UNKNOWN, seen, outcome=Outcome.INCOMPLETE)


def not_tried(name: str, why: str) -> Check:
    """It needs something that is not there."""
    return Check(name, Verdict.NOT_TRIED, why)


def outcome_of(checks: Iterable[Check]) -> Outcome:
    """The worst of the checks. A check that was not tried adds nothing: the one that it needed has failed already."""
    return worst(check.outcome for check in checks)


def first_broken(checks: Iterable[Check]) -> Check | None:
    """The first check that failed, else the first that is unknown; None where all is well."""
    listed = tuple(checks)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        for check in listed:
            if check.verdict is verdict:
                return check
    return None


# What was seen


@dataclass(frozen=True, slots=True)
class Machine:
    """What hveadmin runs on."""

    hveadmin: str
    python: str
    platform: str


class Stage(StrEnum):
    """How far a connection came."""

    PROXY_SETTINGS = "proxy settings"
    RESOLVE = "name resolution"
    CONNECT = "connection"
    PROXY = "proxy"
    TLS = "TLS"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class EndpointSeen:
    """One endpoint as it was met without a token: how far it went, and who answered."""

    address: str
    """`https://host[:port]`"""
    broke_at: Stage | None = None
    """None where an HTTP answer came."""
    why: str = ""
    """Why it went no further, as the operating system or TLS has it."""
    peer: str = ""
    """The network address that was connected to, `host:port`; of the proxy, where there is one."""
    proxy: str = ""
    """The proxy that is in use, `host:port`; empty for none."""
    signer: str = ""
    """The issuer of the certificate that was shown, trusted or not (RFC 4514); empty where none was seen."""
    tls: str = ""
    """The version of TLS that was agreed on."""
    clock_off: timedelta | None = None
    """This machine's clock minus the server's; None where the answer had no time."""

    @property
    def answered(self) -> bool:
        """Whether a trusted server answered."""
        return self.broke_at is None

    @property
    def host(self) -> str:
        """The host without scheme and port."""
        rest = self.address.partition("://")[2]
        return rest.partition("]")[0].lstrip("[") if rest.startswith("[") else rest.partition(":")[0]


@dataclass(frozen=True, slots=True)
class TenantSeen:
    """What the tenant's discovery document says to anybody."""

    tenant_id: str
    cloud: str
    """worldwide, gcc-high, dod, china; empty where the document does not say."""
    region: str = ""


@dataclass(frozen=True, slots=True)
class TokenSeen:
    """What a token says of itself. Its signature is not checked: that is for the service it is handed to."""

    tenant_id: str
    audience: str
    expires: datetime
    actor: str
    client_id: str = ""
    object_id: str = ""
    is_user: bool = False
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    wids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that this run goes by, and where it comes from. A secret's value is where it is, never what it is."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A tenant's settings and checks."""

    tenant: str
    made_at: datetime
    settings: tuple[Setting, ...]
    checks: tuple[Check, ...]


def outcome_of_error(error: HveAdminError) -> Outcome:
    """
    What an error lets a doctor end with.

    A profile that cannot be meant, or a token for another tenant, is a sign-in that does not work.
    """
    if isinstance(error, UnreadableReply):
        return Outcome.INCOMPLETE
    if isinstance(error, UsageError) or error.outcome is Outcome.REFUSED:
        return Outcome.AUTH
    return error.outcome


ROLE_NAMES: Mapping[str, str] = {
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
    "31392ffb-586c-42d1-9346-e59415a2cc4e": "Exchange Recipient Administrator",
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "5d6b6bb7-de71-4623-b4af-96380a352509": "Security Reader",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Security Administrator",
    "17315797-102d-40b4-93e0-432062caca18": "Compliance Administrator",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": "Helpdesk Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
}
"""Well-known directory roles by their template ids, which are the same in every tenant [D]."""
