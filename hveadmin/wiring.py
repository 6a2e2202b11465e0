"""
The only module that knows both ports and adapters: from a profile's name to a tenant that can be read and written.

`Wiring` belongs to one run. It knows the profiles, starts the embedded tenant where the profile `sandbox` asks for
it, and closes all it opened. From here on the sandbox is a cloud with other endpoints: nothing else asks whether it
is talking to it.
"""

from __future__ import annotations

import logging
import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from hveadmin.auth.claims import TokenClaims, read_claims
from hveadmin.auth.clouds import Cloud, cloud_of, scope_of
from hveadmin.auth.credentials import sign_in
from hveadmin.auth.guarded import ForDirectory, ForExchange
from hveadmin.auth.secret import read_secret
from hveadmin.auth.sign_in import Asked, Person, tenant_of
from hveadmin.auth.tokens import AzureTokenSource
from hveadmin.config.profiles import load_profiles
from hveadmin.directory.graph import GraphDirectory
from hveadmin.directory.people import GraphPeople
from hveadmin.directory.register import GraphApplicationReader, GraphApplicationWriter
from hveadmin.domain.health import EndpointSeen, TenantSeen
from hveadmin.domain.ids import ClientId, NotAGuid, TenantId
from hveadmin.domain.ports import (
    AccountReader,
    AccountWriter,
    ApplicationReader,
    ApplicationWriter,
    MailProbe,
    TenantIdentity,
    TokenSource,
)
from hveadmin.domain.profile import (
    AuthKind,
    AuthSettings,
    Endpoints,
    HostAuth,
    HostSettings,
    Profile,
    SecretKind,
    SecretSource,
)
from hveadmin.errors import Refused, UsageError
from hveadmin.evidence.journal import FileJournal
from hveadmin.exchange.account_facts import ExchangeAccountFacts
from hveadmin.exchange.gateway import ExchangeGateway, ExchangeWriter
from hveadmin.exchange.powershell.hosts import needs_exchange_token, wire_of
from hveadmin.exchange.powershell.session import Connecting
from hveadmin.exchange.powershell.transport import PowerShellTransport
from hveadmin.exchange.rest import RestTransport
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.probe import probe
from hveadmin.wire.session import Session
from hveadmin.wire.tenant_document import find_tenant
from hveadmin.wire.trust import ssl_context
from hveadmin.workflows.gather import Sources
from hveadmin.workflows.plan import Where

if TYPE_CHECKING:
    from hveadmin.auth.person import Forgotten
    from hveadmin.auth.sending.ways import Prepared
    from hveadmin.sandbox.server import Running, Sandbox

SANDBOX = "sandbox"
"""The built-in profile."""
ENVIRONMENT = "environment"
"""What stands for a profile where none is named."""

_log = logging.getLogger("hveadmin")


