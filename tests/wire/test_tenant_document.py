"""A tenant is found by its id or domain without a sign-in."""

from __future__ import annotations

import pytest
from loopback import Authority, Loopback, Raw, RealClock, Say

from hveadmin.domain.health import TenantSeen
from hveadmin.errors import ConnectFailed, UnreadableReply
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.tenant_document import cloud_in, find_tenant
from hveadmin.wire.trust import ssl_context

CONTOSO = "8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"
DOCUMENT = {
    "issuer": f"https://login.microsoftonline.com/{CONTOSO}/v2.0",
    "tenant_region_scope": "EU",
    "cloud_instance_name": "microsoftonline.com",
}


def ask(service: Loopback, authority: Authority, tenant: str = "contoso.onmicrosoft.com") -> TenantSeen | None:
    trust = ssl_context(str(authority.certificate))
    return find_tenant(service.base_url, tenant, trust=trust, deadline=Deadline(RealClock(), 5))


def test_the_document_tells_id_cloud_and_region(authority: Authority) -> None:
    with Loopback(Say(json=DOCUMENT), tls=authority.server) as service:
        assert ask(service, authority) == TenantSeen(CONTOSO, "worldwide", "EU")
    (request,) = service.seen
    assert request.target == "/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration"
    assert "authorization" not in request.headers


def test_a_name_cannot_leave_its_place_in_the_path(authority: Authority) -> None:
    with Loopback(Say(json=DOCUMENT), tls=authority.server) as service:
        ask(service, authority, "../common?x#y")
    assert service.seen[0].target.startswith("/..%2Fcommon%3Fx%23y/v2.0/")


def test_no_such_tenant_is_none(authority: Authority) -> None:
    refusal = Say(400, json={"error": "invalid_tenant", "error_description": "AADSTS90002"})
    with Loopback(refusal, tls=authority.server) as service:
        assert ask(service, authority) is None


@pytest.mark.parametrize(
    "answer",
    [
        Say(503, body=b"busy"),
        Say(404, body=b"<html>"),
        Say(200, body=b"<html>hello</html>"),
        Say(200, json={}),
        Say(200, json=[]),
        Say(200, json={"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}),
    ],
)
def test_an_answer_that_is_not_entras_is_unreadable_and_not_no_tenant(authority: Authority, answer: Say) -> None:
    with Loopback(answer, tls=authority.server) as service, pytest.raises(UnreadableReply):
        ask(service, authority)


def test_a_broken_connection_is_no_answer(authority: Authority) -> None:
    with Loopback(Raw(b"HTTP/1.1 200"), tls=authority.server) as service, pytest.raises(ConnectFailed):
        ask(service, authority)


@pytest.mark.parametrize(
    ("instance", "sub_scope", "cloud"),
    [
        ("microsoftonline.com", "", "worldwide"),
        ("microsoftonline.com", "GCC", "worldwide"),
        ("microsoftonline.us", "DODCON", "gcc-high"),
        ("microsoftonline.us", "DOD", "dod"),
        ("microsoftonline.us", "", ""),
        ("partner.microsoftonline.cn", "", "china"),
        ("", "", ""),
    ],
)
def test_the_cloud_is_told_by_instance_and_sub_scope_or_not_at_all(instance: str, sub_scope: str, cloud: str) -> None:
    assert cloud_in({"cloud_instance_name": instance, "tenant_region_sub_scope": sub_scope}) == cloud
