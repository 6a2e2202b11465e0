"""A profile's cloud is a table entry with the profile's own words over it; nothing but https is taken."""

from __future__ import annotations

import pytest
from pytest import param

from hveadmin.auth.clouds import CLOUDS, cloud_of, scope_of
from hveadmin.domain.desired import SourceSpan
from hveadmin.domain.profile import Audiences, Endpoints, Profile
from hveadmin.errors import UsageError

HOST = "https://localhost:39131"
ONE_HOST = Endpoints(HOST, HOST, HOST, smtp="localhost:39587")


@pytest.mark.parametrize(
    ("name", "login", "graph", "exchange"),
    [
        ("worldwide", "login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com"),
        ("gcc-high", "login.microsoftonline.us", "graph.microsoft.us", "outlook.office365.us"),
        ("dod", "login.microsoftonline.us", "dod-graph.microsoft.us", "outlook-dod.office365.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn", "partner.outlook.cn"),
    ],
)
def test_named_clouds(name: str, login: str, graph: str, exchange: str) -> None:
    cloud = cloud_of(Profile("p", cloud=name))
    assert cloud == CLOUDS[name] and cloud.is_well_known
    assert (cloud.endpoints.login, cloud.endpoints.graph) == (f"https://{login}", f"https://{graph}")
    assert cloud.endpoints.exchange == cloud.audiences.exchange == f"https://{exchange}"


def test_a_custom_cloud_keeps_the_worldwide_audiences_and_may_be_one_host() -> None:
    cloud = cloud_of(Profile("lab", cloud="custom", endpoints=ONE_HOST))
    assert cloud.endpoints == ONE_HOST
    assert cloud.audiences == CLOUDS["worldwide"].audiences
    assert not cloud.is_well_known


def test_what_a_profile_says_goes_over_the_table_field_by_field() -> None:
    china = Profile(
        "c",
        cloud="china",
        endpoints=Endpoints("", "", "https://outlook.office365.cn"),
        audiences=Audiences("https://outlook.office365.cn/.default", "", ""),
    )
    cloud = cloud_of(china)
    assert cloud.endpoints == Endpoints(
        "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://outlook.office365.cn"
    )
    assert scope_of(cloud.audiences.exchange) == "https://outlook.office365.cn/.default"
    assert cloud.audiences.graph == CLOUDS["china"].audiences.graph
    assert cloud.is_well_known


@pytest.mark.parametrize(
    ("name", "guess"), [("world-wide", "worldwide"), ("GCC High", "gcc-high"), ("costum", "custom"), ("", None)]
)
def test_an_unknown_cloud_is_refused_with_a_guess(name: str, guess: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        cloud_of(Profile("p", cloud=name, source=SourceSpan("profiles.yaml", 7)))
    assert "profiles.yaml:7" in caught.value.message
    assert ("did you mean" in caught.value.hint) == (guess is not None)
    assert f"did you mean {guess}?" in caught.value.hint or guess is None


@pytest.mark.parametrize("missing", ["login", "graph", "exchange"])
def test_a_custom_cloud_names_the_endpoint_it_lacks(missing: str) -> None:
    given = {"login": "https://a", "graph": "https://b", "exchange": "https://c"} | {missing: ""}
    with pytest.raises(UsageError, match=f"needs the endpoint '{missing}'"):
        cloud_of(Profile("lab", cloud="custom", endpoints=Endpoints(**given)))


@pytest.mark.parametrize(
    "address",
    [
        param("http://localhost:1", id="http, even on loopback"),
        "localhost:39131",
        "https://",
        "https://host/path",
        "https://host?x=1",
        "https://host#x",
        "https://user:secret@host",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
    ],
)
def test_an_address_that_is_no_https_origin_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="login"):
        cloud_of(Profile("lab", cloud="custom", endpoints=Endpoints(address, "https://b", "https://c")))


def test_an_address_is_taken_as_people_write_it() -> None:
    endpoints = Endpoints("https://Login.Example:443/", "https://[::1]:9", "https://c")
    found = cloud_of(Profile("lab", cloud="custom", endpoints=endpoints)).endpoints
    assert (found.login, found.graph) == ("https://login.example:443", "https://[::1]:9")