class SystemClock:
    """The operating system's clock (implements `domain.ports.Clock`)."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant, connected and signed in. To be closed, or used as a context manager."""

    identity: TenantIdentity
    cloud: str
    permitted_cmdlets: Callable[[], frozenset[str]]
    """Asks Exchange which cmdlets whoever is signed in may run."""
    reach_host: Callable[[], Mapping[str, str]] | None
    """Opens a session on the management host and says what it is; None where Exchange is reached without one."""
    reader: AccountReader
    account_facts: ExchangeAccountFacts
    directory: GraphDirectory
    graph: Session
    graph_address: str
    """Microsoft Graph's public address in this cloud, for commands that somebody else runs."""
    clock: SystemClock
    journal: FileJournal
    deadline: Deadline
    tokens: TokenSource
    _writer: AccountWriter | None
    _open: ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections and tokens. Closing twice is no error."""
        self._open.close()

    def claims(self, audience: str) -> TokenClaims:
        """What the token for an audience says of itself. Raises AuthError or ConnectFailed."""
        return read_claims(self.tokens.token(scope_of(audience)))

    @property
    def where(self) -> Where:
        """What reading workflows need; there is no writer in it."""
        return Where(self.reader, self.directory, self.clock, self.identity.tenant_id, self.cloud)

    @property
    def sources(self) -> Sources:
        """What checks, reports and snapshots read besides; there is no writer in it either."""
        return Sources(
            accounts=self.reader,
            directory=self.directory,
            permissions=self.directory,
            billing=self.account_facts,
            basic_auth=self.account_facts,
            people=GraphPeople(self.graph),
            clock=self.clock,
            tenant_id=self.identity.tenant_id,
            cloud=self.cloud,
            read_by=self.identity.actor,
        )

    def writer(self) -> AccountWriter:
        """What `apply` needs besides. Raises Refused where the connection was made for reading."""
        if self._writer is None:
            raise Refused("this connection only reads; nothing was sent")
        return self._writer

    def applications(self) -> ApplicationReader:
        """What reads app registrations."""
        return GraphApplicationReader(self.graph)

    def application_writer(self) -> ApplicationWriter:
        """What `app register` needs besides. Nothing else calls this."""
        return GraphApplicationWriter(self.graph)


class Wiring:
    """The connections of one run. To be used as a context manager."""

    def __init__(self, environ: Mapping[str, str], *, timeout: float, concurrency: int, folder: Path = Path()) -> None:
        """`folder` is where the configuration lies: there the embedded tenant keeps its state."""
        self._environ = environ
        self._folder = folder
        self._timeout = timeout
        self._concurrency = concurrency
        self._open = ExitStack()
        self._sandbox: Profile | None = None
        self._trusted: dict[str, ssl.SSLContext] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def profile(self, name: str) -> Profile:
        """
        The profile of this name; without a name, the environment's.

        Raises UsageError for a name that nobody defined, ConfigError for profiles that cannot be read.
        """
        if name == "":
            return Profile(name=ENVIRONMENT)
        if name == SANDBOX:
            self._sandbox = self._sandbox or self._embedded_tenant()
            return self._sandbox
        known = load_profiles(self._environ)
        if name not in known:
            listed = ", ".join([*known, SANDBOX])
            raise UsageError(f"there is no profile {name!r}", hint=f"the profiles are {listed}")
        return known[name]

    def journal(self, name: str, tenant_id: TenantId) -> FileJournal:
        """
        A tenant's journal in the place that the profile of this name has for it; nobody signs in, nothing is started.

        A profile that is not known here has none of its own, so it is the place for those without.
        """
        if name == SANDBOX:
            state = journals_of(sandbox_path(self._environ, self._folder))
        else:
            profile = load_profiles(self._environ).get(name) if name else None
            state = state_folder(profile or Profile(name=ENVIRONMENT), self._environ)
        return FileJournal(state, tenant_id, SystemClock())

    def connect(self, profile: Profile, tenant: str = "", *, write: bool = False) -> Tenant:
        """
        Sign in to a tenant, given by its id or a domain; without one, the profile's. Without `write` it only reads.

        Raises AuthError or ConnectFailed where nobody could sign in, and Refused where the token that came is for
        another tenant than the one asked for by id (rail 7).
        """
        with ExitStack() as opened:
            tenant_ = self._signed_in(profile, tenant, opened, write=write)
            # Whoever closes the run closes what a command left open.
            self._open.callback(tenant_.close)
            return tenant_

    def sign_in(self, profile: Profile, tenant: str = "", *, ask: bool | None = None) -> AzureTokenSource:
        """
        Get ready to sign in; nobody is contacted yet. To be closed.

        `ask` says whether a person may be asked to do something; without it, whoever sits at a terminal may, but not
        with CI=true. Raises UsageError for whatever is missing.
        """
        may_be_asked = _somebody_sits_here(self._environ) if ask is None else ask
        person = Person(may_be_asked, _say_to_person, records_folder(profile, self._environ))
        return sign_in(
            profile.auth,
            tenant_id=tenant,
            cloud=cloud_of(profile),
            ca=profile.ca,
            environ=self._environ,
            profile="" if profile.name == ENVIRONMENT else profile.name,
            person=person,
            patience=self._timeout,
        )

    def sender_token(self, profile: Profile, tenant: str, client_id: ClientId, prepared: Prepared) -> str:
        """
        A fresh token for SMTP of a sending application, which has nothing to do with the profile's own sign-in.

        Of the profile count the cloud and the trust. Raises UsageError for a tenant that is none, AuthError or
        ConnectFailed where there is no token.
        """
        from hveadmin.auth.sending.sign_in import Asking, Sender, sender_token

        named = tenant or self._environ.get("HVEADMIN_TENANT_ID", "")
        where = tenant_of(Asked(profile.auth, named, self._environ))
        sender = Sender(client_id, where, cloud_of(profile), profile.ca)
        asking = Asking(self._environ.get("CI", "").lower() != "true", _say_to_person)
        return sender_token(sender, prepared, asking, seconds=self._timeout)

    def mail_probe(self, profile: Profile, server: str = "") -> MailProbe:
        """What tries to send, through `server` (host:port) or the cloud's own endpoint. Raises UsageError."""
        from hveadmin.smtp.probe import SmtpProbe

        named = server or cloud_of(profile).endpoints.smtp
        if not named:
            raise UsageError(
                f"profile {profile.name} names no SMTP endpoint, and its cloud has none that is known",
                hint="name it with --server host:port, or as endpoints.smtp in the profile",
            )
        return SmtpProbe(named, self._trust(profile.ca), SystemClock(), timeout=self._timeout)

    def sign_out(self, profile: Profile) -> Forgotten:
        """Forget who signed in with a profile, and the person's tokens. Nobody is contacted."""
        from hveadmin.auth.person import sign_out

        return sign_out(
            records_folder(profile, self._environ),
            "" if profile.name == ENVIRONMENT else profile.name,
            cloud_of(profile).endpoints.login,
            profile.auth,
        )

    def cloud(self, profile: Profile) -> Cloud:
        """The cloud that a profile means. Raises UsageError."""
        return cloud_of(profile)

    def probe(self, profile: Profile, addresses: Sequence[str]) -> Mapping[str, EndpointSeen]:
        """Each endpoint as it is met without a token, all of them at once. Raises UsageError for a CA file."""
        clock, trust = SystemClock(), self._trust(profile.ca)
        deadline = Deadline(clock, self._timeout)
        with ThreadPoolExecutor(max_workers=len(addresses), thread_name_prefix="probe") as pool:
            seen = pool.map(lambda address: probe(address, trust=trust, clock=clock, deadline=deadline), addresses)
            return dict(zip(addresses, seen, strict=True))

    def find_tenant(self, profile: Profile, tenant: str) -> TenantSeen | None:
        """What is public about a tenant; None where there is none. Raises ConnectFailed or UnreadableReply."""
        deadline = Deadline(SystemClock(), min(self._timeout, 30.0))
        return find_tenant(cloud_of(profile).endpoints.login, tenant, trust=self._trust(profile.ca), deadline=deadline)

    def _signed_in(self, profile: Profile, tenant: str, opened: ExitStack, *, write: bool) -> Tenant:
        clock = SystemClock()
        cloud = cloud_of(profile)
        tokens = opened.enter_context(self.sign_in(profile, tenant))
        identity = read_claims(tokens.token(scope_of(signs_in_for(profile, cloud)))).identity
        _log.debug("signed in to %s as %s, for %s", identity.tenant_id, identity.actor, cloud.endpoints.exchange)
        refuse_another_tenant(identity, tenant)
        deadline = Deadline(clock, self._timeout)

        def session(endpoint: str, audience: str, tokens: TokenSource) -> Session:
            return opened.enter_context(
                Session(
                    base_url=endpoint,
                    scope=scope_of(audience),
                    tokens=tokens,
                    clock=clock,
                    trust=self._trust(profile.ca),
                    deadline=deadline,
                    on_wait=_say_wait,
                )
            )

        graph = session(cloud.endpoints.graph, cloud.audiences.graph, ForDirectory(tokens))
        transport: RestTransport | PowerShellTransport
        if profile.transport == "rest":
            exchange = session(cloud.endpoints.exchange, cloud.audiences.exchange, ForExchange(tokens))
            transport = RestTransport(exchange, tenant=identity.tenant_id, concurrency=self._concurrency)
        else:
            transport = self._over_a_host(profile, tenant, identity.tenant_id, ForExchange(tokens), deadline)
            opened.callback(transport.close)
        return Tenant(
            identity=identity,
            cloud=cloud.name,
            permitted_cmdlets=transport.exported_cmdlets,
            reach_host=transport.reach if isinstance(transport, PowerShellTransport) else None,
            _writer=ExchangeWriter(transport) if write else None,
            reader=ExchangeGateway(transport, quirks=profile.quirks),
            account_facts=ExchangeAccountFacts(transport),
            directory=GraphDirectory(graph),
            graph=graph,
            graph_address=cloud.audiences.graph,
            clock=clock,
            journal=FileJournal(state_folder(profile, self._environ), identity.tenant_id, clock),
            deadline=deadline,
            tokens=tokens,
            _open=opened.pop_all(),
        )

    def _over_a_host(
        self, profile: Profile, tenant: str, tenant_id: TenantId, tokens: TokenSource, deadline: Deadline
    ) -> PowerShellTransport:
        """PowerShell on the profile's host; it is contacted with the first cmdlet. Raises UsageError."""
        host = profile.host or HostSettings()
        scope = scope_of(cloud_of(profile).audiences.exchange)
        connecting = Connecting(
            host.connect,
            tenant_id,
            organization=host.organization or _domain_of(tenant) or _domain_of(profile.auth.tenant_id),
            app_id=host.app_id,
            certificate_thumbprint=host.certificate_thumbprint,
            token=lambda: tokens.token(scope),
        )
        wire = wire_of(profile.transport, host, lambda: self._host_password(host))
        return PowerShellTransport(wire, connecting, clock=SystemClock(), deadline=deadline, on_wait=_say_wait)

    def _host_password(self, host: HostSettings) -> str:
        assert host.password is not None  # noqa: S101 — it is asked for where there is one
        return read_secret(host.password, environ=self._environ, account=host.username).reveal()

    def _trust(self, ca: str) -> ssl.SSLContext:
        """The trusted certificates; reading the operating system's store takes a while, so once a run."""
        if ca not in self._trusted:
            self._trusted[ca] = ssl_context(ca)
        return self._trusted[ca]

    def _embedded_tenant(self) -> Profile:
        from hveadmin.sandbox.server import Sandbox

        sandbox = Sandbox.open(sandbox_path(self._environ, self._folder))
        self._open.callback(sandbox.close)
        running = self._open.enter_context(sandbox.serve())
        return sandbox_profile(sandbox, running)


