"""The first broken link is named with what mends it; nothing is changed, and nothing secret is shown."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.scenes import CLOSES_ONE, OPEN_ACCOUNT, SHOP_ACCOUNT, WRONG_SECRET, sent
from cli.terminal import Ran, Terminal
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from loopback import Authority, Loopback, Say, make_authority
from report.judged import SHOWING_ALL

from hveadmin import __version__
from hveadmin.sandbox.credentials import of_application
from hveadmin.sandbox.faults import Fault, FaultKind, Surface
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox

GIVES = {
    "operator": (0, None, ()),
    "applications-only": (0, None, ()),
    "reader": (5, "cmdlets", ("New-ManagementRole", "Add-RoleGroupMember")),
    "without-role": (5, "cmdlets", ("New-ManagementRole", "31392ffb-586c-42d1-9346-e59415a2cc4e")),
    "without-permission": (5, "token", ("dc50a0fb-09a3-484d-be87-e023b12c6440=Role", "Exchange.ManageAsApp")),
    "without-graph": (5, "graph", ("9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30=Role", "Application.Read.All")),
    "wrong-secret": (5, "sign-in", ("az ad app credential reset", "not its Secret ID")),
    "wrong-tenant": (5, "tenant", ("tenant_id of the profile",)),
    "nobody-there": (1, "endpoint login", ("Test-NetConnection localhost -Port 9",)),
}
CANARY = "c4n4ry-s3cret-value"
LOUD = ("--debug", "-v", "--log-format", "json")


def settled(ran: Ran, terminal: Terminal) -> str:
    text = ran.transcript(terminal.folder.parent)
    text = re.sub(r"CA [0-9a-f]{8}\b", "CA NUMBER", text)
    text = re.sub(r"profiles\.yaml:\d+", "profiles.yaml:LINE", text)
    here = f"hveadmin {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return text.replace(here, "hveadmin VERSION, Python VERSION, PLATFORM")


def checks_of(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in ran.json["checks"]}


def with_profile(terminal: Terminal, **changes: Any) -> str:
    """Profiles in which the operator's is changed; the file's path."""
    profiles = yaml.safe_load(Path(terminal.environ["HVEADMIN_PROFILES"]).read_text())
    profiles["profiles"]["operator"] |= changes
    return str(terminal.write("changed.yaml", yaml.safe_dump(profiles)))


@pytest.mark.parametrize("profile", GIVES)
def test_the_first_broken_link_is_named_with_what_mends_it(terminal: Terminal, running: Running, profile: str) -> None:
    code, broken, mended = GIVES[profile]
    ran = terminal.hveadmin("doctor", "-p", profile, "-o", "json").ends_with(code)
    (about,) = ran.json["about"]
    assert about["first_broken"] == broken
    if broken is not None:
        told = str(checks_of(ran)[broken]["remedy"])
        assert all(each in told for each in mended), told
    assert sent(running) == {}


@pytest.mark.parametrize("profile", ["operator", "without-role", "without-permission", "wrong-secret", "nobody-there"])
def test_it_reads_as_it_was_agreed(terminal: Terminal, golden: Callable[[str, str], None], profile: str) -> None:
    ran = terminal.hveadmin("doctor", "-p", profile)
    golden(f"doctor-{profile}.txt", settled(ran, terminal))


def test_the_commands_name_the_caller_of_the_token(terminal: Terminal, sandbox: Sandbox) -> None:
    ran = terminal.hveadmin("doctor", "-p", "without-role", "-o", "json").ends_with(5)
    told = checks_of(ran)["cmdlets"]["remedy"]["powershell"]
    client_id = sandbox.operators()["without-role"].client_id
    (made,) = [line for line in told if line.startswith("New-ServicePrincipal")]
    assert f"-AppId {client_id} -ObjectId " in made
    assert re.search(r"-ObjectId [0-9a-f-]{36} ", made)


def test_the_configurations_tenants_are_examined_and_chosen_by_t(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("doctor", "-o", "json").ends_with(0)
    assert {each["tenant"] for each in ran.json["checks"]} == {"contoso"}
    terminal.hveadmin("doctor", "-t", "fabrikam").ends_with(2)


def test_a_tenant_given_as_a_domain_is_found_without_a_sign_in(terminal: Terminal) -> None:
    ran = terminal.hveadmin("doctor", "-p", "wrong-secret", "-t", "contoso.onmicrosoft.com", "-o", "json").ends_with(5)
    assert checks_of(ran)["tenant"]["seen"].startswith(f"contoso.onmicrosoft.com is {CONTOSO}")


def test_the_embedded_tenant_is_well(terminal: Terminal) -> None:
    ran = terminal.hveadmin("doctor", "-p", "sandbox").ends_with(0)
    assert "nothing is broken" in ran.out


# Bad input


def test_a_secrets_id_in_the_place_of_the_secret_is_recognised(terminal: Terminal, sandbox: Sandbox) -> None:
    client_id = sandbox.operator.client_id
    key_id = of_application(sandbox.store, CONTOSO, client_id)["secrets"][0]["keyId"]
    path = terminal.write("id.secret", key_id)
    path.chmod(0o600)
    auth = {"kind": "client_secret", "client_id": client_id, "tenant_id": CONTOSO, "secret": {"file": str(path)}}
    profiles = with_profile(terminal, auth=auth)
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", *LOUD, HVEADMIN_PROFILES=profiles).ends_with(5)
    assert ran.json["about"][0]["first_broken"] == "sign-in"
    assert "Secret ID" in checks_of(ran)["sign-in"]["remedy"]["means"]
    assert key_id not in ran.said


def test_an_object_id_as_client_id_is_explained(terminal: Terminal, sandbox: Sandbox) -> None:
    secret = {"file": str(sandbox.operator.secret_path)}
    auth = {
        "kind": "client_secret",
        "client_id": "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa",
        "tenant_id": CONTOSO,
        "secret": secret,
    }
    profiles = with_profile(terminal, auth=auth)
    ran = terminal.hveadmin("doctor", "-p", "operator", HVEADMIN_PROFILES=profiles).ends_with(5)
    assert "the first broken link is `sign-in`" in ran.out
    assert "not the Object ID" in ran.out


def test_a_secret_that_is_not_there_is_a_sign_in_that_does_not_work(terminal: Terminal, sandbox: Sandbox) -> None:
    auth = {
        "kind": "client_secret",
        "client_id": sandbox.operator.client_id,
        "tenant_id": CONTOSO,
        "secret": {"env": "LAB_SECRET"},
    }
    ran = terminal.hveadmin("doctor", "-p", "operator", HVEADMIN_PROFILES=with_profile(terminal, auth=auth))
    assert "LAB_SECRET is not set" in ran.ends_with(5).out


def test_a_ca_file_that_is_missing_is_named(terminal: Terminal) -> None:
    profiles = with_profile(terminal, ca=str(terminal.folder / "missing.pem"))
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", HVEADMIN_PROFILES=profiles).ends_with(5)
    assert ran.json["about"][0]["first_broken"] == "endpoint login"
    assert "missing.pem" in checks_of(ran)["endpoint login"]["seen"]


def test_a_token_for_graph_is_not_sent_to_exchange(terminal: Terminal, running: Running) -> None:
    profiles = with_profile(terminal, audiences={"exchange": "https://graph.microsoft.com"})
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", HVEADMIN_PROFILES=profiles).ends_with(5)
    assert ran.json["about"][0]["first_broken"] == "token"
    assert "audiences of the profile" in str(checks_of(ran)["token"]["remedy"])
    assert sum(running.calls.cmdlets().values()) == 0


def certificate_file(terminal: Terminal, *, ends: datetime, password: bytes) -> str:
    """A PEM file with a key that this password opens, and a certificate that ends then."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab")])
    begins = ends - timedelta(days=90)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, ends)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    locked = serialization.BestAvailableEncryption(password)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    return str(terminal.write("lab.pem", (private + certificate).decode()))


