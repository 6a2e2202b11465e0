"""WinRM as an unmodified pypsrp meets it: who gets in, how, and what is on the wire."""

from __future__ import annotations

import os
import re
import socket
import ssl
import stat
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
import pytest
from exchange_wire import PAYROLL
from management_host import Auth, WinRmClient, begin, call
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.powershell import RunspacePool

from hveadmin.sandbox.faults import Fault, FaultKind, Surface

SHOP = "hve-shop@contoso.com"
WAYS = [
    pytest.param({"auth": auth, **more}, id=f"{auth} over {name}")
    for auth in ("basic", "ntlm", "negotiate")
    for name, more in (
        ("https", {}),
        ("http", {"ssl": False, "encryption": "never" if auth == "basic" else "auto"}),
    )
] + [pytest.param({"auth": "ntlm", "encryption": "always"}, id="ntlm over https with message encryption")]


@pytest.mark.parametrize("way", WAYS)
def test_a_session_reads_and_writes_whatever_way_it_came_in(host: WinRmClient, way: dict[str, Any]) -> None:
    with host.exchange(**way) as pool:
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14
        added = call(pool, "Add-HVEAppAccess", Identity=SHOP, AppIds=[uuid.UUID(PAYROLL)], Confirm=False)
        assert (added.had_errors, added.output, added.streams.error) == (False, [], [])
    assert PAYROLL in host.sandbox.tenant("contoso").account(SHOP).allowed_apps


def test_what_is_done_over_http_with_ntlm_cannot_be_read_on_the_way(host: WinRmClient) -> None:
    relay = Relay(host.running.endpoints.winrm_http)
    with relay, host.exchange(ssl=False, auth="ntlm", port=relay.port) as pool:
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14
    seen, said = relay.heard
    assert b"multipart/encrypted" in seen and b"multipart/encrypted" in said
    for plain in (b"Envelope", b"Get-MailUser", b"MailUser", b"creationXml", host.password.encode()):
        assert plain not in seen and plain not in said


@pytest.mark.parametrize("auth", ["basic", "ntlm", "negotiate"])
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody"}], ids=["password", "name"])
def test_who_is_not_known_is_not_let_in(host: WinRmClient, auth: Auth, wrong: dict[str, str]) -> None:
    with pytest.raises(AuthenticationError), host.exchange(auth=auth, **wrong):
        pass
    assert host.running.shells.now.shells_opened == 0


@pytest.mark.parametrize("name", ["hveadmin", "SBXHOST01\\hveadmin", ".\\hveadmin"])
@pytest.mark.parametrize("auth", ["basic", "ntlm"])
def test_a_name_may_carry_the_hosts_name(host: WinRmClient, auth: Auth, name: str) -> None:
    with host.pool(auth=auth, username=name) as pool:
        assert not call(pool, "Get-Command").had_errors


def test_ntlm_leaves_no_password_behind(host: WinRmClient) -> None:
    before = dict(os.environ)
    with host.exchange(auth="ntlm"):
        pass
    assert dict(os.environ) == before
    assert list(Path(tempfile.gettempdir()).glob("hveadmin-sandbox-*")) == []


def test_the_password_is_in_a_file_that_only_its_owner_reads_and_outlives_a_reset(host: WinRmClient) -> None:
    path = host.sandbox.host_user.password_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    password = host.password
    host.sandbox.reset()
    assert host.password == password
    assert len(password) > 20


def test_another_domains_user_is_nobody(host: WinRmClient) -> None:
    with pytest.raises(AuthenticationError), host.pool(username="ELSEWHERE\\hveadmin"):
        pass


def test_who_says_nothing_is_told_how_to_sign_in(host: WinRmClient) -> None:
    reply = post(host, b"<x/>")
    assert reply.status_code == 401
    assert reply.headers.get_list("www-authenticate") == ["Negotiate", 'Basic realm="WSMAN"']


def test_a_connection_that_was_admitted_admits_nobody_else(host: WinRmClient) -> None:
    with host.exchange(auth="ntlm", ssl=False):
        assert post(host, b"<x/>", over_http=True).status_code == 401


def test_an_unknown_configuration_is_named_in_the_fault(host: WinRmClient) -> None:
    sentence = "Cannot find the Nothing session configuration"
    with pytest.raises(WSManFaultError, match=sentence) as caught, host.pool("Nothing"):
        pass
    assert caught.value.code == 2150858811
    assert host.running.shells.now.shells_opened == 0