def sandbox_profile(sandbox: Sandbox, running: Running) -> Profile:
    """The profile that signs in to a running sandbox as its operator, with its journals beside its state."""
    base_url, operator = running.base_url, sandbox.operator
    return Profile(
        name=SANDBOX,
        cloud="custom",
        endpoints=Endpoints(login=base_url, graph=base_url, exchange=base_url, smtp=running.endpoints.smtp),
        ca=str(running.ca_pem),
        auth=AuthSettings(
            kind=AuthKind.CLIENT_SECRET,
            client_id=operator.client_id,
            tenant_id=sandbox.tenants()[0].tenant_id,
            secret=SecretSource(SecretKind.FILE, str(operator.secret_path)),
        ),
        host=sandbox_host(sandbox, running),
        state=str(journals_of(sandbox.path)),
    )


def sandbox_host(sandbox: Sandbox, running: Running) -> HostSettings:
    """The management host of a running sandbox: over WinRM, and as a child of its own. It has no SSH server."""
    url = urlsplit(running.endpoints.winrm)
    return HostSettings(
        name=url.hostname or "",
        port=url.port,
        auth=HostAuth.BASIC,
        username=sandbox.host_user.name,
        password=SecretSource(SecretKind.FILE, str(sandbox.host_user.password_path)),
        ca=str(running.ca_pem),
        command=(sys.executable, "-m", "hveadmin", "sandbox", "pwsh", "--state", str(sandbox.path)),
    )


