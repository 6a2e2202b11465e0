"""
What `hveadmin plan` asks of the network, request by request.

A real `python -m hveadmin plan` runs against a sandbox that answers over https on loopback and counts. A tenant costs
what its size demands and nothing more: one discovery document and one token for each of two audiences, one listing,
one `$batch` for every ten accounts' settings, and the directory's questions by fifteen ids, twenty to a `$batch`.
Loopback has no latency worth the name, so the number of calls is what a real tenant's time comes from.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil
from pathlib import Path

from bench.child import Work, cost_of, output_of
from bench.made_up import configuration_text
from bench.measurement import Alternating, Measurement, compared
from hveadmin.cli.sandbox_serve import profiles_yaml
from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.server import Calls, CallSeen, Sandbox

_ROUNDS = 3


class Kind(StrEnum):
    """What a request is for."""

    DISCOVERY = "discovery document"
    TOKEN = "tokens"  # noqa: S105
    LISTING = "listing"
    SETTINGS = "$batch, settings"
    DIRECTORY = "$batch, directory"
    OTHER = "anything else"


@dataclass(frozen=True, slots=True)
class Case:
    """A tenant with ten applications on each list, and how the configuration names them."""

    accounts: int
    named_by: str
    """client_id or object_id."""

    @property
    def seed(self) -> str:
        return f"fleet:1x{self.accounts}x10"

    @property
    def title(self) -> str:
        return f"plan, {self.accounts:,} accounts by {self.named_by}, {self.ids:,} ids"

    @property
    def ids(self) -> int:
        """Ids that the directory must explain: a fleet has as many applications as accounts."""
        return self.accounts * (2 if self.named_by == "client_id" else 1)

    @property
    def expected(self) -> Mapping[Kind, int]:
        """What a tenant of this size demands, where there are more than the 60 ids that one call always explains."""
        questions = ceil(self.accounts / 15) * (2 if self.named_by == "client_id" else 1)
        return {
            Kind.DISCOVERY: 1,
            Kind.TOKEN: 2,
            Kind.LISTING: 1,
            Kind.SETTINGS: ceil(self.accounts / 10),
            Kind.DIRECTORY: ceil(questions / 20),
        }


HUNDRED = (Case(100, "object_id"), Case(100, "client_id"))
THOUSAND = Case(1000, "client_id")


@dataclass(frozen=True, slots=True)
class Served:
    """A tenant that answers, and the command line that is run there."""

    calls: Calls
    arguments: list[str]
    environ: Mapping[str, str]

    def typing(self, *words: str) -> Served:
        """The same tenant and configuration, another command."""
        return replace(self, arguments=[*words, *self.arguments[1:]])

    def run(self) -> float:
        """Run the command as a user would; seconds from start to end. Raises BenchmarkFailed."""
        start = time.perf_counter()
        output_of([sys.executable, "-m", "hveadmin", *self.arguments], environ=self.environ)
        return time.perf_counter() - start

    def counted(self) -> Mapping[Kind, int]:
        """The requests of one run."""
        self.calls.clear()
        self.run()
        return by_kind(self.calls.requests())


@contextmanager
def served(case: Case) -> Iterator[Served]:
    """The case's tenant on loopback, with profiles and configuration, in a folder that goes when it ends."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        with Sandbox.open(folder / "sandbox.db", seed=case.seed) as sandbox, sandbox.serve() as running:
            profiles, config = folder / "profiles.yaml", folder / "hve.yaml"
            profiles.write_text(profiles_yaml(sandbox, running), encoding="utf-8")
            config.write_text(_configuration(sandbox, case), encoding="utf-8")
            environ = {name: value for name, value in os.environ.items() if not name.startswith("HVEADMIN_")}
            environ |= {"HVEADMIN_PROFILES": str(profiles), "HVEADMIN_STATE": str(folder / "state")}
            yield Served(running.calls, ["plan", "-c", str(config)], environ)


def _configuration(sandbox: Sandbox, case: Case) -> str:
    """The configuration under which every account is as declared."""
    tenant_id = sandbox.tenants()[0].tenant_id
    clients = {each["id"]: each["appId"] for each in sandbox.store.all(tenant_id, "servicePrincipal")}
    accounts = sandbox.tenant(tenant_id).accounts()
    listed = sorted({app for account in accounts for app in account.allowed_apps})
    names = {app: f"sender-{number:05d}" for number, app in enumerate(listed)}
    by_client = case.named_by == "client_id"
    references = {
        name: f"client_id: {clients[app]}" if by_client else f"object_id: {app}, tenant: fleet"
        for app, name in names.items()
    }
    lists = {account.address: [names[app] for app in account.allowed_apps] for account in accounts}
    return configuration_text(tenant_id, references, lists)


def by_kind(requests: Mapping[CallSeen, int]) -> Mapping[Kind, int]:
    """What the requests were for, and how many of each; each kind that occurred."""
    kinds: Counter[Kind] = Counter()
    for call, times in requests.items():
        kinds[kind_of(call)] += times
    return dict(kinds)


def kind_of(call: CallSeen) -> Kind:
    """What one request is for, by its address."""
    last = call.path.rpartition("/")[2]
    match call.surface, last:
        case Surface.ENTRA, "openid-configuration":
            return Kind.DISCOVERY
        case Surface.ENTRA, "token":
            return Kind.TOKEN
        case Surface.EXCHANGE, "InvokeCommand":
            return Kind.LISTING
        case Surface.EXCHANGE, "$batch":
            return Kind.SETTINGS
        case Surface.GRAPH, "$batch":
            return Kind.DIRECTORY
        case _:
            return Kind.OTHER


def measure() -> Iterator[Measurement]:
    """The calls by kind, then what ten times the accounts cost in time and memory."""
    with ExitStack() as open_:
        tenants = {case: open_.enter_context(served(case)) for case in (*HUNDRED, THOUSAND)}
        for case, tenant in tenants.items():
            yield from _calls(case, tenant.counted())
        yield from _ten_times_as_many(tenants)


def _calls(case: Case, seen: Mapping[Kind, int]) -> Iterator[Measurement]:
    for kind in Kind:
        if kind in case.expected or kind in seen:
            yield _count(f"{case.title}: {kind}", seen.get(kind, 0), case.expected.get(kind, 0))
    yield _count(f"{case.title}: all", sum(seen.values()), sum(case.expected.values()))


def _count(name: str, seen: int, expected: int) -> Measurement:
    ratio = seen / expected if expected else None
    return Measurement(name, seen, "calls", f"needed {expected}", ratio, f"≤ {expected}", seen <= expected)


def _ten_times_as_many(tenants: Mapping[Case, Served]) -> Iterator[Measurement]:
    hundred = HUNDRED[1]
    title, other = f"plan, {THOUSAND.accounts:,} accounts, loopback", f"{hundred.accounts} accounts"
    times = Alternating(lambda case: tenants[case].run(), [hundred, THOUSAND]).medians(_ROUNDS, warm_up=0)
    yield compared(f"{title}: time", times[THOUSAND], "s", other, times[hundred])
    large, small = (_peak(tenants[case]) for case in (THOUSAND, hundred))
    if large is not None and small is not None:
        yield compared(f"{title}: peak memory", large, "MiB", other, small)


def _peak(tenant: Served) -> float | None:
    return cost_of(command, *tenant.arguments, environ=tenant.environ).peak_mib


def command(*arguments: str) -> Work:
    """A task for bench.child: one command of hveadmin. What it prints comes before the cost."""
    from hveadmin.cli.app import run

    def work() -> None:
        code = run(list(arguments))
        if code != 0:
            sys.exit(code)

    return work
