"""
Secrets: where they are read from, and the one type they travel in.

A secret comes from an environment variable, a file or a keyring, never from a flag or a configuration: flags end up
in shell histories and process lists, configurations in repositories.
"""

from __future__ import annotations

import importlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from hveadmin.domain.profile import SecretKind, SecretSource
from hveadmin.errors import UsageError


class Secret:
    """A value that must not be seen. Whoever needs it calls `reveal()`, which is easy to search for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the library that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")

    def hidden_in(self, text: str) -> str:
        """`text` without this secret, should a server have repeated it."""
        return text.replace(self._value, "***") if self._value else text


# A token, ours or somebody else's: `{"` in base64 and what follows it.
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_.=-]{10,}")


def without_secrets(text: str, secrets: Iterable[Secret]) -> str:
    """What a service wrote, without what it was sent: these secrets, and every token."""
    for secret in secrets:
        text = secret.hidden_in(text)
    return _TOKEN.sub("***", text)


def read_secret(source: SecretSource, *, environ: Mapping[str, str], account: str) -> Secret:
    """
    Read a secret from where it is said to be.

    `account` is the name beside the service in a keyring: the client id. Raises UsageError where there is nothing,
    or where others could read it as well.
    """
    match source.kind:
        case SecretKind.ENV:
            value = environ.get(source.where, "")
            empty = f"the environment variable {source.where} is not set, or empty"
        case SecretKind.FILE:
            value = _from_file(Path(source.where).expanduser())
            empty = f"the secret file {source.where} is empty"
        case SecretKind.KEYRING:
            value = _from_keyring(source.where, account)
            empty = f"the keyring has no secret for the service {source.where!r} and the name {account!r}"
    if not value:
        hint = f"store it: keyring set {source.where} {account}" if source.kind is SecretKind.KEYRING else ""
        raise UsageError(empty, hint=hint)
    return Secret(value)


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            _refuse_shared(path, os.fstat(file.fileno()))
            raw = file.read()
    except OSError as error:
        raise UsageError(f"the secret file {path} cannot be read: {error.strerror}") from error
    try:
        # Editors and `echo` end a file with a line break that is not part of the secret.
        return raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        # Not `from` the original: it carries the bytes.
        raise UsageError(f"the secret file {path} is not UTF-8 text") from None


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    """Windows keeps its rights elsewhere, and says nothing here that could be judged."""
    if os.name == "posix" and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"others than its owner may use the secret file {path} (mode {stat.S_IMODE(found.st_mode):04o})",
            hint=f"chmod 600 {path}",
        )


def _from_keyring(service: str, account: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise UsageError(
            f"the secret is in the keyring ({service}), and the package keyring is not installed",
            hint="install it beside hveadmin: pip install keyring",
        ) from None
    try:
        return str(keyring.get_password(service, account) or "")
    except Exception as error:  # each backend raises its own: locked, no session bus, no backend at all
        raise UsageError(
            f"the keyring cannot be read: {type(error).__name__}",
            hint="unlock it, or name the secret as {env: NAME} or {file: PATH}",
        ) from None
