"""Keys and secrets on this side: readable by their owner alone, never written over anything, in no message."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hveadmin.auth.issue import CertificateFile, KeyringEntry, SecretFile, Shown, write_private
from hveadmin.domain.ids import ClientId
from hveadmin.errors import HveAdminError, Refused, UsageError

CLIENT = ClientId("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
CANARY = "abc8Q~canary-secret-value"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> CertificateFile:
    file = CertificateFile(tmp_path_factory.mktemp("keys") / "payroll.pem")
    file.make(30)
    return file


def now() -> datetime:
    return datetime.now(UTC)


def test_a_key_is_readable_by_its_owner_alone(made: CertificateFile) -> None:
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600


def test_what_was_made_can_sign_in(made: CertificateFile) -> None:
    data = made.path.read_bytes()
    key, certificate = load_pem_private_key(data, None), x509.load_pem_x509_certificate(data)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    assert key.public_key() == certificate.public_key()
    certificate.verify_directly_issued_by(certificate)
    assert timedelta(days=29) < certificate.not_valid_after_utc - now() <= timedelta(days=30)
    assert certificate.not_valid_before_utc < now()


def test_what_lies_there_is_what_was_made(tmp_path: Path) -> None:
    file = CertificateFile(tmp_path / "new.pem")
    assert file.read(now()) is None
    certificate = file.make(1)
    assert file.read(now()) == certificate
    assert "PRIVATE" not in repr(certificate)


def test_a_key_is_never_written_over(made: CertificateFile) -> None:
    before = made.path.read_bytes()
    with pytest.raises(Refused, match="is there already"):
        made.make(30)
    assert made.path.read_bytes() == before


def test_an_expired_certificate_is_refused(made: CertificateFile) -> None:
    with pytest.raises(Refused, match="expired on"):
        made.read(now() + timedelta(days=31))


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, made: CertificateFile) -> None:
    shared = tmp_path / "shared.pem"
    shared.write_bytes(made.path.read_bytes())
    shared.chmod(0o644)
    with pytest.raises(Refused, match="0644") as refused:
        CertificateFile(shared).read(now())
    assert "chmod 600" in refused.value.hint


@pytest.mark.parametrize("part", ["key", "certificate", "nothing", "another key"])
def test_a_file_that_cannot_sign_in_is_refused_and_not_repeated(
    tmp_path: Path, made: CertificateFile, part: str
) -> None:
    key, end, certificate = made.path.read_bytes().partition(b"-----END PRIVATE KEY-----\n")
    other = CertificateFile(tmp_path / "other.pem")
    other.make(1)
    texts = {
        "key": key + end,
        "certificate": certificate,
        "nothing": b"canary",
        "another key": other.path.read_bytes().partition(b"-----BEGIN CERT")[0] + certificate,
    }
    path = tmp_path / "odd.pem"
    write_private(path, texts[part])
    with pytest.raises(Refused) as refused:
        CertificateFile(path).read(now())
    assert str(path) in refused.value.message
    assert "canary" not in refused.value.message
    assert refused.value.__cause__ is None


def test_a_secret_is_kept_in_a_new_file_of_its_owners(tmp_path: Path) -> None:
    file = SecretFile(tmp_path / "payroll.secret")
    file.check()
    assert (file.hint(CLIENT), list(tmp_path.iterdir())) == ("", [])
    file.keep(CLIENT, CANARY)
    assert file.path.read_text() == CANARY
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.hint(CLIENT) == "abc"


def test_a_secret_is_never_written_over_another_nor_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "link", tmp_path / "there"):
        if not path.is_symlink():
            write_private(path, b"old")
        with pytest.raises(Refused):
            SecretFile(path).check()
        with pytest.raises(Refused) as refused:
            SecretFile(path).keep(CLIENT, CANARY)
        assert CANARY not in refused.value.message
    assert not (tmp_path / "elsewhere").exists()
    assert (tmp_path / "there").read_text() == "old"


def test_a_folder_that_is_not_there_is_found_out_before_a_secret_is_made(tmp_path: Path) -> None:
    with pytest.raises(HveAdminError, match="folder is missing"):
        SecretFile(tmp_path / "nowhere" / "x").check()


def test_a_shown_secret_is_shown_and_kept_nowhere() -> None:
    seen: list[str] = []
    shown = Shown(seen.append)
    shown.check()
    shown.keep(CLIENT, CANARY)
    assert seen == [CANARY]
    assert shown.hint(CLIENT) is None  # type: ignore[func-returns-value]


class Keyring:
    """Stands in for the package, which is optional."""

    def __init__(self, *, locked: bool = False) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = locked

    def get_password(self, service: str, name: str) -> str | None:
        if self.locked:
            raise RuntimeError(CANARY)
        return self.entries.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        if self.locked:
            raise RuntimeError(value)
        self.entries[service, name] = value


def use(monkeypatch: pytest.MonkeyPatch, keyring: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "keyring", keyring)


def test_the_keyring_holds_a_secret_where_a_profile_looks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring()
    use(monkeypatch, keyring)
    entry = KeyringEntry("hve")
    entry.check()
    assert (entry.hint(None), entry.hint(CLIENT)) == ("", "")
    entry.keep(CLIENT, CANARY)
    assert keyring.entries == {("hve", CLIENT.value): CANARY}
    assert entry.hint(CLIENT) == "abc"


def test_a_locked_keyring_is_found_out_early_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Keyring(locked=True))
    with pytest.raises(HveAdminError, match="RuntimeError") as early:
        KeyringEntry("hve").check()
    with pytest.raises(HveAdminError, match="RuntimeError") as late:
        KeyringEntry("hve").keep(CLIENT, CANARY)
    for failed in (early.value, late.value):
        assert CANARY not in failed.message
        assert failed.__cause__ is None


def test_without_the_package_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, None)
    with pytest.raises(UsageError) as failed:
        KeyringEntry("hve").check()
    assert "pip install keyring" in failed.value.hint