def test_a_fault_over_http_with_ntlm_is_encrypted_too_and_read(host: WinRmClient) -> None:
    sentence = "Cannot find the Nothing session"
    with pytest.raises(WSManFaultError, match=sentence), host.pool("Nothing", ssl=False, auth="ntlm"):
        pass


def test_a_fault_repeats_the_id_of_its_request_byte_for_byte(host: WinRmClient) -> None:
    odd = "uuid:a&amp;b  &lt;C&gt;"
    envelope = request("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Nonsense", message_id=odd)
    reply = post(host, envelope, signed_in=True)
    assert reply.status_code == 500
    assert f"<a:RelatesTo>{odd}</a:RelatesTo>" in reply.text
    assert fault_code(reply) == "2150858753"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"no xml", "2150858817", id="no XML"),
        pytest.param(b"<a/>", "2150858817", id="no envelope"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "2150858817", id="a document type"),
    ],
)
def test_what_is_no_request_is_a_fault_and_no_crash(host: WinRmClient, body: bytes, code: str) -> None:
    reply = post(host, body, signed_in=True)
    assert (reply.status_code, fault_code(reply)) == (500, code)


@pytest.mark.parametrize("operation", ["Command", "Send", "Receive", "Signal"])
def test_a_shell_that_was_never_there_is_lost(host: WinRmClient, operation: str) -> None:
    action = f"http://schemas.microsoft.com/wbem/wsman/1/windows/shell/{operation}"
    reply = post(host, request(action, shell=str(uuid.uuid4())), signed_in=True)
    assert fault_code(reply) == "2150858843"


def test_garbage_in_a_shell_is_a_fault(host: WinRmClient) -> None:
    action = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"
    body = (
        f'<rsp:Shell ShellId="{uuid.uuid4()}"><creationXml xmlns="http://schemas.microsoft.com/powershell">'
        "AAAA</creationXml></rsp:Shell>"
    )
    resource = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
    reply = post(host, request(action, resource=resource, body=body), signed_in=True)
    assert (reply.status_code, fault_code(reply)) == (500, "2150858817")
    assert host.running.shells.now.shells_open == 0


def test_shells_and_pipelines_are_counted_and_none_is_left(host: WinRmClient) -> None:
    with host.exchange() as pool:
        call(pool, "Get-MailUser", HVEAccount=True)
        call(pool, "get-hveaccountsettings", Identity=SHOP)
        during = host.running.shells.now
        assert (during.shells_open, during.pipelines_started, during.pipelines_running) == (1, 2, 0)
        assert during.commands == {"Get-MailUser": 1, "get-hveaccountsettings": 1}
    after = host.running.shells.now
    assert (after.shells_opened, after.shells_closed, after.shells_open) == (1, 1, 0)


def test_a_shell_that_nobody_closes_stays_counted(host: WinRmClient) -> None:
    wsman = host.wsman()
    RunspacePool(wsman, configuration_name="HVEAdmin").open()
    wsman.close()
    assert host.running.shells.now.shells_open == 1


def test_its_requests_are_counted_as_the_surface_psrp(host: WinRmClient) -> None:
    with host.exchange() as pool:
        call(pool, "Get-MailUser", HVEAccount=True)
    calls = host.running.calls
    assert calls.count(Surface.PSRP) == calls.count() > 4


@pytest.mark.parametrize("size", [4700, 153_600, 512_000])
def test_a_large_output_comes_whole_whatever_a_client_takes_at_once(host: WinRmClient, size: int) -> None:
    host.sandbox.reseed("fleet:1x100x0")
    with host.exchange(max_envelope_size=size) as pool:
        found = call(pool, "Get-MailUser", HVEAccount=True).output
        host.running.calls.clear()
        assert len({each.extended_properties["Guid"] for each in found}) == 100
        call(pool, "Get-MailUser", HVEAccount=True)
    # An envelope of 4700 bytes holds half an object, one of 153,600 all of them.
    assert (host.running.calls.count(Surface.PSRP) > 150) is (size == 4700)


