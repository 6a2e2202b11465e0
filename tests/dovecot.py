"""
Dovecot's submission service, with XOAUTH2 checked for real: the token's signature, by the sandbox's public key.

An RFC server that others wrote: command lines of 512 octets, a JSON challenge before the refusal, its own TLS. The
program is Debian's `dovecot-submissiond`; `.ci/run` installs it. It runs on loopback without anything of /etc.
"""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.server import Sandbox

_START_SECONDS = 15.0


@dataclass(frozen=True)
class Dovecot:
    """A server that answers."""

    address: str
    """`localhost:PORT`"""
    ca: str


@contextmanager
def dovecot(sandbox: Sandbox) -> Iterator[Dovecot]:
    """Dovecot on a free port; it lets in whoever has a token that the sandbox signed and that names the user (upn)."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None, "dovecot is not installed; these tests need it (see .ci/run)"
    # Its login processes are another user's, who must be able to get there: not below a folder that is ours alone.
    with tempfile.TemporaryDirectory(prefix="hveadmin-dovecot-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        port = _free_port()
        (base / "dovecot.conf").write_text(_configuration(base, port))
        (base / "oauth2.conf").write_text(
            "introspection_mode = local\nusername_attribute = upn\n"
            f"local_validation_key_dict = fs:posix:prefix={base}/keys/\n"
        )
        _keys(sandbox, base)
        _certificate(base)
        child = subprocess.Popen(
            [program, "-F", "-c", str(base / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(port, child, base)
            yield Dovecot(f"localhost:{port}", str(base / "cert.pem"))
        finally:
            child.terminate()
            child.wait(_START_SECONDS)


def _configuration(base: Path, port: int) -> str:
    is_root = os.getuid() == 0
    me = getpass.getuser()
    group = grp.getgrgid(os.getgid()).gr_name
    mail = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.getuid())
    home = base / "home"
    home.mkdir()
    if is_root:
        os.chown(home, mail.pw_uid, mail.pw_gid)
    services = "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "stats"))
    return f"""
base_dir = {base}/base
state_dir = {base}/state
log_path = {base}/log
protocols = submission
listen = 127.0.0.1
default_internal_user = {"dovecot" if is_root else me}
default_internal_group = {"dovecot" if is_root else group}
default_login_user = {"dovenull" if is_root else me}
first_valid_uid = 1
ssl = required
ssl_cert = <{base}/cert.pem
ssl_key = <{base}/key.pem
auth_mechanisms = xoauth2
auth_failure_delay = 0
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {base}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={mail.pw_uid} gid={mail.pw_gid} home={home} allow_all_users=yes
}}
mail_location = maildir:{home}/mail
submission_relay_host = 127.0.0.1
submission_relay_port = 9
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {port}
  }}
}}
{services}"""


def _keys(sandbox: Sandbox, base: Path) -> None:
    """The sandbox's public key, where Dovecot looks for it: client, algorithm, id of the key."""
    keys = SigningKeys(sandbox.store)
    jwks = keys.jwks()["keys"]
    folder = base / "keys" / "default" / "RS256"
    folder.mkdir(parents=True)
    public = keys.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / str(jwks[0]["kid"])).write_bytes(public)


def _certificate(base: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a Dovecot of the tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=2)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (base / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (base / "key.pem").touch(mode=0o600)
    (base / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


def _wait_for(port: int, child: subprocess.Popen[bytes], base: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and child.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1.0) as connection:
                if connection.recv(3) == b"220":
                    return
        except OSError:
            time.sleep(0.1)
    log = base / "log"
    raise AssertionError(f"dovecot did not start\n{log.read_text() if log.exists() else ''}")
