"""The classic failures of signing in: each has a sentence and a next step of its own, and no secret in it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli.sign_ins import TOOL, SignIns, machine, sign_ins
from cli.terminal import Ran, Terminal
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pytest import param

from hveadmin.sandbox import credentials
from hveadmin.sandbox.ca import PrivateCa
from hveadmin.sandbox.identity_endpoints import IdentityEndpoints, Issuer
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox

posix = pytest.mark.skipif(sys.platform == "win32", reason="a stand-in az as POSIX has it")
CANARY = "c4n4ry"
"""Planted in every secret: what is printed must not hold it."""
LOUD = ("--debug", "-v", "--log-format", "json")


@pytest.fixture
def set_up(terminal: Terminal, sandbox: Sandbox, running: Running) -> Iterator[SignIns]:
    with IdentityEndpoints(sandbox.store, lambda: datetime.now(UTC), machine(sandbox)) as identity:
        yield sign_ins(terminal, sandbox, running, identity)


@dataclass(frozen=True)
class Pair:
    """A key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return key + self.certificate.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password: str) -> bytes:
        locked = serialization.BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"app", self.key, self.certificate, None, locked)


def pair(*, days: tuple[int, int] = (-1, 30)) -> Pair:
    """Valid from and until so many days from now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hveadmin")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    return Pair(key, dated.serial_number(x509.random_serial_number()).sign(key, hashes.SHA256()))


def unused_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def secret_of(by: SignIns, text: str) -> dict[str, str]:
    by.environ["MINE"] = text
    return {"env": "MINE"}


# What is wrong


def a_wrong_secret(by: SignIns) -> None:
    by.profile("mine", kind="client_secret", client_id=by.operator, secret=secret_of(by, f"{CANARY}~wrong"))


def the_secrets_id(by: SignIns) -> None:
    key_id = credentials.add_secret(
        by.sandbox.store, CONTOSO, by.operator, "x", expires=datetime.now(UTC) + timedelta(days=1)
    )
    by.profile("mine", kind="client_secret", client_id=by.operator, secret=secret_of(by, key_id))


def an_expired_secret(by: SignIns) -> None:
    secret = f"{CANARY}~expired"
    credentials.add_secret(
        by.sandbox.store, CONTOSO, by.operator, secret, expires=datetime.now(UTC) - timedelta(days=1)
    )
    by.profile("mine", kind="client_secret", client_id=by.operator, secret=secret_of(by, secret))


def an_expired_certificate(by: SignIns) -> None:
    (by.terminal.folder / "app.pem").write_bytes(pair(days=(-30, -1)).pem)
    by.profile("mine", kind="certificate", client_id=by.operator, certificate=str(by.terminal.folder / "app.pem"))


def a_certificate_that_nobody_uploaded(by: SignIns) -> None:
    (by.terminal.folder / "app.pem").write_bytes(pair().pem)
    by.profile("mine", kind="certificate", client_id=by.operator, certificate=str(by.terminal.folder / "app.pem"))


def a_wrong_password(by: SignIns) -> None:
    path = by.terminal.folder / "app.pfx"
    path.write_bytes(pair().pfx("right"))
    by.profile(
        "mine",
        kind="certificate",
        client_id=by.operator,
        certificate=str(path),
        certificate_password=secret_of(by, f"{CANARY}-password"),
    )


def no_such_tenant(by: SignIns) -> None:
    good = {"file": str(by.sandbox.operator.secret_path)}
    by.profile("mine", kind="client_secret", client_id=by.operator, secret=good, tenant_id="nowhere.example")


def an_object_id(by: SignIns) -> None:
    principal = by.sandbox.store.by_app_id(CONTOSO, "servicePrincipal", by.operator)[0]["id"]
    by.profile("mine", kind="client_secret", client_id=principal, secret=secret_of(by, f"{CANARY}~any"))


def a_token_for_graph(by: SignIns) -> None:
    good = {"file": str(by.sandbox.operator.secret_path)}
    audiences = {"exchange": "https://graph.microsoft.com"}
    by.profile("mine", kind="client_secret", client_id=by.operator, secret=good, audiences=audiences)


def a_proxy_that_intercepts(by: SignIns) -> None:
    other = PrivateCa.open(by.terminal.folder / "other-ca", clock=lambda: datetime.now(UTC))
    good = {"file": str(by.sandbox.operator.secret_path)}
    by.profile("mine", ca=str(other.pem_path), kind="client_secret", client_id=by.operator, secret=good)


def no_network(by: SignIns) -> None:
    good = {"file": str(by.sandbox.operator.secret_path)}
    by.profile("mine", url=f"https://{unused_port()}", kind="client_secret", client_id=by.operator, secret=good)


def a_missing_token_file(by: SignIns) -> None:
    by.profile("mine", kind="workload_identity", client_id=by.operator, token_file="nothing.token")


def no_token_file(by: SignIns) -> None:
    by.profile("mine", kind="workload_identity", client_id=by.operator)


def a_subject_that_is_not_registered(by: SignIns) -> None:
    path = by.terminal.folder / "federated.token"
    stranger = Issuer(by.identity.machine.github.issuer, "repo:contoso/other:ref:refs/heads/main")
    path.write_text(stranger.sign("api://AzureADTokenExchange", datetime.now(UTC).timestamp()))
    by.profile("mine", kind="workload_identity", client_id=by.operator, token_file=str(path))


def a_token_file_that_holds_something_else(by: SignIns) -> None:
    path = by.terminal.folder / "federated.token"
    path.write_text(f"{CANARY}-no-token")
    by.profile("mine", kind="workload_identity", client_id=by.operator, token_file=str(path))


def no_github_job(by: SignIns) -> None:
    by.profile("mine", kind="github", client_id=by.operator)


def a_github_job_without_the_permission(by: SignIns) -> None:
    by.profile("mine", kind="github", client_id=by.operator)
    by.environ["GITHUB_ACTIONS"] = "true"


def a_github_job_of_yesterday(by: SignIns) -> None:
    by.profile("mine", kind="github", client_id=by.operator)
    by.environ |= by.identity.github_job() | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": f"{CANARY}-job-token"}


def a_github_that_is_not_reached(by: SignIns) -> None:
    by.profile("mine", kind="github", client_id=by.operator)
    by.environ |= by.identity.github_job() | {"ACTIONS_ID_TOKEN_REQUEST_URL": f"http://{unused_port()}/?v=1"}


def no_pipelines_job(by: SignIns) -> None:
    by.profile("mine", kind="azure_pipelines", client_id=by.operator, service_connection_id="sc")


def a_step_that_was_not_given_the_token(by: SignIns) -> None:
    by.profile("mine", kind="azure_pipelines", client_id=by.operator, service_connection_id="sc")
    by.environ |= {**by.identity.pipelines_job(), "SYSTEM_ACCESSTOKEN": ""}


def a_connection_that_there_is_none_of(by: SignIns) -> None:
    by.profile("mine", kind="azure_pipelines", client_id=by.operator, service_connection_id="sc")
    by.environ |= by.identity.pipelines_job()


def a_pipelines_that_is_not_reached(by: SignIns) -> None:
    by.profile("mine", kind="azure_pipelines", client_id=by.operator, service_connection_id="sc")
    by.environ |= by.identity.pipelines_job() | {"SYSTEM_OIDCREQUESTURI": f"http://{unused_port()}/oidc"}


def no_identity_endpoint(by: SignIns) -> None:
    by.profile("mine", kind="managed_identity")
    by.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = f"http://{unused_port()}"


def an_identity_that_is_not_assigned(by: SignIns) -> None:
    by.profile("mine", kind="managed_identity", client_id=TOOL)
    by.environ |= by.identity.virtual_machine()


def a_wrong_identity_header(by: SignIns) -> None:
    by.profile("mine", kind="managed_identity")
    by.environ |= by.identity.app_service() | {"IDENTITY_HEADER": f"{CANARY}-header"}


def no_azure_cli(by: SignIns) -> None:
    by.profile("mine", kind="azure_cli")
    by.environ["PATH"] = str(by.terminal.folder)


def nobody_in_the_azure_cli(by: SignIns) -> None:
    by.profile("mine", kind="azure_cli")
    by.stand_in_for_az(complains="ERROR: Please run 'az login' to setup account.")


def an_azure_cli_whose_sign_in_is_too_old(by: SignIns) -> None:
    by.profile("mine", kind="azure_cli")
    by.stand_in_for_az(complains="ERROR: AADSTS700082: The refresh token has expired due to inactivity. az login")


def an_azure_cli_that_prints_a_table(by: SignIns) -> None:
    by.profile("mine", kind="azure_cli")
    by.stand_in_for_az(prints=f"AccessToken eyJhbGciOi{CANARY}")


def an_account_that_there_is_none_of(by: SignIns) -> None:
    by.profile("mine", kind="device_code", client_id=TOOL)
    by.someone(name="nobody@contoso.com")


def an_application_without_public_flows(by: SignIns) -> None:
    by.profile("mine", kind="device_code", client_id=by.operator)


Wrong = Callable[[SignIns], None]
CASES: list[tuple[Wrong, int, str, str]] = [
    (a_wrong_secret, 5, "does not accept the client secret", "secret's Value"),
    (the_secrets_id, 5, "AADSTS7000215", "most likely the Secret ID"),
    (an_expired_secret, 5, "the client secret of application", "make a new one"),
    (an_expired_certificate, 5, "expired on", "upload it"),
    (a_certificate_that_nobody_uploaded, 5, "does not know the certificate", "upload its public half"),
    (a_wrong_password, 5, "the password does not open the certificate", ""),
    (no_such_tenant, 5, "there is no tenant nowhere.example", "check the tenant id or domain"),
    (an_object_id, 5, "there is no application with the client id", "an object id was given"),
    (a_token_for_graph, 5, "is one for Microsoft Graph", "audiences.exchange"),
    (a_proxy_that_intercepts, 1, "signed by CN=hveadmin sandbox CA", "ca: FILE"),
    (no_network, 1, "no connection to https://127.0.0.1", "HTTPS_PROXY"),
    (a_missing_token_file, 2, "nothing.token cannot be read", ""),
    (no_token_file, 2, "AZURE_FEDERATED_TOKEN_FILE", "token_file: PATH"),
    (a_subject_that_is_not_registered, 5, "no federated credential that matches", "Federated credentials"),
    (a_token_file_that_holds_something_else, 5, "AADSTS50027", "error?code=50027"),
    (no_github_job, 2, "this is no GitHub Actions job", "id-token: write"),
    (a_github_job_without_the_permission, 2, "this job may not ask GitHub", "id-token: write"),
    (a_github_job_of_yesterday, 5, "GitHub gave no id token", "id-token: write"),
    (a_github_that_is_not_reached, 1, "GitHub was not asked", "HTTPS_PROXY"),
    (no_pipelines_job, 2, "SYSTEM_OIDCREQUESTURI is not set", "another kind"),
    (a_step_that_was_not_given_the_token, 2, "SYSTEM_ACCESSTOKEN is not set", "$(System.AccessToken)"),
    (a_connection_that_there_is_none_of, 5, "it answered status 404", "workload identity federation"),
    (a_pipelines_that_is_not_reached, 1, "no connection to http://127.0.0.1", "network"),
    (no_identity_endpoint, 5, "no managed identity to sign in with", "in Azure"),
    (an_identity_that_is_not_assigned, 5, "Identity not found", "the resource > Identity"),
    (a_wrong_identity_header, 5, "Unauthorized", "the resource > Identity"),
    (no_azure_cli, 2, "there is no az on the PATH", "az login"),
    (nobody_in_the_azure_cli, 5, "nobody is signed in to the Azure CLI", "az login --tenant"),
    (an_azure_cli_whose_sign_in_is_too_old, 5, "AADSTS700082", "az login --tenant"),
    (an_azure_cli_that_prints_a_table, 5, "what it printed is no token", "az login --tenant"),
    (an_account_that_there_is_none_of, 5, "is not known in tenant", "auth login --profile mine"),
    (an_application_without_public_flows, 5, "must prove itself", "Allow public client flows"),
]
NEEDS_AZ = {nobody_in_the_azure_cli, an_azure_cli_whose_sign_in_is_too_old, an_azure_cli_that_prints_a_table}


@pytest.mark.parametrize(
    ("wrong", "code", "says", "next_"),
    [param(*case, id=case[0].__name__, marks=[posix] if case[0] in NEEDS_AZ else []) for case in CASES],
)
def test_a_failure_says_what_is_wrong_and_what_next(
    set_up: SignIns, wrong: Wrong, code: int, says: str, next_: str
) -> None:
    wrong(set_up)
    listed = set_up.type("account", "list", "-p", "mine", *LOUD, answer="").ends_with(code)
    told = set_up.type("auth", "login", "-p", "mine", *LOUD).ends_with(code)
    assert says in listed.err
    assert next_ in listed.err
    assert says in told.out
    assert next_ in told.out
    for ran in (listed, told):
        nothing_leaks(ran, set_up)


def nothing_leaks(ran: Ran, by: SignIns) -> None:
    assert CANARY not in ran.said
    assert "eyJ" not in ran.said
    assert "Traceback" not in ran.said
    for secret in (by.identity.machine.identity_header, by.identity.machine.job_token):
        assert secret not in ran.said


def test_every_failure_has_a_sentence_of_its_own() -> None:
    assert len({(says, next_) for _, _, says, next_ in CASES}) == len(CASES)


def test_a_clock_that_is_late_is_named(tmp_path: Path, terminal: Terminal) -> None:
    """An assertion is good for ten minutes. Of a clock that is early nothing is seen: the libraries send no nbf [O]."""

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=11)

    made = pair()
    (terminal.folder / "app.pem").write_bytes(made.pem)
    with Sandbox.open(tmp_path / "clock" / "sandbox.db", clock=clock) as sandbox, sandbox.serve() as running:
        credentials.add_certificate(sandbox.store, CONTOSO, sandbox.operator.client_id, made.pem.decode())
        with IdentityEndpoints(sandbox.store, clock, machine(sandbox)) as identity:
            by = sign_ins(terminal, sandbox, running, identity)
            by.profile("mine", kind="certificate", client_id=by.operator, certificate=str(terminal.folder / "app.pem"))
            ran = by.type("account", "list", "-p", "mine", *LOUD).ends_with(5)
    assert "this machine's clock is off" in ran.err
    assert "next: set the clock" in ran.err


class TestCanaries:
    """Sign-ins that work: nothing they hold is in what is written, with --debug and in every file."""

    def planted(self, by: SignIns) -> dict[str, tuple[str, ...]]:
        """Profiles, and the secrets that each has."""
        secret = f"{CANARY}~Qz8/value="
        credentials.add_secret(
            by.sandbox.store, CONTOSO, by.operator, secret, expires=datetime.now(UTC) + timedelta(days=1)
        )
        made, password = pair(), f"{CANARY}-password"
        credentials.add_certificate(by.sandbox.store, CONTOSO, by.operator, made.pem.decode())
        (by.terminal.folder / "app.pfx").write_bytes(made.pfx(password))
        by.environ["PASSWORD"] = password
        by.profile("secret", kind="client_secret", client_id=by.operator, secret=secret_of(by, secret))
        by.profile(
            "certificate",
            kind="certificate",
            client_id=by.operator,
            certificate=str(by.terminal.folder / "app.pfx"),
            certificate_password={"env": "PASSWORD"},
        )
        token = by.job_token_file()
        by.profile("federated", kind="workload_identity", client_id=by.operator, token_file=str(token))
        by.profile("github", kind="github", client_id=by.operator)
        by.profile(
            "pipelines",
            kind="azure_pipelines",
            client_id=by.operator,
            service_connection_id=by.identity.machine.service_connection_id,
        )
        by.profile("machine", kind="managed_identity")
        by.profile("person", kind="device_code", client_id=TOOL, allow_unencrypted_cache=True)
        by.environ |= by.identity.github_job() | by.identity.pipelines_job() | by.identity.app_service()
        return {
            "secret": (secret,),
            "certificate": (password, made.pem.decode().splitlines()[1]),
            "federated": (token.read_text(),),
            "github": (by.identity.machine.job_token,),
            "pipelines": (by.identity.machine.job_token,),
            "machine": (by.identity.machine.identity_header,),
            "person": (),
        }

    def test_no_secret_and_no_token_in_any_output_log_or_file(self, set_up: SignIns) -> None:
        planted = self.planted(set_up)
        state = Path(set_up.terminal.environ["HVEADMIN_STATE"])
        before = set(set_up.terminal.folder.rglob("*"))
        for name, secrets in planted.items():
            reports = ("-o", f"json={name}.json", "-o", "table")
            for words in (("auth", "login"), ("auth", "status", *reports), ("account", "list"), ("auth", "logout")):
                ran = set_up.type(*words, "-p", name, *LOUD).ends_with(0)
                for canary in (*secrets, CANARY, "eyJ"):
                    assert canary not in ran.said, (name, words)
        files = (set(set_up.terminal.folder.rglob("*")) - before) | set(state.rglob("*"))
        written = [path for path in files if path.is_file()]
        assert {f"{name}.json" for name in planted} <= {path.name for path in written}
        for path in written:
            text = path.read_text(errors="replace")
            everything = [each for found in planted.values() for each in found]
            assert not any(canary in text for canary in (CANARY, "eyJ", *everything)), path
