"""`hveadmin token`: a token is got by every way there is, shown only where it was asked for, and judged offline."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli.sender_scenes import PAYROLL, SCAN_ACCOUNT, SHOP, SHOP_ACCOUNT, SHOP_PRINCIPAL, Sending, sending
from cli.terminal import TIMEOUT, Ran, Terminal
from report.judged import SHOWING_ALL
from smtp_senders import SECRET, application_token, give_secret, signed

from hveadmin.sandbox.faults import Surface
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.user_flows import Person, write_person

VARIABLE = "HVEADMIN_TOKEN"


@pytest.fixture
def by(terminal: Terminal, sandbox: Sandbox, running: Running) -> Sending:
    found = sending(terminal, sandbox, running)
    found.secret_file()
    return found


def piped(by: Sending, given: str, *words: str, **environ: str) -> Ran:
    """A command in a process of its own, with this on standard input."""
    arguments = [*words, "-p", "lab"]
    done = subprocess.run(
        by.terminal.command(*arguments), cwd=by.terminal.folder, env={**by.terminal.environ, **environ},
        input=given, capture_output=True, text=True, encoding="utf-8", timeout=TIMEOUT, check=False,
    )  # fmt: skip
    return Ran("hveadmin " + " ".join(arguments), done.returncode, done.stdout, done.stderr)


def checks_of(ran: Ran) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in ran.json["checks"]}


# --- get: as the application --------------------------------------------------------------------------------------


def registered(by: Sending, *credential: str) -> str:
    """An application that `app register` made; its client id."""
    made = by.type("app", "register", "Sender", *credential, "--yes", "--quiet", "-o", "json").ends_with(0)
    return str(made.json["registrations"][0]["client_id"])


@pytest.mark.parametrize(
    "way",
    [
        ("--secret-file", "s.secret"),
        ("--secret-env", "S"),
        ("--certificate", "c.pem"),
        ("--certificate", "c.pfx", "--certificate-password-env", "PW"),
        ("--certificate", "c.pfx", "--certificate-password-file", "pw"),
    ],
    ids=lambda way: " ".join(way),
)
def test_an_application_signs_in_with_whatever_it_was_registered_with(by: Sending, way: tuple[str, ...]) -> None:
    made = ("--certificate", "c.pem") if way[0] == "--certificate" else ("--secret-file", "s.secret")
    client_id = registered(by, *made)
    environ = {"PW": "opens it"}
    if "c.pfx" in way:
        _pfx(by.terminal.folder, b"opens it")
        by.secret_file("opens it", "pw")
    if way[0] == "--secret-env":
        environ["S"] = (by.terminal.folder / "s.secret").read_text()
    ran = by.type("token", "get", "--client-id", client_id, *way, "-o", "json", **environ).ends_with(0)
    (token,) = ran.json["tokens"]
    assert (token["client_id"], token["roles"], token["audience"]) == (
        client_id,
        ["Mail.Send"],
        "https://outlook.office.com",
    )
    assert token["proved_by"] == ("certificate" if way[0] == "--certificate" else "secret")
    assert token["signature_checked"] is False


class Keyring(ModuleType):
    """The operating system's keyring, in memory."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, account: str) -> str | None:
        return self.entries.get((service, account))

    def set_password(self, service: str, account: str, secret: str) -> None:
        self.entries[service, account] = secret


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    found = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", found)
    return found


def test_a_secret_that_was_registered_into_the_keyring_signs_in_from_there(by: Sending, keyring: Keyring) -> None:
    client_id = registered(by, "--secret-keyring", "payroll")
    ((where, secret),) = keyring.entries.items()
    assert where == ("payroll", client_id)
    asked = ("token", "get", "--client-id", client_id, "--secret-keyring", "payroll", "-o", "json", "--debug")
    ran = by.type(*asked).ends_with(0)
    assert (ran.json["tokens"][0]["client_id"], ran.json["tokens"][0]["proved_by"]) == (client_id, "secret")
    assert secret not in ran.said
    keyring.entries.clear()
    assert f"keyring set payroll {client_id}" in by.type(*asked).ends_with(2).err