def test_many_sessions_at_once_do_not_hear_each_other(host: WinRmClient) -> None:
    addresses = [account.address for account in host.sandbox.tenant("contoso").accounts()]

    def names(auth: Auth) -> list[str]:
        with host.exchange(auth=auth) as pool:
            settings = [call(pool, "Get-HVEAccountSettings", Identity=each).output for each in addresses]
            return [each.extended_properties["Identity"] for (each,) in settings]

    ways: list[Auth] = ["basic", "ntlm", "negotiate", "basic", "ntlm", "negotiate"]
    with ThreadPoolExecutor(len(ways)) as crowd:
        found = list(crowd.map(names, ways))
    assert found == [[address.partition("@")[0] for address in addresses]] * len(ways)
    assert host.running.shells.now.shells_open == 0


def test_with_separate_ports_winrm_has_its_own(host: WinRmClient) -> None:
    with host.sandbox.serve(separate_ports=True) as running:
        endpoints = running.endpoints
        assert len({urlsplit(each).port for each in (endpoints.login, endpoints.exchange, endpoints.winrm)}) == 3
        assert endpoints.winrm_http == ""
        with WinRmClient(host.sandbox, running).exchange() as pool:
            assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


def test_a_running_pipeline_can_be_stopped_and_the_shell_used_on(host: WinRmClient) -> None:
    host.sandbox.add_fault(Fault(FaultKind.HANG, cmdlet="Get-HVEAccountSettings"))
    with host.exchange() as pool:
        hung = begin(pool, "Get-HVEAccountSettings", Identity=SHOP)
        hung.poll_invoke(timeout=1)
        assert host.running.shells.now.pipelines_running == 1
        hung.stop()
        assert host.running.shells.now.pipelines_running == 0
        assert len(call(pool, "Get-MailUser", HVEAccount=True).output) == 14


def test_a_pool_knows_whether_it_is_alive(host: WinRmClient) -> None:
    with host.exchange() as pool:
        assert pool.is_alive()
        host.sandbox.add_fault(Fault(FaultKind.SESSION_LOST, cmdlet="Get-MailUser"))
        with pytest.raises(WSManFaultError):
            call(pool, "Get-MailUser", HVEAccount=True)
        assert not pool.is_alive()


def test_a_client_can_ask_how_large_an_envelope_may_be(host: WinRmClient) -> None:
    with host.wsman() as wsman:
        wsman.update_max_payload_size()
        assert wsman.max_envelope_size == 500 * 1024


def test_the_retired_exchange_endpoint_answers_a_bare_400(host: WinRmClient) -> None:
    with httpx2.Client(verify=tls(host)) as http:
        reply = http.post(f"{host.running.base_url}/powershell-liveid?PSVersion=5.1")
    assert (reply.status_code, reply.content) == (400, b"")


# --- what is under pypsrp -----------------------------------------------------------------------------------------

WINDOWS_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"


def tls(host: WinRmClient) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=host.running.ca_pem)


def post(host: WinRmClient, body: bytes, *, signed_in: bool = False, over_http: bool = False) -> httpx2.Response:
    endpoints = host.running.endpoints
    url = endpoints.winrm_http if over_http else endpoints.winrm
    with httpx2.Client(verify=tls(host)) as http:
        if not signed_in:
            return http.post(url, content=body)
        return http.post(url, content=body, auth=(host.sandbox.host_user.name, host.password))


def request(
    action: str, *, message_id: str = "uuid:1", resource: str = WINDOWS_SHELL, shell: str = "", body: str = ""
) -> bytes:
    return f"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:rsp="{WINDOWS_SHELL}"
        xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
        xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">
      <s:Header><a:Action>{action}</a:Action><a:MessageID>{message_id}</a:MessageID>
        <w:ResourceURI>{resource}</w:ResourceURI>
        <w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet></s:Header>
      <s:Body>{body}</s:Body></s:Envelope>""".encode()


def fault_code(reply: httpx2.Response) -> str:
    (code,) = re.findall(r'<f:WSManFault [^>]*Code="(\d+)"', reply.text)
    return str(code)


class Relay:
    """Passes one connection after the other on to a port and back, and keeps what it heard: sent, answered."""

    def __init__(self, url: str) -> None:
        self._target = ("127.0.0.1", urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._sent, self._answered = bytearray(), bytearray()
        self.port: int = self._listener.getsockname()[1]

    @property
    def heard(self) -> tuple[bytes, bytes]:
        return bytes(self._sent), bytes(self._answered)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in self._open:
            each.close()

    def _start(self, target: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                self._start(self._pass_on, near, far, self._sent)
                self._start(self._pass_on, far, near, self._answered)

    def _pass_on(self, source: socket.socket, target: socket.socket, heard: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                heard += data
                target.sendall(data)