@pytest.mark.parametrize(
    ("days", "opens_with", "said"),
    [(-1, CANARY, "expired on"), (30, "another", "the password does not open the certificate")],
    ids=["expired", "wrong password"],
)
def test_a_certificate_that_cannot_sign_in_is_explained_and_its_password_not_shown(
    terminal: Terminal, sandbox: Sandbox, days: int, opens_with: str, said: str
) -> None:
    ends = datetime.now(UTC) + timedelta(days=days)
    auth = {
        "kind": "certificate",
        "client_id": sandbox.operator.client_id,
        "tenant_id": CONTOSO,
        "certificate": certificate_file(terminal, ends=ends, password=opens_with.encode()),
        "certificate_password": {"env": "LAB_PASSWORD"},
    }
    environ = {"HVEADMIN_PROFILES": with_profile(terminal, auth=auth), "LAB_PASSWORD": CANARY}
    ran = terminal.hveadmin("doctor", "-p", "operator", *LOUD, **environ).ends_with(5)
    assert "the first broken link is `sign-in`" in ran.out
    assert said in ran.out
    assert "What it means" in ran.out
    assert CANARY not in ran.said


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "authority").mkdir()
    return make_authority(tmp_path / "authority")


def test_an_interceptor_is_recognised_by_who_signed(terminal: Terminal, authority: Authority) -> None:
    with Loopback(Say(), tls=authority.server) as proxy:
        endpoints = dict.fromkeys(("login", "graph", "exchange"), proxy.base_url)
        profiles = with_profile(terminal, endpoints=endpoints)
        ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", HVEADMIN_PROFILES=profiles).ends_with(1)
    login = checks_of(ran)["endpoint login"]
    assert login["verdict"] == "fail"
    assert "signed by CN=a private authority" in login["seen"]
    assert "a proxy inspects the traffic" in login["remedy"]["means"]
    assert checks_of(ran)["sign-in"]["verdict"] == "not-tried"
    assert proxy.seen == [], "nothing was sent to whom nobody trusts"


