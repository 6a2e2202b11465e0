"""
azure-identity's HTTP, with the trust and the patience of the rest of the program.

Left to itself it believes certifi's list and not the operating system's; where REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE
is set, as many CI images have it, that file silently takes the place of both [O]. It waits 300 s for a connection,
as long for an answer, and for as long as a Retry-After says.

This module is imported when the first token is needed, and not before: requests and azure-core are at its top.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.exceptions import ServiceRequestTimeoutError
from azure.core.pipeline.transport import RequestsTransport

from hveadmin.auth.trusting import trusting

CONNECT_TIMEOUT = 15.0
"""Seconds."""
READ_TIMEOUT = 30.0
"""Seconds. A token is answered in less than one."""
MACHINE_TIMEOUT = 2.0
"""Seconds to connect to the machine's own identity endpoint."""
TRIES = 3
LONGEST_WAIT = 10.0
"""Seconds between two tries, whatever Retry-After says."""


class BoundedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core exports it without a type
    """
    Never sleeps longer than `LONGEST_WAIT`, nor beyond the end it was given, and remembers what answer came last.
    """

    last_answer: str = ""
    last_status: int = 0
    """Of the last answer; 0 where none came."""
    _end: float = float("inf")

    def give_up_after(self, seconds: float) -> None:
        """From now on, all tries and waits together take no longer."""
        self._end = time.monotonic() + seconds

    last_origin: str = ""
    """Who was asked last, `https://host[:port]`: not always the sign-in host."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url)
        self.last_origin = f"{parts.scheme}://{parts.netloc}"
        self.last_status = 0
        left = self._end - time.monotonic()
        if left <= 0:
            raise ServiceRequestTimeoutError("the deadline ran out", continuation_token=None)
        config = self.connection_config
        kwargs.setdefault("connection_timeout", min(config.timeout, left))
        kwargs.setdefault("read_timeout", min(config.read_timeout, left))
        response = super().send(request, **kwargs)
        self.last_status = response.status_code
        kind = str(response.headers.get("Content-Type", "")).partition(";")[0].strip()
        self.last_answer = f"status {response.status_code} and {kind or 'no content type'}"
        return response

    def sleep(self, duration: float) -> None:
        super().sleep(max(0.0, min(duration, LONGEST_WAIT, self._end - time.monotonic())))


def transport_to(authority: str, trust: ssl.SSLContext) -> BoundedTransport:
    """The connections to one sign-in host."""
    session = trusting(requests.Session(), authority, trust)
    return BoundedTransport(session=session, connection_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)


def machine_transport() -> BoundedTransport:
    """
    The connections to the machine's own identity endpoint: without TLS, on the machine or its link, and without proxy.

    Where there is none, nobody answers at all [D], so it is not waited for.
    """
    session = requests.Session()
    session.trust_env = False
    return BoundedTransport(session=session, connection_timeout=MACHINE_TIMEOUT, read_timeout=READ_TIMEOUT)


def credential_options(transport: BoundedTransport, *, authority: str, instance_discovery: bool) -> Mapping[str, Any]:
    """
    What every credential of azure-identity is made with.

    `logging_enable` is never among it: with it azure-core prints the form with the secret, and the token [O].
    """
    return {
        "authority": authority,
        "disable_instance_discovery": not instance_discovery,
        "transport": transport,
        "retry_total": TRIES - 1,
        "retry_connect": TRIES - 1,
        "retry_read": TRIES - 1,
        "retry_status": TRIES - 1,
        "retry_backoff_factor": 0.5,
        "retry_backoff_max": LONGEST_WAIT,
    }
