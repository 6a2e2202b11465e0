from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from loopback import Authority

from hveadmin.errors import UsageError
from hveadmin.wire.trust import ssl_context


def handshake(trust: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Connect to a TLS server with these settings; raises what the client's side raises."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        try:
            server.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), 5) as plain:
                trust.wrap_socket(plain, server_hostname="127.0.0.1").close()
        finally:
            thread.join(5)


def test_a_private_authority_is_believed_where_it_is_named(authority: Authority) -> None:
    handshake(ssl_context(str(authority.certificate)), authority.server)


def test_and_not_where_it_is_not(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(ssl_context(), authority.server)


def test_names_are_checked() -> None:
    context = ssl_context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_ca_file_that_is_not_there_is_the_users_to_correct(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.pem cannot be read: No such file"):
        ssl_context(str(tmp_path / "missing.pem"))


def test_so_is_one_that_holds_no_certificate(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.pem"
    wrong.write_text("nothing of the kind")
    with pytest.raises(UsageError, match=r"notes\.pem holds no certificate"):
        ssl_context(str(wrong))