def test_a_clock_ten_minutes_off_is_a_failure_of_its_own(terminal: Terminal, authority: Authority) -> None:
    theirs = format_datetime(datetime.now(UTC) - timedelta(minutes=10), usegmt=True)
    with Loopback(Say(404, json={}, headers={"Date": theirs}), tls=authority.server) as service:
        endpoints = dict.fromkeys(("login", "graph", "exchange"), service.base_url)
        profiles = with_profile(terminal, endpoints=endpoints, ca=str(authority.certificate))
        ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", HVEADMIN_PROFILES=profiles)
    clock = checks_of(ran)["clock"]
    assert clock["verdict"] == "fail"
    assert "600 s fast" in clock["seen"] or "601 s fast" in clock["seen"]
    assert ran.json["about"][0]["first_broken"] == "clock"
    assert ran.code != 0


@pytest.mark.parametrize(
    ("kind", "surface", "check"),
    [
        (FaultKind.HTML, Surface.EXCHANGE, "cmdlets"),
        (FaultKind.HTML, Surface.ENTRA, "tenant"),
        (FaultKind.HTML, Surface.GRAPH, "graph"),
    ],
)
def test_an_answer_that_cannot_be_read_is_unknown_and_nothing_is_passed(
    terminal: Terminal, sandbox: Sandbox, kind: FaultKind, surface: Surface, check: str
) -> None:
    sandbox.add_fault(Fault(kind, surface=surface, times=None))
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", "--timeout", "2")
    assert ran.code in (1, 7), ran.said
    assert checks_of(ran)[check]["verdict"] in ("unknown", "fail")
    assert all(each["seen"] for each in ran.json["checks"])


# Settings


def test_every_value_is_shown_with_its_source(terminal: Terminal) -> None:
    ran = terminal.hveadmin(
        "doctor", "-p", "operator", "--timeout", "60", "--show-config", "-o", "json", HVEADMIN_CONCURRENCY="2"
    ).ends_with(0)
    found = {each["setting"]: each for each in ran.json["settings"]}
    assert found["profile"]["source"] == "flag (--profile)"
    assert (found["timeout"]["value"], found["timeout"]["source"]) == ("60", "flag (--timeout)")
    assert (found["concurrency"]["value"], found["concurrency"]["source"]) == (
        "2",
        "environment (HVEADMIN_CONCURRENCY)",
    )
    assert found["profiles"]["source"] == "environment (HVEADMIN_PROFILES)"
    assert re.fullmatch(r"profile operator \(.*profiles\.yaml:\d+(:\d+)?\)", found["endpoints.login"]["source"])
    assert found["audiences.graph"]["source"] == "default (cloud worldwide)"
    assert found["auth.secret"]["value"].startswith("file ")
    assert found["transport"]["source"] == "default"
    assert found["state"]["source"] == "environment (HVEADMIN_STATE)"


