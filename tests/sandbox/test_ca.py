"""The private CA against OpenSSL itself: real handshakes, strict checks, two processes at once."""

from __future__ import annotations

import multiprocessing
import socket
import ssl
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from hveadmin.sandbox.ca import PrivateCa


@contextmanager
def tls_server(chain: Path, key: Path, host: str) -> Iterator[int]:
    """Says one byte to whoever completes a handshake; yields the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)

    def serve_one() -> None:
        try:
            connection, _ = listener.accept()
            with connection, context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(b".")
        except OSError:
            # A client that refuses the certificate hangs up; it is the client's side that is looked at.
            return

    thread = threading.Thread(target=serve_one)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join(10)
        listener.close()


def greet(ca: Path, address: str, port: int, name: str) -> bytes:
    context = ssl.create_default_context(cafile=str(ca))
    # What Python 3.13 does of itself.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    with (
        socket.create_connection((address, port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as tls,
    ):
        return tls.recv(1)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "sandbox.example"])
def test_a_strict_client_that_trusts_the_ca_accepts_every_name(tmp_path: Path, name: str) -> None:
    ca = PrivateCa.open(tmp_path)
    chain, key = ca.server_certificate(["sandbox.example"])
    with tls_server(chain, key, "127.0.0.1") as port:
        assert greet(ca.pem_path, "127.0.0.1", port, name) == b"."


def test_a_name_that_was_not_asked_for_is_refused(tmp_path: Path) -> None:
    ca = PrivateCa.open(tmp_path)
    with tls_server(*ca.server_certificate(), "127.0.0.1") as port, pytest.raises(ssl.SSLCertVerificationError):
        greet(ca.pem_path, "127.0.0.1", port, "other.example")


def test_another_folders_ca_is_not_trusted(tmp_path: Path) -> None:
    ours, theirs = PrivateCa.open(tmp_path / "a"), PrivateCa.open(tmp_path / "b")
    with tls_server(*ours.server_certificate(), "127.0.0.1") as port, pytest.raises(ssl.SSLCertVerificationError):
        greet(theirs.pem_path, "127.0.0.1", port, "localhost")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_no_private_key_is_readable_by_others(tmp_path: Path) -> None:
    ca = PrivateCa.open(tmp_path)
    _, key = ca.server_certificate()
    for path in tmp_path.iterdir():
        if b"PRIVATE KEY" in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert b"PRIVATE KEY" in key.read_bytes()
    assert b"PRIVATE KEY" not in ca.pem_path.read_bytes()


def test_the_ca_and_its_certificate_survive_a_restart(tmp_path: Path) -> None:
    before = PrivateCa.open(tmp_path)
    chain, _ = before.server_certificate()
    first = (before.pem_path.read_bytes(), chain.read_bytes())
    again = PrivateCa.open(tmp_path)
    chain, _ = again.server_certificate()
    assert (again.pem_path.read_bytes(), chain.read_bytes()) == first


@pytest.mark.parametrize(
    ("days_later", "renewed"), [(360, False), (370, True), (500, True)], ids=["early", "near its end", "after its end"]
)
def test_the_server_certificate_is_renewed_near_its_end(tmp_path: Path, days_later: int, renewed: bool) -> None:
    chain, _ = PrivateCa.open(tmp_path).server_certificate()
    before = chain.read_bytes()
    later = datetime.now(UTC) + timedelta(days=days_later)
    ca = PrivateCa.open(tmp_path, clock=lambda: later)
    chain, _ = ca.server_certificate()
    assert (chain.read_bytes() != before) is renewed
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    assert certificate.not_valid_after_utc > later


@pytest.mark.parametrize("damage", [b"", b"not a certificate"])
def test_a_damaged_server_certificate_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    ca = PrivateCa.open(tmp_path)
    chain, _ = ca.server_certificate()
    chain.write_bytes(damage)
    with tls_server(*ca.server_certificate(), "127.0.0.1") as port:
        assert greet(ca.pem_path, "127.0.0.1", port, "localhost") == b"."


def test_a_certificate_of_a_ca_that_was_replaced_is_made_anew(tmp_path: Path) -> None:
    PrivateCa.open(tmp_path).server_certificate()
    (tmp_path / "ca-key.pem").unlink()
    ca = PrivateCa.open(tmp_path)
    with tls_server(*ca.server_certificate(), "127.0.0.1") as port:
        assert greet(ca.pem_path, "127.0.0.1", port, "localhost") == b"."


def _open_together(
    folders: Sequence[Path], start: threading.Barrier, results: multiprocessing.SimpleQueue[list[tuple[bytes, bytes]]]
) -> None:
    found = []
    for folder in folders:
        start.wait(60)
        ca = PrivateCa.open(folder)
        chain, _ = ca.server_certificate()
        found.append((ca.pem_path.read_bytes(), chain.read_bytes()))
    results.put(found)


def test_processes_that_start_together_agree_on_one_ca(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results, start = context.SimpleQueue(), context.Barrier(3)
    folders = [tmp_path / str(number) for number in range(20)]
    processes = [context.Process(target=_open_together, args=(folders, start, results)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join(60)
    for in_one_folder in zip(*found, strict=True):
        assert len({ca for ca, _ in in_one_folder}) == 1
        # The chain ends in the CA that signed it.
        assert all(chain_of(both).count(ca) == 1 for ca, both in in_one_folder)
    assert {process.exitcode for process in processes} == {0}


def chain_of(chain_and_key: bytes) -> bytes:
    return chain_and_key.partition(b"-----BEGIN PRIVATE KEY")[0]
