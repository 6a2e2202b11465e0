"""Whom to believe: the operating system's certificates and, besides them, one private CA file."""

from __future__ import annotations

import ssl

import truststore

from hveadmin.errors import UsageError


def ssl_context(ca: str = "") -> ssl.SSLContext:
    """
    A client's TLS settings: the operating system's store, host names checked, TLS 1.2 or later.

    `ca` is the path of a PEM file with certificates that are trusted besides it, empty for none. Raises UsageError
    if the file cannot be read or holds no certificate.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        _trust_also(context, ca)
    return context


def _trust_also(context: ssl.SSLContext, ca: str) -> None:
    try:
        context.load_verify_locations(cafile=ca)
    except ssl.SSLError:  # an OSError as well, so it comes first
        raise UsageError(
            f"the CA file {ca} holds no certificate that can be read",
            hint="it must be PEM: -----BEGIN CERTIFICATE-----",
        ) from None
    except OSError as error:
        raise UsageError(
            f"the CA file {ca} cannot be read: {error.strerror or error}", hint="see `ca` of the profile"
        ) from None
