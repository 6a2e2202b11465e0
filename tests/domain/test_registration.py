"""What a registration lacks, and that doing it in the given order can be broken off anywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hveadmin.domain.ids import EXCHANGE_ONLINE, ClientId, Guid, ObjectId
from hveadmin.domain.registration import (
    Access,
    Flow,
    KeyOnFile,
    MailSend,
    Present,
    Principal,
    Proof,
    PublicCertificate,
    Registration,
    RequiredAccess,
    ScopeGrant,
    SecretOnFile,
    StepKind,
    Wanted,
    choose,
    plan_registration,
    sentence,
    with_access,
)
from hveadmin.errors import Refused, UsageError

NOW = datetime(2026, 7, 1, tzinfo=UTC)
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)
EXCHANGE = ObjectId("00000000-0000-4000-8000-0000000000e1")
MAIL_SEND = MailSend(EXCHANGE)
GRAPH_API = "00000003-0000-0000-c000-000000000000"
MINE = PublicCertificate(b"mine", YESTERDAY, TOMORROW)
PRINCIPAL = Principal(ObjectId("00000000-0000-4000-8000-000000000051"))

Kind = StepKind


def registration(number: int = 1, name: str = "Payroll", **more: object) -> Registration:
    ids = Guid(f"00000000-0000-4000-8000-{number:012x}"), ClientId(f"00000000-0000-4000-9000-{number:012x}")
    return replace(Registration(*ids, name), **more)  # type: ignore[arg-type]


def asking(flow: Flow) -> tuple[RequiredAccess, ...]:
    return with_access((), MAIL_SEND.access(flow))


def done(flow: Flow, proof: Proof) -> Present:
    """A registration that lacks nothing."""
    there = registration(
        public_client=flow is Flow.DELEGATED,
        required=asking(flow),
        keys=(KeyOnFile(MINE.key, TOMORROW),) if proof is Proof.CERTIFICATE else (),
        secrets=(SecretOnFile("k", "abc", TOMORROW),) if proof is Proof.SECRET else (),
    )
    grant = ScopeGrant("g", ("openid", "Mail.Send")) if flow is Flow.DELEGATED else None
    return Present(MAIL_SEND, there, PRINCIPAL, has_role=flow is Flow.APPLICATION, grant=grant)


def wanted(flow: Flow = Flow.APPLICATION, proof: Proof = Proof.CERTIFICATE) -> Wanted:
    return Wanted("Payroll", flow, proof, certificate=MINE, kept_hint="abc", kept_in="payroll.pem")


def steps(want: Wanted, present: Present) -> list[StepKind]:
    return list(plan_registration(want, present, NOW).steps)


FLOWS = pytest.mark.parametrize("flow", Flow)
PROOFS = pytest.mark.parametrize("proof", Proof)


@FLOWS
@PROOFS
def test_what_lacks_nothing_has_nothing_to_do(flow: Flow, proof: Proof) -> None:
    assert steps(wanted(flow, proof), done(flow, proof)) == []


@FLOWS
@PROOFS
def test_a_new_registration_asks_for_its_permission_as_it_is_made(flow: Flow, proof: Proof) -> None:
    credential = {Proof.CERTIFICATE: [Kind.ADD_CERTIFICATE], Proof.SECRET: [Kind.ADD_SECRET], Proof.NOTHING: []}
    found = steps(wanted(flow, proof), Present(MAIL_SEND))
    assert found == [Kind.CREATE_APPLICATION, Kind.CREATE_PRINCIPAL, Kind.CONSENT, *credential[proof]]


@pytest.mark.parametrize(
    ("want", "present", "missing"),
    [
        pytest.param(
            wanted(),
            replace(done(Flow.APPLICATION, Proof.CERTIFICATE), has_role=False),
            [Kind.CONSENT],
            id="no consent",
        ),
        pytest.param(
            wanted(),
            replace(done(Flow.APPLICATION, Proof.CERTIFICATE), principal=None, has_role=False),
            [Kind.CREATE_PRINCIPAL, Kind.CONSENT],
            id="no enterprise application",
        ),
        pytest.param(
            wanted(),
            replace(
                done(Flow.APPLICATION, Proof.CERTIFICATE),
                registration=registration(
                    required=(RequiredAccess(GRAPH_API, (MAIL_SEND.access(Flow.APPLICATION),)),),
                    keys=(KeyOnFile(MINE.key, TOMORROW),),
                ),
            ),
            [Kind.REQUEST_PERMISSION],
            id="Mail.Send of another API",
        ),
        pytest.param(
            wanted(Flow.DELEGATED, Proof.NOTHING),
            done(Flow.APPLICATION, Proof.CERTIFICATE),
            [Kind.REQUEST_PERMISSION, Kind.ALLOW_PUBLIC_CLIENT, Kind.CONSENT],
            id="the other flow",
        ),
        pytest.param(
            wanted(Flow.DELEGATED, Proof.NOTHING),
            replace(done(Flow.DELEGATED, Proof.NOTHING), grant=ScopeGrant("g", ("Mail.Send.Shared", "openid"))),
            [Kind.CONSENT],
            id="consent to another scope",
        ),
        pytest.param(
            replace(wanted(), certificate=None),
            done(Flow.APPLICATION, Proof.CERTIFICATE),
            [Kind.ADD_CERTIFICATE],
            id="the certificate lies elsewhere",
        ),
        pytest.param(
            replace(wanted(), certificate=PublicCertificate(b"another", YESTERDAY, TOMORROW)),
            done(Flow.APPLICATION, Proof.CERTIFICATE),
            [Kind.ADD_CERTIFICATE],
            id="the certificate here is not registered",
        ),
        pytest.param(
            replace(wanted(), certificate=replace(MINE, ends=NOW)),
            done(Flow.APPLICATION, Proof.CERTIFICATE),
            [Kind.ADD_CERTIFICATE],
            id="the certificate ends now",
        ),
        pytest.param(
            replace(wanted(proof=Proof.SECRET), kept_hint=""),
            done(Flow.APPLICATION, Proof.SECRET),
            [Kind.ADD_SECRET],
            id="no secret is kept here",
        ),
        pytest.param(
            replace(wanted(proof=Proof.SECRET), kept_hint="xyz"),
            done(Flow.APPLICATION, Proof.SECRET),
            [Kind.ADD_SECRET],
            id="another secret is kept here",
        ),
        pytest.param(
            wanted(proof=Proof.SECRET),
            replace(
                done(Flow.APPLICATION, Proof.SECRET),
                registration=registration(
                    required=asking(Flow.APPLICATION), secrets=(SecretOnFile("k", "abc", YESTERDAY),)
                ),
            ),
            [Kind.ADD_SECRET],
            id="the secret is over",
        ),
        pytest.param(
            replace(wanted(proof=Proof.SECRET), kept_hint=None),
            done(Flow.APPLICATION, Proof.SECRET),
            [],
            id="a secret that was only shown",
        ),
    ],
)
def test_only_what_is_missing_is_done(want: Wanted, present: Present, missing: list[StepKind]) -> None:
    assert steps(want, present) == missing


def after(step: StepKind, want: Wanted, present: Present) -> Present:
    """What the directory holds after a step, by what the step says."""
    there, complete = present.registration, done(want.flow, want.proof)
    match step:
        case Kind.CREATE_APPLICATION:
            made = registration(public_client=want.flow is Flow.DELEGATED, required=asking(want.flow))
            return replace(present, registration=made)
        case Kind.REQUEST_PERMISSION if there is not None:
            required = with_access(there.required, MAIL_SEND.access(want.flow))
            return replace(present, registration=replace(there, required=required))
        case Kind.ALLOW_PUBLIC_CLIENT if there is not None:
            return replace(present, registration=replace(there, public_client=True))
        case Kind.CREATE_PRINCIPAL if there is not None:
            return replace(present, principal=PRINCIPAL)
        case Kind.CONSENT if present.principal is not None:
            return replace(present, has_role=present.has_role or complete.has_role, grant=complete.grant)
        case Kind.ADD_CERTIFICATE | Kind.ADD_SECRET if there is not None and complete.registration is not None:
            kept = complete.registration
            return replace(present, registration=replace(there, keys=kept.keys, secrets=kept.secrets))
    raise AssertionError(f"{step} comes before what it needs")


PARTS = st.builds(
    lambda there, principal, consented, asks, public: Present(
        MAIL_SEND,
        registration(required=asking(Flow.APPLICATION) if asks else (), public_client=public) if there else None,
        PRINCIPAL if there and principal else None,
        has_role=there and principal and consented,
    ),
    *([st.booleans()] * 5),
)


@given(st.sampled_from(Flow), st.sampled_from(Proof), PARTS, st.integers(0, 6))
def test_whenever_it_is_broken_off_the_next_run_does_the_rest_and_no_more(
    flow: Flow, proof: Proof, present: Present, broken_off: int
) -> None:
    want = wanted(flow, proof)
    todo = steps(want, present)
    for step in todo[:broken_off]:
        present = after(step, want, present)
    assert steps(want, present) == todo[broken_off:]
    for step in todo[broken_off:]:
        present = after(step, want, present)
    assert steps(want, present) == []


@given(st.sampled_from(Flow), st.sampled_from(Proof), PARTS)
def test_a_credential_is_the_last_thing_to_be_made(flow: Flow, proof: Proof, present: Present) -> None:
    todo = steps(wanted(flow, proof), present)
    credentials = [step for step in todo if step in (Kind.ADD_CERTIFICATE, Kind.ADD_SECRET)]
    assert todo[len(todo) - len(credentials) :] == credentials


ACCESS = st.builds(
    Access, st.sampled_from(["a", "b", MAIL_SEND.role.value, MAIL_SEND.scope.value]), st.sampled_from(["Role", "Scope"])
)
REQUIRED = st.lists(
    st.builds(
        RequiredAccess,
        st.sampled_from([EXCHANGE_ONLINE.value, GRAPH_API]),
        st.lists(ACCESS, unique=True).map(tuple),
    ),
    unique_by=lambda each: each.api,
)


@given(REQUIRED, st.sampled_from(Flow))
def test_asking_for_more_takes_nothing_away(required: list[RequiredAccess], flow: Flow) -> None:
    access = MAIL_SEND.access(flow)
    now = {each.api: set(each.access) for each in with_access(required, access)}
    before = {each.api: set(each.access) for each in required}
    before.setdefault(EXCHANGE_ONLINE.value, set()).add(access)
    assert now == before


def test_one_registration_of_the_very_name_is_meant() -> None:
    found = [registration(1, "payroll"), registration(2, "Payroll")]
    assert choose(found, None, "Payroll", None) == found[1]
    assert choose(found[:1], None, "Payroll", None) is None


def test_of_several_none_is_chosen_and_all_are_named() -> None:
    found = [registration(1), registration(2)]
    with pytest.raises(Refused) as refused:
        choose(found, None, "Payroll", None)
    assert [each.client_id.value in reason for each, reason in zip(found, refused.value.reasons, strict=True)] == [
        True,
        True,
    ]
    assert "--client-id" in refused.value.hint


def test_a_client_id_names_one_of_several() -> None:
    one = registration(1)
    assert choose((), one, "Payroll", one.client_id) == one


@pytest.mark.parametrize("named", [None, registration(1, "Domain Admin Sync")])
def test_a_client_id_that_is_another_applications_is_refused(named: Registration | None) -> None:
    with pytest.raises(Refused, match="nothing was written"):
        choose((), named, "Payroll", registration(1).client_id)


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\nb", "a\x1b[31m", "a\u202eb", "a\u200bb", "a\u2028b"])
def test_a_name_that_hides_something_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        Wanted(name)


@pytest.mark.parametrize("days", [0, -1, 731])
def test_a_credential_lasts_a_day_to_two_years(days: int) -> None:
    with pytest.raises(UsageError):
        Wanted("Payroll", days=days)


@pytest.mark.parametrize(
    ("present", "words"),
    [
        (replace(done(Flow.APPLICATION, Proof.CERTIFICATE), principal=replace(PRINCIPAL, enabled=False)), "disabled"),
        (
            replace(
                done(Flow.APPLICATION, Proof.CERTIFICATE),
                registration=registration(audience="AzureADMultipleOrgs", required=asking(Flow.APPLICATION)),
            ),
            "AzureADMultipleOrgs",
        ),
        (
            replace(
                done(Flow.APPLICATION, Proof.CERTIFICATE),
                registration=registration(
                    keys=(KeyOnFile("other", TOMORROW), KeyOnFile("old", YESTERDAY), KeyOnFile(MINE.key, TOMORROW)),
                    secrets=(SecretOnFile("k", "abc", None),),
                ),
            ),
            "2 other credentials",
        ),
    ],
)
def test_what_is_remarkable_is_said(present: Present, words: str) -> None:
    assert any(words in each for each in plan_registration(wanted(), present, NOW).warnings)


def test_nothing_is_remarkable_of_what_is_as_it_should_be() -> None:
    for flow in Flow:
        for proof in Proof:
            want = wanted(flow, proof)
            assert plan_registration(want, done(flow, proof), NOW).warnings == ()


@FLOWS
def test_every_step_has_a_sentence_of_its_own(flow: Flow) -> None:
    said = [sentence(step, wanted(flow)) for step in StepKind]
    assert len(set(said)) == len(said)
    assert all(flow.value in said[place] for place in (0, 1, 4))
