"""Whether an owner is still there, asked of the sandbox's Graph over TLS. A wrong "gone" is worse than none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from hveadmin.directory.people import GraphPeople
from hveadmin.domain.tenant import Unreadable
from hveadmin.sandbox.faults import Fault, FaultBook, FaultKind, Surface
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.seed import CONTOSO, GRAPH_APP_ID, guid_of
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.session import Session
from hveadmin.wire.trust import ssl_context
from hveadmin.wiring import SystemClock

USERS, GROUPS = "User.ReadBasic.All", "GroupMember.Read.All"
ANNA, BEN, BENS_OTHER = "anna.holm@contoso.com", "ben.ortiz@contoso.com", "erp@contoso.com"
TEAM, NOBODY = "messaging@contoso.com", "nobody@contoso.com"

People = Callable[..., GraphPeople]


class Token:
    """Somebody's who was granted these permissions."""

    def __init__(self, sandbox: Sandbox, scopes: tuple[str, ...]) -> None:
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "aud": "https://graph.microsoft.com", "iat": now, "nbf": now, "exp": now + 3600, "tid": CONTOSO,
            "oid": "somebody", "appid": GRAPH_APP_ID, "scp": " ".join(scopes),
        }  # fmt: skip
        self._token = SigningKeys(sandbox.store).sign(claims)

    def token(self, scope: str, *, claims: str | None = None) -> str:
        return self._token


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Running]]:
    with Sandbox.open(tmp_path_factory.mktemp("people") / "sandbox.db") as sandbox, sandbox.serve() as running:
        group = guid_of("contoso", "group", "messaging")
        sandbox.store.put(CONTOSO, "group", group, {"id": group, "displayName": "Messaging", "mail": TEAM})
        yield sandbox, running


@pytest.fixture
def running(served: tuple[Sandbox, Running]) -> Running:
    served[1].calls.clear()
    return served[1]


@pytest.fixture
def people(served: tuple[Sandbox, Running], running: Running) -> Iterator[People]:
    sandbox, _ = served
    with ExitStack() as opened:

        def of(*scopes: str, seconds: float = 30) -> GraphPeople:
            clock = SystemClock()
            session = Session(
                base_url=running.base_url,
                scope="",
                tokens=Token(sandbox, scopes),
                clock=clock,
                trust=ssl_context(str(running.ca_pem)),
                deadline=Deadline(clock, seconds),
                jitter=lambda: 0.0,
            )
            return GraphPeople(opened.enter_context(session))

        yield of


@pytest.mark.parametrize("scopes", [(USERS, GROUPS), ("Directory.Read.All",)])
def test_users_and_groups_are_there_and_nobody_is_not(people: People, scopes: tuple[str, ...]) -> None:
    asked = [ANNA, BEN, TEAM, NOBODY]
    assert people(*scopes).still_there(asked) == {ANNA: True, BEN: True, TEAM: True, NOBODY: False}


def test_another_address_of_somebody_is_somebodys(people: People) -> None:
    assert people(USERS, GROUPS).still_there([BENS_OTHER]) == {BENS_OTHER: True}


def test_the_case_of_an_address_means_nothing_and_the_answer_has_the_one_that_was_asked(people: People) -> None:
    assert people(USERS, GROUPS).still_there(["Anna.Holm@Contoso.com"]) == {"Anna.Holm@Contoso.com": True}


@pytest.mark.parametrize(
    "address", ["o'hara@contoso.com", "a+b&c=d#e@contoso.com", "100%25@contoso.com", "é@contoso.com"]
)
def test_an_address_may_hold_what_a_filter_obeys(people: People, address: str) -> None:
    assert people(USERS, GROUPS).still_there([address, ANNA]) == {address: False, ANNA: True}


def test_ninety_that_are_there_cost_one_call_and_nobody_costs_none(people: People, running: Running) -> None:
    assert people(USERS, GROUPS).still_there([]) == {}
    assert running.calls.count(Surface.GRAPH) == 0
    people(USERS, GROUPS).still_there([ANNA] * 90)
    assert running.calls.count(Surface.GRAPH) == 1


def test_what_users_have_does_not_need_groups(people: People) -> None:
    assert people(USERS).still_there([ANNA, BEN]) == {ANNA: True, BEN: True}


@pytest.mark.parametrize(
    ("scopes", "asked", "missing"),
    [
        pytest.param((), [ANNA], USERS, id="nothing may be read"),
        pytest.param((GROUPS,), [ANNA], USERS, id="users may not be read"),
        pytest.param((USERS,), [ANNA, TEAM], GROUPS, id="it may be a group's"),
        pytest.param((USERS,), [NOBODY], GROUPS, id="nobody's, or a group's"),
    ],
)
def test_what_may_not_be_read_is_not_gone(
    people: People, scopes: tuple[str, ...], asked: list[str], missing: str
) -> None:
    found = people(*scopes).still_there(asked)
    assert isinstance(found, Unreadable)
    assert missing in found.grant


def test_a_directory_that_is_down_is_unreadable_and_no_right_is_asked_for(
    people: People, served: tuple[Sandbox, Running]
) -> None:
    book = FaultBook(served[0].store)
    book.add(Fault(kind=FaultKind.UNAVAILABLE, surface=Surface.GRAPH, path="/users", times=100))
    found = people(USERS, GROUPS, seconds=1).still_there([ANNA])
    book.clear()
    assert isinstance(found, Unreadable)
    assert found.grant == ""
