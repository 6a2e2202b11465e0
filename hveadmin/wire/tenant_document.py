"""
What Entra tells anybody of a tenant, by its id or one of its domains: the OpenID discovery document. No sign-in.

`cloud_instance_name` and `tenant_region_sub_scope` tell the cloud [F]; GCC is in the worldwide one.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import httpx2

from hveadmin import __version__
from hveadmin.domain.health import TenantSeen
from hveadmin.domain.ids import NotAGuid, TenantId
from hveadmin.errors import ConnectFailed, UnreadableReply
from hveadmin.wire.deadline import Cutoff, Deadline
from hveadmin.wire.session import is_loopback

MAX_BYTES = 2**18
"""Bytes of a document; a real one has about 2,000."""

_ISSUER = re.compile(r"/([0-9a-fA-F-]{36})(?:/|$)")
_US_CLOUDS = {"DOD": "dod", "DODCON": "gcc-high"}


def find_tenant(login: str, tenant: str, *, trust: ssl.SSLContext, deadline: Deadline) -> TenantSeen | None:
    """
    The tenant at this sign-in host; None where there is none by this id or domain.

    Raises ConnectFailed where nobody answers, UnreadableReply for an answer that is not Entra's.
    """
    url = f"{login}/{quote(tenant, safe='')}/v2.0/.well-known/openid-configuration"
    status, body = _get(url, trust, deadline)
    if status in (400, 404) and body.get("error") in ("invalid_tenant", "invalid_request"):
        return None
    if status != 200:
        raise UnreadableReply(f"{login} answered status {status} to the question which tenant {tenant} is")
    return tenant_in(body, tenant)


def tenant_in(document: Mapping[str, object], asked: str) -> TenantSeen:
    """The tenant that a discovery document describes. Raises UnreadableReply where it names none."""
    found = _ISSUER.search(_text(document, "issuer"))
    try:
        tenant_id = TenantId.parse(found.group(1) if found else "")
    except NotAGuid:
        raise UnreadableReply(f"the discovery document of {asked} does not name a tenant") from None
    return TenantSeen(tenant_id.value, cloud_in(document), _text(document, "tenant_region_scope"))


def cloud_in(document: Mapping[str, object]) -> str:
    """The cloud's name as profiles write it; empty where the document does not tell."""
    instance = _text(document, "cloud_instance_name").lower()
    if instance.endswith(".us"):
        return _US_CLOUDS.get(_text(document, "tenant_region_sub_scope").upper(), "")
    if instance.endswith(".cn"):
        return "china"
    return "worldwide" if instance.endswith(".com") else ""


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _get(url: str, trust: ssl.SSLContext, deadline: Deadline) -> tuple[int, Mapping[str, object]]:
    cutoff = Cutoff(deadline)
    host = urlsplit(url).hostname or ""
    left = max(deadline.remaining(), 0.001)
    try:
        with (
            httpx2.Client(verify=trust, trust_env=not is_loopback(host), headers=_HEADERS, timeout=left) as client,
            cutoff.armed(),
            client.stream("GET", url, extensions={"trace": cutoff.trace}) as response,
        ):
            return response.status_code, _object(response)
    except httpx2.HTTPError as error:
        why = "no answer in time" if isinstance(error, httpx2.TimeoutException) else "the connection broke"
        raise ConnectFailed(f"{host} was asked about the tenant: {why}") from None


def _object(response: httpx2.Response) -> Mapping[str, object]:
    """The body as a JSON object, an empty one for anything else."""
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            return {}
    try:
        found: object = json.loads(bytes(body))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


_HEADERS = {"User-Agent": f"hveadmin/{__version__}", "Accept": "application/json"}
