"""A secret is read from where it is said to be, not by others, and is shown nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from hveadmin.auth.secret import Secret, read_secret
from hveadmin.domain.profile import SecretKind, SecretSource
from hveadmin.errors import UsageError

CANARY = "canary-Zq8~xYz"
posix = pytest.mark.skipif(sys.platform == "win32", reason="file modes are POSIX")


@dataclass(frozen=True)
class Holder:
    secret: Secret


def read(kind: SecretKind, where: str, environ: dict[str, str] | None = None) -> str:
    return read_secret(SecretSource(kind, where), environ=environ or {}, account="client").reveal()


def file_with(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("text", ["{0}", "{0!r}", "{0!s}", "{0:}"])
def test_no_way_of_printing_shows_it(text: str) -> None:
    assert CANARY not in text.format(Secret(CANARY))
    assert CANARY not in text.format(Holder(Secret(CANARY)))


def test_it_is_not_logged_or_written_down(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("test").debug("signing in with %s, %r", secret, [secret])
    assert CANARY not in caplog.text
    for write in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(secret)


def test_a_server_that_repeats_it_is_silenced() -> None:
    assert Secret(CANARY).hidden_in(f"bad secret {CANARY}!") == "bad secret ***!"
    assert Secret("").hidden_in("text") == "text"


def test_from_the_environment() -> None:
    assert read(SecretKind.ENV, "NAME", {"NAME": CANARY}) == CANARY


@pytest.mark.parametrize("environ", [{}, {"NAME": ""}])
def test_a_variable_without_value_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="NAME is not set"):
        read(SecretKind.ENV, "NAME", environ)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_from_a_file_without_its_line_break(tmp_path: Path, ending: bytes) -> None:
    assert read(SecretKind.FILE, file_with(tmp_path / "s", CANARY.encode() + ending)) == CANARY


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_a_file_that_others_may_use_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    where = file_with(tmp_path / "s", CANARY.encode(), mode)
    with pytest.raises(UsageError, match=f"{mode:04o}") as caught:
        read(SecretKind.FILE, where)
    assert caught.value.hint == f"chmod 600 {where}"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for where in (tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match=str(where)):
            read(SecretKind.FILE, str(where))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe" + CANARY.encode()])
def test_a_file_without_a_readable_secret_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        read(SecretKind.FILE, file_with(tmp_path / "s", content))
    assert CANARY not in str(caught.value) + caught.value.hint


class Keyring(ModuleType):
    """A keyring with one secret in it; `locked` makes it refuse."""

    locked = False

    def get_password(self, service: str, account: str) -> str | None:
        if self.locked:
            raise RuntimeError(f"cannot unlock, tried {CANARY}")
        return CANARY if (service, account) == ("hveadmin", "client") else None


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    module = Keyring("keyring")
    monkeypatch.setitem(sys.modules, "keyring", module)
    return module


def test_from_the_keyring_by_service_and_client_id(keyring: Keyring) -> None:
    assert read(SecretKind.KEYRING, "hveadmin") == CANARY


def test_an_empty_keyring_says_how_to_store_it(keyring: Keyring) -> None:
    with pytest.raises(UsageError) as caught:
        read(SecretKind.KEYRING, "other")
    assert "keyring set other client" in caught.value.hint


def test_a_locked_keyring_is_an_error_of_ours(keyring: Keyring) -> None:
    keyring.locked = True
    with pytest.raises(UsageError, match="RuntimeError") as caught:
        read(SecretKind.KEYRING, "hveadmin")
    assert CANARY not in str(caught.value)


def test_without_the_package_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError) as caught:
        read(SecretKind.KEYRING, "hveadmin")
    assert "pip install keyring" in caught.value.hint
