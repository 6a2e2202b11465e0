"""Profiles say how to sign in and where; a secret among them is refused and never repeated."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hveadmin.config.problems import CODES, InvalidConfiguration
from hveadmin.config.profiles import VARIABLE, load_profiles, parse_profiles, profiles_path
from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.profile import (
    Audiences,
    AuthKind,
    AuthSettings,
    ConnectBy,
    Endpoints,
    HostAuth,
    HostSettings,
    Profile,
    SecretKind,
    SecretSource,
)
from hveadmin.errors import ConfigError

CLIENT = "2d7d1c44-2f0b-4b7a-8a35-5e2f7c9d1102"
FILE = Path("/etc/hveadmin/profiles.yaml")

EXAMPLE = f"""\
profiles:
  contoso-prod:
    cloud: worldwide               # worldwide | gcc-high | dod | china | custom
    transport: rest
    auth: {{kind: certificate, client_id: {CLIENT}, certificate: /etc/hveadmin/app.pem}}
  lab:
    cloud: custom
    endpoints: {{login: https://localhost:39131, graph: https://localhost:39132, exchange: https://localhost:39133, smtp: localhost:39587}}
    ca: lab-ca.pem                 # trusted besides the operating system's store
    auth: {{kind: client_secret, client_id: {CLIENT}, secret: {{env: HVE_LAB_SECRET}}}}
  jump:
    transport: winrm
    host: {{name: jump01.contoso.com, auth: kerberos, configuration_name: HVEAdmin, connect: preconnected}}
"""  # noqa: E501 — as the specification has it


def parse(text: str) -> dict[str, Profile]:
    return dict(parse_profiles(text.encode(), FILE))


def lines_of(text: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        parse_profiles(text.encode(), Path("p.yaml"))
    return [problem.headline for problem in caught.value.found]


def test_the_example_of_the_specification_is_read_with_every_value() -> None:
    assert parse(EXAMPLE) == {
        "contoso-prod": Profile(
            "contoso-prod",
            auth=AuthSettings(AuthKind.CERTIFICATE, CLIENT, certificate="/etc/hveadmin/app.pem"),
            source=SourceSpan(str(FILE), 2, 3),
        ),
        "lab": Profile(
            "lab",
            cloud="custom",
            auth=AuthSettings(AuthKind.CLIENT_SECRET, CLIENT, secret=SecretSource(SecretKind.ENV, "HVE_LAB_SECRET")),
            endpoints=Endpoints(
                "https://localhost:39131", "https://localhost:39132", "https://localhost:39133", "localhost:39587"
            ),
            ca="/etc/hveadmin/lab-ca.pem",
            source=SourceSpan(str(FILE), 6, 3),
        ),
        "jump": Profile(
            "jump",
            transport="winrm",
            host=HostSettings(
                name="jump01.contoso.com",
                auth=HostAuth.KERBEROS,
                configuration_name="HVEAdmin",
                connect=ConnectBy.PRECONNECTED,
            ),
            source=SourceSpan(str(FILE), 11, 3),
        ),
    }


def test_everything_that_may_be_said_is_kept() -> None:
    text = f"""\
profiles:
  all:
    cloud: gcc-high
    transport: ssh
    auth:
      kind: certificate
      client_id: "{{{CLIENT.upper()}}}"
      tenant_id: contoso.onmicrosoft.com
      certificate: keys/app.pfx
      certificate_password: {{file: keys/app.txt}}
    endpoints: {{smtp: "[::1]:587", graph: "https://graph.example:8443/"}}
    audiences: {{smtp: https://smtp.example}}
    host:
      {{name: jump, port: 5986, ssl: false, ca: ca.pem, proxy: none, auth: ntlm, path: wsman2, username: anna,
       password: {{file: jump.txt}}, identity_file: id, known_hosts: /k, ssh_config: c, ssh_options: [Port=2],
       subsystem: pwsh, command: [pwsh, -x], organization: contoso.com, connect: managed_identity}}
    quirks: {{absent_allowed_apps: empty}}
  short: {{}}
"""
    profiles = parse(text)
    assert profiles["all"].auth == AuthSettings(
        AuthKind.CERTIFICATE,
        CLIENT,
        "contoso.onmicrosoft.com",
        certificate="/etc/hveadmin/keys/app.pfx",
        certificate_password=SecretSource(SecretKind.FILE, "/etc/hveadmin/keys/app.txt"),
    )
    assert profiles["all"].endpoints == Endpoints("", "https://graph.example:8443", "", "[::1]:587")
    assert profiles["all"].audiences == Audiences("", "", "https://smtp.example")
    assert profiles["all"].host == HostSettings(
        name="jump",
        port=5986,
        connect=ConnectBy.MANAGED_IDENTITY,
        organization="contoso.com",
        ssl=False,
        path="wsman2",
        auth=HostAuth.NTLM,
        username="anna",
        password=SecretSource(SecretKind.FILE, "/etc/hveadmin/jump.txt"),
        ca="/etc/hveadmin/ca.pem",
        proxy="none",
        subsystem="pwsh",
        identity_file="/etc/hveadmin/id",
        known_hosts="/k",
        ssh_config="/etc/hveadmin/c",
        ssh_options=("Port=2",),
        command=("pwsh", "-x"),
    )
    assert profiles["all"].quirks == {"absent_allowed_apps": "empty"}
    assert profiles["short"] == Profile("short", source=SourceSpan(str(FILE), 18, 3))


@pytest.mark.parametrize(
    ("secret", "source"),
    [
        ("{env: NAME}", SecretSource(SecretKind.ENV, "NAME")),
        ("{file: s.txt}", SecretSource(SecretKind.FILE, "/etc/hveadmin/s.txt")),
        ("{file: /run/s.txt}", SecretSource(SecretKind.FILE, "/run/s.txt")),
        ("{keyring: hveadmin}", SecretSource(SecretKind.KEYRING, "hveadmin")),
    ],
)
def test_a_secret_is_named_in_three_ways(secret: str, source: SecretSource) -> None:
    text = f"profiles: {{x: {{auth: {{kind: client_secret, client_id: {CLIENT}, secret: {secret}}}}}}}"
    assert parse(text)["x"].auth.secret == source


@pytest.mark.parametrize(
    ("kind", "key", "option"),
    [
        ("workload_identity", "token_file", "/etc/hveadmin/x"),
        ("azure_pipelines", "service_connection_id", "x"),
        ("github", "audience", "x"),
    ],
)
def test_what_only_one_way_to_sign_in_needs_is_an_option_of_it(kind: str, key: str, option: str) -> None:
    auth = parse(f"profiles: {{x: {{auth: {{kind: {kind}, {key}: x}}}}}}")["x"].auth
    assert auth == AuthSettings(AuthKind(kind), options={key: option})


def test_home_is_where_the_tilde_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/admin")
    assert parse("profiles: {x: {ca: ~/ca.pem}}")["x"].ca == "/home/admin/ca.pem"


@pytest.mark.parametrize("text", ["", "# none yet\n", "profiles: {}\n"])
def test_a_file_without_profiles_has_none(text: str) -> None:
    assert parse(text) == {}


ENDPOINTS = "login: https://a, graph: https://b, exchange: https://c"

MISTAKES = [
    pytest.param(
        "profiles: {x: {cloud: custom",
        "p.yaml:2:1: PRF001 this cannot be read as YAML",
        id="PRF001 syntax",
    ),
    pytest.param(
        "profiles:\n  x: {}\n  x: {}\n",
        "p.yaml:3:3: PRF002 profiles.x: key 'x' is given twice; first at 2:3",
        id="PRF002 duplicate",
    ),
    pytest.param(
        "profiles: {x: {transprot: rest}}",
        "p.yaml:1:16: PRF003 profiles.x.transprot: unknown key (did you mean 'transport'?)",
        id="PRF003 unknown key",
    ),
    pytest.param(
        "profiles: {x: {auth: {kind: magic}}}",
        "p.yaml:1:29: PRF003 profiles.x.auth.kind: 'magic' is not one of environment, client_secret, certificate, "
        "workload_identity, github, azure_pipelines, managed_identity, azure_cli, device_code, browser",
        id="PRF003 unknown way to sign in",
    ),
    pytest.param(
        f"profiles: {{x: {{auth: {{kind: client_secret, client_id: {CLIENT}, secret: {{env: A, file: b}}}}}}}}",
        "p.yaml:1:101: PRF003 profiles.x.auth.secret: "
        "exactly one of {env: NAME}, {file: PATH} or {keyring: SERVICE} is expected here",
        id="PRF003 two places for one secret",
    ),
    pytest.param(
        f"profiles: {{x: {{auth: {{kind: client_secret, client_id: {CLIENT}, secret: hunter2}}}}}}",
        "p.yaml:1:101: PRF004 profiles.x.auth.secret: a secret is never written here; say where it is: "
        "{env: NAME}, {file: PATH} or {keyring: SERVICE}",
        id="PRF004 secret",
    ),
    pytest.param(
        "profiles: {sandbox: {}}",
        "p.yaml:1:12: PRF005 profiles.sandbox: 'sandbox' is built in; choose another name",
        id="PRF005 reserved",
    ),
    pytest.param(
        "profiles: {x: {auth: {client_id: my-app}}}",
        "p.yaml:1:34: PRF009 profiles.x.auth.client_id: 'my-app' is not a GUID; "
        "a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01",
        id="PRF009 not a GUID",
    ),
    pytest.param(
        "profiles: {x: {endpoints: {login: http://a}}}",
        "p.yaml:1:35: PRF007 profiles.x.endpoints.login: 'http://a' is not an address like https://host[:port]",
        id="PRF007 not https",
    ),
    pytest.param(
        "profiles: {x: {endpoints: {graph: https://a/v1.0}}}",
        "p.yaml:1:35: PRF007 profiles.x.endpoints.graph: 'https://a/v1.0' is not an address like https://host[:port]",
        id="PRF007 with a path",
    ),
    pytest.param(
        "profiles: {x: {endpoints: {graph: 'https://a:port'}}}",
        "p.yaml:1:35: PRF007 profiles.x.endpoints.graph: 'https://a:port' is not an address like https://host[:port]",
        id="PRF007 not a port",
    ),
    pytest.param(
        "profiles: {x: {endpoints: {smtp: https://a}}}",
        "p.yaml:1:34: PRF007 profiles.x.endpoints.smtp: 'https://a' is not host:port",
        id="PRF007 smtp",
    ),
    pytest.param(
        "profiles: {x: {cloud: custom}}",
        "p.yaml:1:12: PRF008 profiles.x.endpoints: "
        "a custom cloud needs endpoints.login and endpoints.graph and endpoints.exchange",
        id="PRF008 a cloud without addresses",
    ),
    pytest.param(
        "profiles: {x: {auth: {kind: client_secret}}}",
        "p.yaml:1:16: PRF008 profiles.x.auth: kind client_secret needs client_id and secret",
        id="PRF008 a way to sign in without what it needs",
    ),
    pytest.param(
        "profiles: {x: {auth: {kind: browser, certificate: a.pem}}}",
        "p.yaml:1:38: PRF008 profiles.x.auth.certificate: certificate belongs to kind certificate, not to browser",
        id="PRF008 without effect",
    ),
    pytest.param(
        "profiles: {x: {transport: winrm}}",
        "p.yaml:1:16: PRF008 profiles.x.transport: transport winrm needs host.name",
        id="PRF008 no host",
    ),
    pytest.param(
        "profiles: {x: {transport: ssh, host: {port: 22}}}",
        "p.yaml:1:16: PRF008 profiles.x.transport: transport ssh needs host.name",
        id="PRF008 a host without a name",
    ),
    pytest.param(
        "profiles: {x: {host: {name: jump, connect: certificate}}}",
        "p.yaml:1:35: PRF008 profiles.x.host.connect: connect: certificate needs app_id and certificate_thumbprint",
        id="PRF008 a way to connect without what it needs",
    ),
    pytest.param(
        "profiles: {x: {host: {name: jump, auth: basic, username: anna}}}",
        "p.yaml:1:35: PRF008 profiles.x.host.auth: auth: basic needs password",
        id="PRF008 a password is missing",
    ),
    pytest.param(
        f"profiles: {{x: {{host: {{name: jump, app_id: {CLIENT}}}}}}}",
        "p.yaml:1:35: PRF008 profiles.x.host.app_id: app_id belongs to connect: certificate, not to access_token",
        id="PRF008 a host's key without effect",
    ),
    pytest.param(
        "profiles: {x: {host: {name: jump, auth: basic, username: a, password: {env: P}, ssl: false}}}",
        "p.yaml:1:81: PRF008 profiles.x.host.ssl: auth: basic over http can be read on the way; leave out ssl: false,"
        " or use auth: negotiate",
        id="PRF008 a password in clear",
    ),
    pytest.param(
        "profiles: {x: {transport: winrm, host: {name: jump, connect: preconnected}}}",
        "p.yaml:1:53: PRF008 profiles.x.host.connect: connect: preconnected needs configuration_name",
        id="PRF008 connected, but where",
    ),
    pytest.param(
        'profiles: {x: {host: {name: "-oProxyCommand=id"}}}',
        "p.yaml:1:29: PRF007 profiles.x.host.name: '-oProxyCommand=id' is not a host's name or address",
        id="PRF007 an option is no host",
    ),
    pytest.param(
        "profiles: {x: {host: {name: jump, username: -oX}}}",
        "p.yaml:1:45: PRF003 profiles.x.host.username: a name is expected here, which does not begin with a hyphen",
        id="PRF003 an option is no user",
    ),
    pytest.param(
        "profiles: {x: {host: {name: jump, ssh_options: [-oX=y]}}}",
        "p.yaml:1:49: PRF003 profiles.x.host.ssh_options[0]: "
        "an option as after ssh's -o is expected here, such as ConnectTimeout=10",
        id="PRF003 no ssh option",
    ),
    pytest.param(
        "profiles: {x: {host: {name: outlook.office365.com}}}",
        "p.yaml:1:29: PRF010 profiles.x.host.name: 'outlook.office365.com' was Exchange Online's own remote PowerShell,"
        " which is gone since 2023; use transport: rest",
        id="PRF010 retired",
    ),
]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_password_in_clear_is_let_through_to_this_machine_only(name: str) -> None:
    text = f"profiles: {{x: {{host: {{name: '{name}', auth: basic, username: a, password: {{env: P}}, ssl: false}}}}}}"
    host = parse(text)["x"].host
    assert host is not None and not host.ssl


@pytest.mark.parametrize(
    "name",
    ["ps.outlook.com", "https://outlook.office365.com/powershell-liveid/", "x.ps.compliance.protection.outlook.com"],
)
def test_every_name_of_the_retired_endpoint_is_known(name: str) -> None:
    (line,) = lines_of(f"profiles: {{x: {{host: {{name: '{name}'}}}}}}")
    assert "PRF010" in line


@pytest.mark.parametrize(("text", "line"), MISTAKES)
def test_each_mistake_gives_exactly_one_line(text: str, line: str) -> None:
    assert lines_of(text) == [line]


def test_every_code_of_profiles_has_a_mistake_here() -> None:
    shown = {str(mistake.id)[:6] for mistake in MISTAKES}
    # PRF006 is the file itself, below.
    assert shown | {"PRF006"} == {code for code in CODES if code.startswith("PRF")}


def test_all_mistakes_of_all_profiles_are_named_at_once() -> None:
    text = "profiles:\n  sandbox: {cloud: moon}\n  x: {cloud: custom}\n  y: {transport: ssh, colour: red}\n"
    assert [line.split(" ")[1] for line in lines_of(text)] == ["PRF005", "PRF003", "PRF008", "PRF003"]


@pytest.mark.parametrize(
    "auth",
    [
        "{kind: client_secret, secret: hunter2}",
        "{secret: hunter2, knid: client_secret}",
        "{secret: [hunter2]}",
        "{secret: {hunter2: x}}",
        "{secret: {hunter2}}",
        "{secret: {env: hunter2!}}",
        "{secret: {env: [hunter2]}}",
        "{secret: {value: hunter2}}",
        "{client_secret: hunter2}",
        "{password: hunter2, tenant_id: '?'}",
        "{certificate_password: hunter2}",
        "{secret: &s hunter2, certificate_password: *s}",
        "{secret: hunter2, secret: hunter2}",
        "{secret: !!str hunter2}",
        "{secret: hunter2, secret: [hunter2}",
        "\n      secret: >\n        hunter2\n        hunter2\n      colour: red",
        "\n      secret:\n        hunter2",
        "\n      secret: 'hunter2\n        hunter2', kind: 1",
        "{secret: hunter2\x00}",
    ],
)
def test_a_secret_in_the_file_is_repeated_nowhere(auth: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"profiles:\n  x:\n    auth: {auth}\n")
    error = caught.value
    assert isinstance(error, InvalidConfiguration)
    seen: BaseException | None = error
    while seen is not None:
        assert "hunter2" not in f"{seen} {seen!r} {seen.args}"
        seen = seen.__context__
    assert "hunter2" not in " ".join(error.problems)
    assert "hunter2" not in repr(error.found)


def test_a_proxys_address_is_not_shown_because_a_password_may_be_in_it() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("profiles:\n  x:\n    host: {name: jump01, proxy: 'http://u:hunter2@proxy:8080', nope: 1}\n")
    shown = " ".join(caught.value.problems)
    assert "unknown key" in shown
    assert "hunter2" not in shown


def test_the_line_of_a_secret_is_shown_up_to_the_secret() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("profiles:\n  x:\n    auth: {kind: client_secret, secret: hunter2}\n")
    [first, *_] = [problem for problem in caught.value.problems if "PRF004" in problem]
    assert first.split("\n")[1] == "  3 |     auth: {kind: client_secret, secret: (hidden)"


def test_a_profile_may_be_called_like_a_secret() -> None:
    [line] = lines_of("profiles: {token-broker: {colour: red}}")
    assert line.startswith("p.yaml:1:27: PRF003 profiles.token-broker.colour: unknown key")


# Where the file is


def test_the_environment_names_the_file() -> None:
    assert profiles_path({VARIABLE: "/srv/p.yaml"}) == Path("/srv/p.yaml")
    assert profiles_path({}).parts[-2:] == ("hveadmin", "profiles.yaml")


def test_profiles_are_read_from_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profiles: {x: {ca: ca.pem}}", encoding="utf-8")
    profile = load_profiles({VARIABLE: str(path)})["x"]
    assert profile.ca == str(tmp_path / "ca.pem")
    assert profile.source == SourceSpan(str(path), 1, 12)


def test_without_a_file_of_ones_own_there_are_no_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_profiles({}) == {}


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(lambda path: None, "No such file or directory", id="missing"),
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="a directory"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_not_an_empty_one(
    tmp_path: Path, make: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "p.yaml"
    make(path)
    with pytest.raises(ConfigError) as caught:
        load_profiles({VARIABLE: str(path)})
    assert caught.value.problems == (f"{path}:1:1: PRF006 the profiles cannot be read: {why}",)


WORDS = """
profiles auth secret env file keyring endpoints login cloud custom host name kind ca https:// https://[ a x ~ [ ] { } :
, - * & !
"""
_words = st.sampled_from([*WORDS.split(), ": ", "- ", "\n", "\n  ", "\n    ", " ", "\x00"])


@settings(deadline=None)
@given(st.text() | st.lists(_words, max_size=40).map("".join))
def test_no_text_does_anything_but_load_or_be_refused(text: str) -> None:
    try:
        parse_profiles(text.encode("utf-8", "surrogatepass"), Path("p.yaml"))
    except ConfigError as error:
        assert len(error.problems) > 0


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["https://a", "a:1", "x", CLIENT]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["env", "file", "kind", "login", "smtp", "name", "port", "x"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
_KEYS = ["cloud", "transport", "auth", "endpoints", "audiences", "ca", "host", "quirks"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _json))
def test_no_value_in_any_place_does_anything_but_load_or_be_refused(profile: dict[str, object]) -> None:
    text = json.dumps({"profiles": {"x": profile}}, ensure_ascii=True)
    try:
        parse_profiles(text.encode(), Path("p.yaml"))
    except ConfigError as error:
        assert all(line.startswith("p.yaml:") for line in error.problems)
