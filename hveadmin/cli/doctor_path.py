"""hveadmin doctor ACCOUNT [APP]: the whole path of an application to a sent mail."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from hveadmin import __version__
from hveadmin.cli.options import Options
from hveadmin.cli.senders import Given, SignsIn, given_token, is_delegated, only_target, prepared, token_of, way_of
from hveadmin.errors import UsageError

if TYPE_CHECKING:
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.asked import Asked
    from hveadmin.domain.ids import Address, Guid
    from hveadmin.domain.plan import Settling
    from hveadmin.domain.sender_path import SenderCommand
    from hveadmin.domain.sending import Attempt
    from hveadmin.domain.sending_token import SendingToken
    from hveadmin.wiring import Tenant
    from hveadmin.workflows.gather import Sources


def examine_path(run: Run, account: str, app: str, server: str) -> NoReturn:
    """Look at every link, report, and end."""
    from hveadmin.domain.health import outcome_of
    from hveadmin.domain.ids import Address
    from hveadmin.domain.sender_path import Question
    from hveadmin.report.sender_path import Examined, path_report
    from hveadmin.workflows.sender_path import examine

    address = Address.parse(account)
    options = run.options
    target = only_target(run)
    named = _named(run, app)
    sign = _signs_in(run, address, named)
    question = Question(
        address,
        named,
        delegated=is_delegated(options),
        sender=sender_command(options, named, server),
        audience=run.wiring.cloud(target.profile).audiences.smtp,
        where=_where(options),
    )
    reach = _Reach(run, target, address, sign, server)
    checks = examine(question, reach, lambda: datetime.now(UTC))
    examined = Examined(target.alias, address.value, app, datetime.now(UTC), checks)
    run.emit(path_report(examined, made_by=f"hveadmin {__version__}"))
    run.end(outcome_of(checks))


def _named(run: Run, app: str) -> Asked | None:
    """The application as it was typed, or as the configuration calls it; None where nobody named one."""
    from hveadmin.domain.asked import AskedId, AskedName, read_asked
    from hveadmin.domain.desired import ByClientId, ByName, ByObjectId
    from hveadmin.domain.ids import ClientId, Guid

    if not app:
        return AskedId(Guid(ClientId.parse(run.options.client_id).value)) if run.options.client_id else None
    loaded = run.configuration_if_any()
    entry = loaded.desired.apps.get(app) if loaded is not None else None
    match entry.ref if entry is not None else None:
        case None:
            return read_asked(app)
        case ByName(name):
            return AskedName(name)
        case ByClientId(client_id):
            return AskedId(Guid(client_id.value))
        case ByObjectId(object_id):
            return AskedId(Guid(object_id.value))


def _signs_in(run: Run, account: Address, named: Asked | None) -> SignsIn | None:
    """
    How the sender signs in; None where nothing was said of it. APP is the client id, where --client-id is not given.

    Raises UsageError where a sign-in needs a client id and nobody said one.
    """
    from hveadmin.domain.asked import AskedId
    from hveadmin.domain.ids import ClientId
    from hveadmin.domain.sending_token import read_token

    options = run.options
    if options.token_stdin or options.token_env:
        given = Given(given_token(run))
        read_token(given.token)  # what is no token is said at once
        return given
    way = way_of(options, account)
    if way is None:
        return None
    if not options.client_id and not isinstance(named, AskedId):
        raise UsageError(
            "the sender signs in with a client id, and none is given", hint="give it as APP, or with --client-id"
        )
    return prepared(run, way, ClientId.parse(options.client_id or str(named)))


def _where(options: Options) -> str:
    """What was typed to mean this tenant, for the commands that mend something in it."""
    words = [word for file in options.config for word in ("-c", str(file))]
    words += [word for name in options.tenant for word in ("-t", name)]
    words += ["-p", options.profile] if options.profile else []
    return "".join(f" {shlex.quote(each)}" for each in words)


_SHOWN = {
    "secret_env": "--secret-env",
    "secret_file": "--secret-file",
    "secret_keyring": "--secret-keyring",
    "certificate": "--certificate",
    "certificate_password_env": "--certificate-password-env",
    "certificate_password_file": "--certificate-password-file",
    "assertion_file": "--assertion-file",
    "password_keyring": "--password-keyring",
    "token_env": "--token-env",
}
_FLAGS = {
    "device_code": "--device-code",
    "browser": "--browser",
    "password_stdin": "--password-stdin",
    "token_stdin": "--token-stdin",
}


def sender_command(options: Options, named: Asked | None, server: str) -> SenderCommand:
    """How the sender of this run signs in, as it is typed after another command; where a secret is, never what."""
    from hveadmin.domain.asked import AskedId
    from hveadmin.domain.sender_path import SenderCommand

    words: list[str] = []
    given = options.token_stdin or bool(options.token_env)
    if isinstance(named, AskedId) and not given:
        words += ["--client-id", options.client_id or str(named)]
    for name, option in _SHOWN.items():
        if value := getattr(options, name):
            words += [option, str(value)]
    words += [option for name, option in _FLAGS.items() if getattr(options, name)]
    words += ["--server", server] if server else []
    kept = next((name for name in ("secret_file", "secret_keyring", "certificate") if getattr(options, name)), "")
    return SenderCommand("".join(f" {shlex.quote(each)}" for each in words), kept, options.secret_keyring)


class _Reach:
    """The doctor's hands (implements `workflows.sender_path.Reach`)."""

    def __init__(self, run: Run, target: Target, account: Address, sign: SignsIn | None, server: str) -> None:
        self._run = run
        self._target = target
        self._account = account
        self._sign = sign
        self._server = server

    @cached_property
    def _tenant(self) -> Tenant:
        return self._run.wiring.connect(self._target.profile, self._target.tenant)

    @cached_property
    def _token(self) -> str | None:
        if self._sign is None:
            return None
        if isinstance(self._sign, Given):
            return self._sign.token
        return token_of(self._run, self._target, self._sign)

    def sources(self) -> Sources:
        return self._tenant.sources

    def settling(self) -> Mapping[Guid, Settling]:
        return self._tenant.journal.settling()

    def token(self) -> SendingToken | None:
        from hveadmin.domain.sending_token import read_token

        return None if self._token is None else read_token(self._token)

    def attempt(self) -> Attempt | None:
        if self._token is None:
            return None
        return self._run.wiring.mail_probe(self._target.profile, self._server).attempt(self._account, self._token)