def test_the_accounts_password_is_looked_up_in_the_keyring_by_its_address(
    by: Sending, keyring: Keyring, desk: str
) -> None:
    password = by.sandbox.account_password_path.read_text().strip()
    keyring.set_password("hve", SHOP_ACCOUNT, password)
    asked = ("token", "get", "--client-id", desk, "--password-keyring", "hve", "--as", SHOP_ACCOUNT, "-o", "json")
    ran = by.type(*asked).ends_with(0)
    assert ran.json["tokens"][0]["user"] == SHOP_ACCOUNT
    assert password not in ran.said


def _pfx(folder: Path, password: bytes) -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
    from cryptography.x509 import load_pem_x509_certificate

    data = (folder / "c.pem").read_bytes()
    key: Any = load_pem_private_key(data, None)
    locked = pkcs12.serialize_key_and_certificates(
        b"app", key, load_pem_x509_certificate(data), None, BestAvailableEncryption(password)
    )
    (folder / "c.pfx").write_bytes(locked)


def test_a_federated_token_signs_in_where_the_application_trusts_it(by: Sending) -> None:
    from hveadmin.sandbox.identity_endpoints import Issuer

    issuer = Issuer("https://kubernetes.example/contoso", "system:serviceaccount:mail:sender")
    issuer.trust(by.sandbox.store, CONTOSO, SHOP)
    by.terminal.write("job.token", issuer.sign("api://AzureADTokenExchange", datetime.now(UTC).timestamp()))
    ran = by.type("token", "get", "--client-id", SHOP, "--assertion-file", "job.token", "-o", "json").ends_with(0)
    assert ran.json["tokens"][0]["object_id"] == SHOP_PRINCIPAL
    wrong = issuer.sign("api://AzureADTokenExchange", datetime.now(UTC).timestamp() - 4000)
    by.terminal.write("old.token", wrong)
    assert (
        "AADSTS700024" in by.type("token", "get", "--client-id", SHOP, "--assertion-file", "old.token").ends_with(5).err
    )


def test_the_configuration_names_the_application(by: Sending) -> None:
    give_secret(by.sandbox, PAYROLL)
    by.terminal.write(
        "hve.yaml",
        "version: 1\n"
        f"apps:\n  payroll: {{client_id: {PAYROLL}, owner: hr@contoso.com, reason: Payslips}}\n"
        f"  one: {{object_id: {SHOP_PRINCIPAL}, tenant: contoso, owner: a@contoso.com, reason: Orders}}\n"
        f"tenants:\n  contoso:\n    tenant_id: {CONTOSO}\n    domain: contoso.onmicrosoft.com\n"
        "    unmanaged_accounts: ignore\n    accounts:\n      hve-payroll@contoso.com: {apps: [payroll]}\n",
    )
    asked = ("token", "get", "--secret-file", "sender.secret", "-o", "json", "--query", "tokens[0].client_id")
    assert by.type(*asked, "--app", "payroll").ends_with(0).json == PAYROLL
    assert "has no application 'nobody'" in by.type(*asked, "--app", "nobody").ends_with(2).err
    assert "needs its client id" in by.type(*asked, "--app", "one").ends_with(2).err
    assert "no tenant of the configuration" in by.type(*asked, "--app", "payroll", "-t", "fabrikam").ends_with(2).err


