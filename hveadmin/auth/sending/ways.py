"""
What a sending application proves itself with, or who signs in through it: one value a way.

Whatever is missing on this machine (a variable, a file, a password) is found here, before anybody is contacted. The
next way is one class with `prepare`, and one case in `sign_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hveadmin.auth.kinds.workload_identity import read_assertion
from hveadmin.auth.secret import Secret, read_secret
from hveadmin.auth.sign_in import is_guid
from hveadmin.domain.ids import Address
from hveadmin.domain.profile import SecretKind, SecretSource
from hveadmin.errors import AuthError, UsageError


@dataclass(frozen=True, slots=True)
class BySecret:
    """As the application, with a client secret."""

    source: SecretSource


@dataclass(frozen=True, slots=True)
class ByCertificate:
    """As the application, with a certificate and its private key: a PEM file or a PFX."""

    path: Path
    password: SecretSource | None = None


@dataclass(frozen=True, slots=True)
class ByAssertion:
    """As the application, with a token that somebody else signed and that lies in a file (federation)."""

    path: Path


@dataclass(frozen=True, slots=True)
class ByDeviceCode:
    """As the HVE account, on another device."""

    account: Address


@dataclass(frozen=True, slots=True)
class ByBrowser:
    """As the HVE account, in this machine's browser."""

    account: Address


@dataclass(frozen=True, slots=True)
class ByPassword:
    """
    As the HVE account, with its password: from standard input, or from the keyring where `keyring` names a service.

    Deprecated by Microsoft, and impossible where multifactor authentication is asked for.
    """

    account: Address
    keyring: str = ""


ApplicationWay = BySecret | ByCertificate | ByAssertion
DelegatedWay = ByDeviceCode | ByBrowser | ByPassword
Way = ApplicationWay | DelegatedWay


@dataclass(frozen=True, slots=True)
class ReadSecret:
    """A client secret that was read."""

    secret: Secret

    @property
    def is_guid(self) -> bool:
        """Whether it looks like a GUID: then it is most likely the secret's id and not its value."""
        return is_guid(self.secret.reveal())


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """A certificate's file and its password, not opened yet."""

    path: Path
    data: bytes
    password: Secret | None

    def __repr__(self) -> str:
        return f"ReadCertificate({self.path})"


@dataclass(frozen=True, slots=True)
class ReadAssertion:
    """A file with a federated token, which is read again for each request."""

    path: Path
    token: Secret


@dataclass(frozen=True, slots=True)
class ReadPassword:
    """An account's password."""

    account: Address
    password: Secret


Prepared = ReadSecret | ReadCertificate | ReadAssertion | ReadPassword | ByDeviceCode | ByBrowser


def prepare(way: Way, *, client_id: str, environ: Mapping[str, str], typed: Callable[[], str]) -> Prepared:
    """
    Read what the way needs of this machine. Nobody is contacted.

    `typed` reads the first line of standard input. Raises UsageError for whatever is missing.
    """
    match way:
        case BySecret(source):
            return ReadSecret(read_secret(source, environ=environ, account=client_id))
        case ByCertificate(path, password):
            opened_by = read_secret(password, environ=environ, account=client_id) if password is not None else None
            return ReadCertificate(path, _bytes_of(path), opened_by)
        case ByAssertion(path):
            return ReadAssertion(path, _assertion(path))
        case ByPassword(account, keyring):
            return ReadPassword(account, _password(account, keyring, typed))
        case ByDeviceCode() | ByBrowser():
            return way


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the certificate {path} cannot be read: {error.strerror}") from error


def _assertion(path: Path) -> Secret:
    try:
        return Secret(read_assertion(path, []))
    except AuthError as error:
        raise UsageError(error.message, hint=error.hint) from None


def _password(account: Address, keyring: str, typed: Callable[[], str]) -> Secret:
    if keyring:
        return read_secret(SecretSource(SecretKind.KEYRING, keyring), environ={}, account=account.value)
    line = typed()
    if not line:
        raise UsageError(
            "standard input holds no password",
            hint="pipe it in, one line: … --password-stdin < FILE; or name a keyring service with --password-keyring",
        )
    return Secret(line)