def journals_of(sandbox: Path) -> Path:
    """Where the journals of an embedded tenant lie: beside it, so that they come and go with it."""
    return sandbox.with_name(f"{sandbox.stem}-journals")


def sandbox_path(environ: Mapping[str, str], folder: Path = Path()) -> Path:
    """Where the embedded tenant's state lies: $HVEADMIN_SANDBOX, else .hveadmin/sandbox.db below `folder`."""
    return Path(environ.get("HVEADMIN_SANDBOX") or folder / ".hveadmin" / "sandbox.db").absolute()


def state_folder(profile: Profile, environ: Mapping[str, str]) -> Path:
    """Where journals lie: the profile's folder, $HVEADMIN_STATE, else the operating system's place for such files."""
    if profile.state:
        return Path(profile.state)
    if environ.get("HVEADMIN_STATE"):
        return Path(environ["HVEADMIN_STATE"])
    from platformdirs import user_state_path

    return user_state_path("hveadmin", appauthor=False)


def records_folder(profile: Profile, environ: Mapping[str, str]) -> Path:
    """Where it is remembered who signed in with a profile; no token is in it."""
    return state_folder(profile, environ) / "sign-ins"


def _somebody_sits_here(environ: Mapping[str, str]) -> bool:
    return environ.get("CI", "").lower() != "true" and sys.stdin is not None and sys.stdin.isatty()


def _say_to_person(text: str) -> None:
    from hveadmin.report.safe_text import for_console

    print(for_console(text), file=sys.stderr, flush=True)


def signs_in_for(profile: Profile, cloud: Cloud) -> str:
    """
    Whose token tells who is signed in: Exchange's, where one is needed.

    A session on a host can be connected by other means. Then it is Graph's, and the session is asked besides.
    """
    host = profile.host or HostSettings()
    needed = profile.transport == "rest" or needs_exchange_token(host)
    return cloud.audiences.exchange if needed else cloud.audiences.graph


def _domain_of(tenant: str) -> str:
    """A tenant's name where that is a domain, else nothing."""
    return tenant if "." in tenant else ""


def refuse_another_tenant(identity: TenantIdentity, asked: str) -> None:
    """Raise Refused where a token is for another tenant than the one that was asked for by its id (rail 7)."""
    try:
        wanted = TenantId.parse(asked)
    except NotAGuid:
        return  # a domain, or the profile's own tenant: the token says which it is
    if identity.tenant_id != wanted:
        raise Refused(
            f"the token is for tenant {identity.tenant_id}, not for {wanted}; nothing was read or written",
            hint="check the profile's tenant_id and the configuration's",
        )


def _say_wait(why: str, seconds: float) -> None:
    _log.info("waiting %.1f s: %s", seconds, why)
