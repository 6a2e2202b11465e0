"""
The options of a sending application, read: which application, what it proves itself with, or a token that is there.

Secrets and tokens come from a variable, a file, a keyring or a pipe, never from the command line itself.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hveadmin.cli.options import Options
from hveadmin.errors import UsageError

if TYPE_CHECKING:
    from hveadmin.auth.sending.ways import Prepared, Way
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.ids import Address, ClientId

_MAX_INPUT = 1_000_000
"""Characters of standard input that are looked at: no token is as long."""


@dataclass(frozen=True, slots=True)
class Given:
    """A token that is there already. What it is in does not show it."""

    token: str

    def __repr__(self) -> str:
        return "Given(***)"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a token is asked for with."""

    client_id: ClientId
    prepared: Prepared


SignsIn = Given | Credentials


def only_target(run: Run) -> Target:
    """The one tenant that is meant. Raises UsageError for several."""
    loaded = run.configuration_if_any()
    targets = run.targets(loaded.desired if loaded else None)
    if len(targets) != 1:
        raise UsageError(f"{len(targets)} tenants are meant; this is for one", hint="name the tenant with -t TENANT")
    return targets[0]


def signs_in(run: Run, account: Address | None) -> SignsIn | None:
    """
    How the sender signs in; None where nothing was said of it. `account` is who signs in with a delegated permission.

    Raises UsageError for whatever is missing, or said twice. Nobody is contacted.
    """
    options = run.options
    if options.token_stdin or options.token_env:
        return Given(given_token(run))
    way = way_of(options, account)
    if way is None:
        if options.client_id or options.app:
            raise UsageError("nothing says what the application proves itself with", hint=_WAYS)
        return None
    return prepared(run, way, client_id_of(run))


def asked_for(run: Run, account: Address | None) -> Credentials:
    """The same where a token is to be asked for. Raises UsageError where nothing was said of how."""
    way = way_of(run.options, account)
    if way is None:
        raise UsageError("nothing says what the application proves itself with", hint=_WAYS)
    return prepared(run, way, client_id_of(run))


_WAYS = (
    "as the application: --secret-env, --secret-file, --secret-keyring, --certificate or --assertion-file; as the HVE"
    " account: --device-code, --browser, --password-stdin or --password-keyring"
)


def prepared(run: Run, way: Way, client_id: ClientId) -> Credentials:
    """What the way needs of this machine, read. Raises UsageError."""
    from hveadmin.auth.sending.ways import ByPassword, prepare

    if isinstance(way, ByPassword):
        run.say(
            "note: signing in with a password is deprecated by Microsoft, and fails with multifactor authentication;"
            " prefer --device-code, or an application permission"
        )
    return Credentials(client_id, prepare(way, client_id=client_id.value, environ=run.environ, typed=_first_line))


def way_of(options: Options, account: Address | None) -> Way | None:
    """The way that the options name; None for none. Raises UsageError for several, or for what does not go together."""
    ways = [*_of_application(options), *_of_account(options, account)]
    if len(ways) > 1:
        raise UsageError("more than one way to sign in is given", hint="give one of them")
    if (options.certificate_password_env or options.certificate_password_file) and options.certificate is None:
        raise UsageError("a password for a certificate is given, and no certificate", hint="--certificate PATH")
    return ways[0] if ways else None


def _of_application(options: Options) -> list[Way]:
    from hveadmin.auth.sending.ways import ByAssertion, ByCertificate, BySecret
    from hveadmin.domain.profile import SecretKind, SecretSource

    ways: list[Way] = []
    if options.secret_env:
        ways.append(BySecret(SecretSource(SecretKind.ENV, options.secret_env)))
    if options.secret_file is not None:
        ways.append(BySecret(SecretSource(SecretKind.FILE, str(options.secret_file))))
    if options.secret_keyring:
        ways.append(BySecret(SecretSource(SecretKind.KEYRING, options.secret_keyring)))
    if options.certificate is not None:
        password = None
        if options.certificate_password_env:
            password = SecretSource(SecretKind.ENV, options.certificate_password_env)
        elif options.certificate_password_file is not None:
            password = SecretSource(SecretKind.FILE, str(options.certificate_password_file))
        ways.append(ByCertificate(options.certificate.expanduser(), password))
    if options.assertion_file is not None:
        ways.append(ByAssertion(options.assertion_file.expanduser()))
    return ways


