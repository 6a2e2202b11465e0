"""
Who signed a server's certificate: asked after a handshake has failed, because the error does not say.

"Signed by: CN=Contoso Proxy CA" tells an administrator at once that a proxy inspects the traffic.
"""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

TIMEOUT = 5.0
"""Seconds; it is one handshake for the sake of a better message."""


def signer_of(origin: str) -> str:
    """
    The issuer of the certificate that `https://host[:port]` shows, empty where it cannot be had.

    The certificate is looked at without being trusted, and nothing is sent over the connection.
    """
    from cryptography.x509 import load_der_x509_certificate

    parts = urlsplit(origin)
    host = parts.hostname or ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, parts.port or 443), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
        ):
            shown = connection.getpeercert(binary_form=True)
        return load_der_x509_certificate(shown).issuer.rfc4514_string() if shown else ""
    except (OSError, ValueError):
        return ""
