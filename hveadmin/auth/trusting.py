"""
requests with the trust of the rest of the program: one SSL context, whatever the environment and certifi say.

This module imports requests at its top, so it is imported when the first token is needed, and not before.
"""

from __future__ import annotations

import ipaddress
import ssl
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

Connections = TypeVar("Connections", bound=requests.Session)


class TrustingAdapter(HTTPAdapter):
    """Believes one SSL context, whatever `verify` and the environment say. Proxies of the environment are used."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        self._trust = trust
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._trust, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._trust, **kwargs)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        return super().build_connection_pool_key_attributes(request, True, None)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Add no further certificates to the connection: requests would add certifi's, or REQUESTS_CA_BUNDLE's."""


def trusting(session: Connections, authority: str, trust: ssl.SSLContext) -> Connections:
    """The session, with this trust and no other, for the requests to one sign-in host."""
    # Proxies are taken from the environment, but not for this machine.
    session.trust_env = not _is_loopback(urlsplit(authority).hostname or "")
    session.mount("https://", TrustingAdapter(trust))
    # With an `auth` of our own, which adds nothing, requests does not look into ~/.netrc for one.
    session.auth = _as_it_is
    return session


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