def _of_account(options: Options, account: Address | None) -> list[Way]:
    from hveadmin.auth.sending.ways import ByBrowser, ByDeviceCode, ByPassword

    if not is_delegated(options):
        return []
    if account is None:
        raise UsageError("nothing says which HVE account signs in", hint="name it: --as hve-payroll@contoso.com")
    ways: list[Way] = []
    if options.device_code:
        ways.append(ByDeviceCode(account))
    if options.browser:
        ways.append(ByBrowser(account))
    if options.password_stdin:
        ways.append(ByPassword(account))
    if options.password_keyring:
        ways.append(ByPassword(account, options.password_keyring))
    return ways


def is_delegated(options: Options) -> bool:
    """Whether the account signs in, through the application."""
    return options.device_code or options.browser or options.password_stdin or bool(options.password_keyring)


def client_id_of(run: Run) -> ClientId:
    """The application that is named by its client id, or by the configuration. Raises UsageError."""
    from hveadmin.domain.desired import ByClientId
    from hveadmin.domain.ids import ClientId

    options = run.options
    if options.client_id and options.app:
        raise UsageError("the application is named twice", hint="give --client-id or --app")
    if options.client_id:
        return ClientId.parse(options.client_id)
    if not options.app:
        raise UsageError("no application is named", hint="give its client id: --client-id ID, or --app NAME")
    apps = run.configuration().desired.apps
    found = apps.get(options.app)
    if found is None:
        raise UsageError(
            f"the configuration has no application {options.app!r}", hint=f"it has {', '.join(apps) or 'none'}"
        )
    if not isinstance(found.ref, ByClientId):
        raise UsageError(
            f"the configuration names {options.app} by {found.ref}, and a sign-in needs its client id",
            hint="hveadmin app whatis tells it; give it with --client-id",
        )
    return found.ref.client_id


def given_token(run: Run) -> str:
    """The token from the pipe or the variable, alone. Raises UsageError."""
    from hveadmin.domain.sending_token import only_token

    options = run.options
    if options.token_stdin and options.token_env:
        raise UsageError("a token is given twice", hint="give --token-stdin or --token-env")
    if _of_application(options) or is_delegated(options):
        raise UsageError("a token is given, and a way to get another", hint="give one of them")
    return only_token(read_pipe() if options.token_stdin else in_variable(run, options.token_env))


def in_variable(run: Run, name: str) -> str:
    """What a variable holds. Raises UsageError where it is not set."""
    value = run.environ.get(name, "")
    if not value:
        raise UsageError(f"the environment variable {name} is not set, or empty")
    return value


def read_pipe() -> str:
    """Standard input, as far as it may be a token. Raises UsageError at a terminal, and for what is no text."""
    if sys.stdin.isatty():
        raise UsageError(
            "a token is expected from a pipe, and standard input is a terminal",
            hint="hveadmin token get --raw … | hveadmin token inspect",
        )
    try:
        return sys.stdin.read(_MAX_INPUT)
    except UnicodeDecodeError:
        raise UsageError("standard input is no text") from None


def _first_line() -> str:
    if sys.stdin.isatty():
        raise UsageError(
            "the password is expected from a pipe, and standard input is a terminal",
            hint="pipe it in, so that it shows nowhere: … --password-stdin < FILE",
        )
    try:
        return sys.stdin.readline(_MAX_INPUT).rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError("standard input is no text") from None


def token_of(run: Run, target: Target, sign: SignsIn) -> str:
    """The token itself. Raises AuthError or ConnectFailed."""
    if isinstance(sign, Given):
        return sign.token
    return run.wiring.sender_token(target.profile, target.tenant, sign.client_id, sign.prepared)