def test_the_configuration_chooses_the_profile_and_says_so(terminal: Terminal) -> None:
    terminal.write("hve.yaml", CLOSES_ONE)
    ran = terminal.hveadmin("doctor", "--show-config", "-o", "json").ends_with(0)
    found = {each["setting"]: each for each in ran.json["settings"]}
    assert found["profile"]["source"] == "configuration (tenants.contoso)"
    assert found["tenant"] == {
        "tenant": "contoso",
        "setting": "tenant",
        "value": CONTOSO,
        "source": "configuration (tenants.contoso)",
    }


def test_showing_the_settings_contacts_nobody(terminal: Terminal, running: Running) -> None:
    terminal.hveadmin("doctor", "-p", "nobody-there", "--show-config").ends_with(0)
    terminal.hveadmin("doctor", "-p", "operator", "--show-config").ends_with(0)
    assert sum(running.calls.cmdlets().values()) == 0


def test_the_environment_signs_in_and_its_names_are_the_source(terminal: Terminal, sandbox: Sandbox) -> None:
    secret = sandbox.operator.secret_path.read_text().strip()
    environ = {
        "HVEADMIN_TENANT_ID": CONTOSO,
        "HVEADMIN_CLIENT_ID": sandbox.operator.client_id,
        "HVEADMIN_CLIENT_SECRET": secret,
    }
    ran = terminal.hveadmin("doctor", "--show-config", "-o", "json", **environ).ends_with(0)
    found = {each["setting"]: each for each in ran.json["settings"]}
    assert found["auth.client_id"]["source"] == "environment (HVEADMIN_CLIENT_ID)"
    assert (found["auth.secret"]["value"], found["auth.secret"]["source"]) == (
        "(set)",
        "environment (HVEADMIN_CLIENT_SECRET)",
    )
    assert found["tenant"]["source"] == "environment (HVEADMIN_TENANT_ID)"
    assert secret not in ran.said


# Secrets


def test_no_secret_is_in_anything_that_is_written(terminal: Terminal, sandbox: Sandbox) -> None:
    secrets = [each.secret_path.read_text().strip() for each in sandbox.operators().values()]
    environ = {
        "HTTPS_PROXY": f"http://anna:{CANARY}@proxy.contoso.com:8080",
        "https_proxy": f"http://{CANARY}@proxy.contoso.com:8080",
        "HVEADMIN_CLIENT_SECRET": CANARY,
        "HVEADMIN_CERTIFICATE_PASSWORD": CANARY,
        "AZURE_CLIENT_SECRET": CANARY,
    }
    said = ""
    for profile in GIVES:
        forms = [f"-o{form}={form}.out" for form in SHOWING_ALL]
        said += terminal.hveadmin("doctor", "-p", profile, "-o", "table", *forms, *LOUD, **environ).said
        said += "".join((terminal.folder / f"{form}.out").read_text() for form in SHOWING_ALL)
        said += terminal.hveadmin("doctor", "-p", profile, "--show-config", *LOUD, **environ).said
    assert "proxy.contoso.com:8080" in said
    for each in (*secrets, WRONG_SECRET, CANARY, "eyJ"):
        assert each not in said


def test_a_secret_set_under_the_client_ids_name_is_not_shown(terminal: Terminal) -> None:
    environ = {"HVEADMIN_TENANT_ID": CONTOSO, "HVEADMIN_CLIENT_ID": CANARY, "HVEADMIN_CLIENT_SECRET": CANARY}
    assert CANARY not in terminal.hveadmin("doctor", "--show-config", **environ).ends_with(0).said


def test_no_account_is_named(terminal: Terminal) -> None:
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", *LOUD).ends_with(0)
    assert not any(each in ran.said for each in (SHOP_ACCOUNT, OPEN_ACCOUNT))
    assert "no secret" in ran.json["about"][0]["contains"]


def test_a_proxy_is_told_and_this_machine_is_reached_past_it(terminal: Terminal) -> None:
    ran = terminal.hveadmin("doctor", "-p", "operator", "-o", "json", HTTPS_PROXY="http://anna:pw@127.0.0.1:9")
    checks = checks_of(ran.ends_with(0))
    assert checks["proxies"]["seen"] == "HTTPS_PROXY=http://***@127.0.0.1:9"