def test_raw_and_xoauth2_are_alone_on_stdout(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    asked = ("token", "get", "--client-id", SHOP, "--secret-file", "sender.secret")
    raw = by.type(*asked, "--raw").ends_with(0)
    assert raw.out.count(".") == 2
    assert raw.err == ""
    string = by.type(*asked, "--xoauth2", "--account", SHOP_ACCOUNT, "-o", "json=report.json").ends_with(0).out
    user, auth, *end = base64.b64decode(string).decode().split("\x01")
    assert (user, auth[:15], end) == (f"user={SHOP_ACCOUNT}", "auth=Bearer eyJ", ["", ""])
    assert "eyJ" not in (by.terminal.folder / "report.json").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "nothing says what the application proves itself with"),
        (("--secret-env", "A"), "no application is named"),
        (("--client-id", "no guid", "--secret-env", "S"), "is not a GUID"),
        (("--client-id", SHOP), "nothing says what the application proves itself with"),
        (("--client-id", SHOP, "--app", "x", "--secret-env", "S"), "named twice"),
        (("--client-id", SHOP, "--secret-env", "S", "--secret-file", "x"), "more than one way"),
        (("--client-id", SHOP, "--certificate-password-env", "S"), "no certificate"),
        (("--client-id", SHOP, "--device-code"), "which HVE account signs in"),
        (("--client-id", SHOP, "--secret-env", "MISSING"), "MISSING is not set"),
        (("--client-id", SHOP, "--secret-env", "S", "--raw", "--xoauth2"), "and nothing else"),
        (("--client-id", SHOP, "--secret-env", "S", "--raw", "-o", "json"), "stdout holds a secret"),
        (("--client-id", SHOP, "--secret-env", "S", "--xoauth2"), "names an account"),
        (("--client-id", SHOP, "--secret-env", "S", "--account", "hve-müller@contoso.com"), "outside ASCII"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nobody_is_contacted(by: Sending, words: tuple[str, ...], says: str) -> None:
    by.running.calls.clear()
    assert says in by.type("token", "get", *words, S=SECRET).ends_with(2).err
    assert by.running.calls.count() == 0


@pytest.mark.parametrize(
    ("client_id", "secret", "number"),
    [(SHOP, "wrong", "AADSTS7000215"), ("00000000-dead-4bad-8bad-00000000beef", SECRET, "AADSTS700016")],
)
def test_entras_no_is_told_by_its_number(by: Sending, client_id: str, secret: str, number: str) -> None:
    give_secret(by.sandbox, SHOP)
    ran = by.type("token", "get", "--client-id", client_id, "--secret-env", "S", S=secret).ends_with(5)
    assert number in ran.err
    assert secret not in ran.said


def test_a_sign_in_host_that_does_not_answer_is_the_networks_matter(by: Sending) -> None:
    asked = ("token", "get", "--client-id", SHOP, "--secret-env", "S", "-p", "nobody-there", "--timeout", "5")
    ran = by.terminal.hveadmin(*asked, S=SECRET).ends_with(1)
    assert "no connection to https://localhost:9" in ran.err


# --- get: as the HVE account --------------------------------------------------------------------------------------


@pytest.fixture
def desk(by: Sending) -> str:
    """A public application with the delegated permission; its client id."""
    write_person(by.sandbox.store, Person(SHOP_ACCOUNT))
    return registered(by, "--delegated", "--account", SHOP_ACCOUNT)


def test_a_device_code_signs_in_the_account(by: Sending, desk: str) -> None:
    asked = ("token", "get", "--client-id", desk, "--device-code", "--as", SHOP_ACCOUNT, "-o", "json")
    ran = by.type(*asked).ends_with(0)
    assert "enter the code" in ran.err
    (token,) = ran.json["tokens"]
    assert (token["delegated"], token["user"], token["scopes"]) == (True, SHOP_ACCOUNT, ["Mail.Send"])


def test_whoever_signed_in_instead_is_pointed_out(by: Sending, desk: str) -> None:
    write_person(by.sandbox.store, Person("anna.holm@contoso.com"))
    asked = ("token", "get", "--client-id", desk, "--device-code", "--as", SHOP_ACCOUNT, "-o", "json")
    assert "anna.holm@contoso.com signed in, not" in checks_of(by.type(*asked).ends_with(0))["user"]["seen"]
    shown = by.type(*asked[:-2]).ends_with(0).out
    assert "somebody should look at: user" in shown
    assert "Nothing is wrong" not in shown


@pytest.mark.parametrize(("does", "says"), [("decline", "AADSTS65004"), ("wait", "nobody completed")])
def test_a_code_that_nobody_confirms_ends_in_time(by: Sending, desk: str, does: Any, says: str) -> None:
    write_person(by.sandbox.store, Person(SHOP_ACCOUNT, does))
    asked = ("token", "get", "--client-id", desk, "--device-code", "--as", SHOP_ACCOUNT, "--timeout", "3")
    assert says in by.type(*asked).ends_with(5).err


@pytest.mark.skipif(sys.platform == "win32", reason="a stand-in browser as POSIX has them")
def test_a_browser_signs_in_the_account_that_was_named(by: Sending, desk: str) -> None:
    write_person(by.sandbox.store, Person())
    browser = by.terminal.write("browser", f"#!{sys.executable}\n" + _BROWSER)
    browser.chmod(0o700)
    asked = ("token", "get", "--client-id", desk, "--browser", "--as", SHOP_ACCOUNT, "-o", "json", "--timeout", "30")
    ran = piped(by, "", *asked, BROWSER=str(browser), CA=str(by.running.ca_pem))
    assert ran.ends_with(0).json["tokens"][0]["user"] == SHOP_ACCOUNT


_BROWSER = """
import html, os, re, ssl, sys, urllib.parse, urllib.request
if os.fork():
    os._exit(0)
page = urllib.request.urlopen(sys.argv[1], context=ssl.create_default_context(cafile=os.environ["CA"])).read().decode()
fields = {html.unescape(k): html.unescape(v) for k, v in re.findall(r'name="([^"]*)" value="([^"]*)"', page)}
back = html.unescape(re.search(r'action="([^"]*)"', page)[1])
urllib.request.urlopen(back, urllib.parse.urlencode(fields).encode()).read()
"""


def test_nobody_is_asked_in_a_pipeline(by: Sending, desk: str) -> None:
    by.running.calls.clear()
    asked = ("token", "get", "--client-id", desk, "--device-code", "--as", SHOP_ACCOUNT)
    assert "nobody can be asked" in by.type(*asked, CI="true").ends_with(5).err
    assert by.running.calls.count(Surface.ENTRA) == 0


def test_a_password_from_a_pipe_signs_in_and_is_said_to_be_deprecated(by: Sending, desk: str) -> None:
    password = by.sandbox.account_password_path.read_text().strip()
    asked = ("token", "get", "--client-id", desk, "--password-stdin", "--as", SHOP_ACCOUNT, "-o", "json", "--debug")
    ran = piped(by, f"{password}\n", *asked).ends_with(0)
    assert ran.json["tokens"][0]["user"] == SHOP_ACCOUNT
    assert "deprecated" in ran.err
    assert password not in ran.said
    wrong = piped(by, "not the password\n", *asked).ends_with(5)
    assert "AADSTS50126" in wrong.err
    assert "not the password" not in wrong.said
    assert "holds no password" in piped(by, "", *asked).ends_with(2).err


def test_a_password_is_never_typed_at_a_terminal(by: Sending, desk: str) -> None:
    asked = ("token", "get", "--client-id", desk, "--password-stdin", "--as", SHOP_ACCOUNT, "-p", "lab")
    assert "standard input is a terminal" in by.terminal.hveadmin(*asked, answer="hunter2\n").ends_with(2).err


# --- inspect ------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(by: Sending) -> str:
    give_secret(by.sandbox, SHOP)
    return application_token(by.running, SHOP)


def test_a_good_token_is_fit_and_nobody_is_asked(by: Sending, token: str) -> None:
    by.running.calls.clear()
    ran = by.type("token", "inspect", "-t", CONTOSO, **{VARIABLE: token}).ends_with(0)
    assert "Its signature was not checked" in ran.out
    assert by.running.calls.count() == 0
    assert token.rpartition(".")[2] not in ran.said


@pytest.mark.parametrize(
    ("claims", "check"),
    [
        ({"exp": 1_700_000_000}, "lifetime"),
        ({"aud": "https://graph.microsoft.com"}, "audience"),
        ({"roles": ["SMTP.SendAsApp"]}, "permission"),
        ({"tid": "0a5f0000-0000-4000-8000-00000000000a", "iss": None}, "tenant"),
    ],
)
def test_a_finding_ends_with_4(by: Sending, claims: dict[str, object], check: str) -> None:
    bad = signed(by.sandbox, datetime.now(UTC), **claims)
    ran = by.type("token", "inspect", "-t", CONTOSO, "-o", "json", **{VARIABLE: bad}).ends_with(4)
    assert checks_of(ran)[check]["verdict"] == "fail"


def test_the_list_is_read_and_the_right_id_named_without_graph(by: Sending) -> None:
    give_secret(by.sandbox, PAYROLL)
    wrong = application_token(by.running, PAYROLL)
    by.running.calls.clear()
    ran = by.type("token", "inspect", "-a", SCAN_ACCOUNT, "-o", "json", **{VARIABLE: wrong}).ends_with(4)
    said = checks_of(ran)["on the list"]
    assert f"your client id {PAYROLL} is on the list" in said["seen"]
    assert "replace it by 7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa" in said["seen"]
    assert by.running.calls.count(Surface.GRAPH) == 0


def test_the_list_comes_from_a_snapshot_too(by: Sending, token: str) -> None:
    by.type("snapshot", "-o", "live.json").ends_with(0)
    by.running.calls.clear()
    asked = ("token", "inspect", "--snapshot", "live.json", "-o", "json")
    on = by.type(*asked, "-a", SHOP_ACCOUNT, **{VARIABLE: token}).ends_with(0)
    assert checks_of(on)["on the list"]["verdict"] == "pass"
    assert checks_of(by.type(*asked, "-a", SCAN_ACCOUNT, **{VARIABLE: token}).ends_with(4))
    by.type(*asked, "-a", "hve-nobody@contoso.com", **{VARIABLE: token}).ends_with(6)
    assert by.running.calls.count() == 0


def test_a_list_that_cannot_be_read_is_unknown(by: Sending, token: str) -> None:
    asked = ("token", "inspect", "-a", SHOP_ACCOUNT, "-o", "json", "-p", "wrong-secret")
    ran = by.terminal.hveadmin(*asked, **{VARIABLE: token}).ends_with(7)
    assert checks_of(ran)["on the list"]["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("given", "says"),
    [("", "the input is empty"), ("a.b.c.d.e\n", "five parts"), ("hunter2", "has 1 part"), ("\xff\xfe", "no")],
)
def test_a_pipe_that_holds_no_token_ends_with_2_and_is_not_repeated(by: Sending, given: str, says: str) -> None:
    ran = piped(by, given, "token", "inspect").ends_with(2)
    assert says in ran.err
    assert "hunter2" not in ran.said


def test_two_commands_in_a_pipe(by: Sending, token: str) -> None:
    assert piped(by, f"Bearer {token}\n", "token", "inspect").ends_with(0).out.startswith("token  of Shop Orders")
    assert "2 tokens" in piped(by, f"{token}\n{token}\n", "token", "inspect").ends_with(2).err


def test_at_a_terminal_a_token_is_not_waited_for(by: Sending) -> None:
    ran = by.terminal.hveadmin("token", "inspect", "-p", "lab", answer="")
    assert "standard input is a terminal" in ran.ends_with(2).err


# --- secrets ------------------------------------------------------------------------------------------------------


def test_no_secret_and_no_token_is_in_anything_but_where_it_was_asked_for(by: Sending, token: str) -> None:
    forms = [f"-o{form}={form}.out" for form in SHOWING_ALL]
    loud = ("--debug", "-v", "--log-format", "json", "-o", "table", *forms)
    said = by.type("token", "get", "--client-id", SHOP, "--secret-file", "sender.secret", *loud).ends_with(0).said
    said += by.type("token", "inspect", "-a", SHOP_ACCOUNT, *loud, **{VARIABLE: token}).ends_with(0).said
    said += by.type("token", "get", "--client-id", SHOP, "--secret-env", "S", *loud, S=f"{SECRET}~").ends_with(5).said
    said += "".join((by.terminal.folder / f"{form}.out").read_text() for form in SHOWING_ALL)
    for each in (SECRET, "eyJ", token.rpartition(".")[2]):
        assert each not in said


def test_what_an_application_calls_itself_is_escaped(by: Sending) -> None:
    hostile = signed(by.sandbox, datetime.now(UTC), app_displayname="\x1b[31mred\n::error::x")
    ran = by.type("token", "inspect", **{VARIABLE: hostile}).ends_with(0)
    assert "\x1b" not in ran.out
    assert not any(line.startswith("::") for line in ran.out.splitlines())
