"""
What went wrong on the way to a sign-in host, in words: TLS that is not trusted, a connection that failed.

Libraries wrap the cause in exceptions of their own, each in its way; `causes` walks all of them.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from hveadmin.auth.signer import signer_of
from hveadmin.errors import ConnectFailed

_MAX_CHAIN = 50


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and everything it came from, nearest first, each once, by all the ways libraries note it down."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_CHAIN:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += (each.__cause__, each.__context__, getattr(each, "inner_exception", None))
        waiting += (getattr(each, "reason", None), *each.args)


def untrusted(error: BaseException) -> str | None:
    """Why a TLS handshake failed, None where it is not TLS that failed."""
    for each in causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return each.verify_message or str(each)
    found = next((each for each in causes(error) if isinstance(each, ssl.SSLError)), None)
    return None if found is None else str(found.reason or found)


def tls_failed(origin: str, reason: str) -> ConnectFailed:
    """The error for a host whose certificate is not trusted; it names who signed the certificate."""
    signer = signer_of(origin)
    signed = f" (its certificate was signed by {signer})" if signer else ""
    return ConnectFailed(
        f"cannot sign in: {origin} is not trusted: {reason}{signed}",
        hint="a private cloud's or an inspecting proxy's CA goes into the system's store, or is named in the profile "
        "(ca: FILE); REQUESTS_CA_BUNDLE is not used",
    )


def in_words(error: BaseException) -> str:
    """The innermost operating system error, else the kind of failure."""
    systems = [each for each in causes(error) if isinstance(each, OSError) and each.strerror]
    if systems:
        return str(systems[-1].strerror)
    names = {type(each).__name__ for each in causes(error)}
    return "no answer in time" if any("Timeout" in name for name in names) else "the connection was lost"
