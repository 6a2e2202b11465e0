"""What is read from a plan file is what was written, to the byte, or it is refused."""

import hashlib
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hveadmin.config import planfile
from hveadmin.config.planfile import PlanFile, objections, read, write
from hveadmin.config.schema import plan_schema
from hveadmin.domain.desired import Bound, Limits, Mode, SourceSpan
from hveadmin.domain.ids import Address, Guid, ObjectId, TenantId
from hveadmin.domain.plan import Action, AppLine, Change, Plan, Step, Unplanned, fingerprint
from hveadmin.domain.planner import order_of_calls
from hveadmin.errors import Refused, UsageError

TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")
READ_AT = datetime(2026, 11, 2, 10, 14, 7, tzinfo=UTC)


def guid(number: int) -> str:
    return f"3f6c2b1e-6a55-4c0e-9d43-{number:012x}"


def apps(*numbers: int) -> frozenset[ObjectId]:
    return frozenset(ObjectId(guid(number)) for number in numbers)


def change_of(
    name: str, before: frozenset[ObjectId], target: frozenset[ObjectId], *, number: int = 1, **more: Any
) -> Change:
    account = Guid(guid(1000 + number))
    lines = [AppLine(Action.GRANT, app, "payroll-mailer", "hr@x.y", "CHG1") for app in sorted(target - before)]
    lines += [AppLine(Action.REVOKE, app, "Old <b>", note="not declared") for app in sorted(before - target)]
    change = Change(
        account=Address(name),
        guid=account,
        mode=Mode.ENFORCE,
        origin="hve.yaml:52",
        source=SourceSpan("hve.yaml", 52, 7),
        before=before,
        target=target,
        steps=order_of_calls(before, target),
        fingerprint=fingerprint(TENANT, account, before),
        lines=tuple(lines),
    )
    return replace(change, **more)


def plan_of(*changes: Change, **more: Any) -> Plan:
    opens = sum(len(change.target) == 0 for change in changes)
    closes = sum(len(change.before) == 0 for change in changes)
    plan = Plan(
        tenant="contoso",
        tenant_id=TENANT,
        domain="contoso.onmicrosoft.com",
        cloud="worldwide",
        read_at=READ_AT,
        changes=changes,
        as_declared=11,
        observed=1,
        unknown=(
            Unplanned(Address("hve-scan@contoso.com"), "throttled after 5 tries (request-id 3c0a)", "hve.yaml:53"),
        ),
        refused=(Unplanned(Address("hve-last@contoso.com"), "would be empty"),),
        warnings=("selector hve-x-* matches nothing",),
        limits=Limits(Bound(10, 50, SourceSpan("hve.yaml", 9, 3)), Bound(10, 33.3)),
        accounts_total=len(changes) + 14,
        grants_total=sum(len(change.before) for change in changes) + 20,
        open_before=closes + 1,
        open_after=opens + 1,
    )
    return replace(plan, **more)


PLAN = plan_of(
    change_of("hve-alert@contoso.com", apps(), apps(1), number=1),
    change_of("hve-payroll@contoso.com", apps(1, 2, 3), apps(2, 4), number=2),
)


def file_of(plan: Plan = PLAN, **more: Any) -> PlanFile:
    return replace(
        PlanFile(
            plan,
            plan_id="20261102T101407Z-contoso-1a2b",
            created_at=READ_AT + timedelta(seconds=3, microseconds=250),
            tool_version="0.1.0",
            config_files=("hve.yaml", "tenants/contoso.yaml"),
            config_sha256=hashlib.sha256(b"x").hexdigest(),
            actor="admin@contoso.com",
            ticket="CHG0041207",
            reason="Monthly payslips",
        ),
        **more,
    )


# Writing


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "contoso.plan.json"
    digest = write(path, file_of())
    assert read(path) == (file_of(), digest)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bytes_are_canonical_json(tmp_path: Path) -> None:
    path = tmp_path / "contoso.plan.json"
    write(path, file_of())
    assert rfc8785.dumps(json.loads(path.read_bytes())) == path.read_bytes()


def test_the_same_plan_is_always_the_same_bytes(tmp_path: Path) -> None:
    elsewhere = timezone(timedelta(hours=2))
    moved = file_of(replace(PLAN, read_at=READ_AT.astimezone(elsewhere)))
    assert write(tmp_path / "a", file_of()) == write(tmp_path / "b", moved)


def test_a_plan_file_says_what_the_specification_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "contoso.plan.json"
    write(path, file_of())
    content = json.loads(path.read_bytes())
    account = content["accounts"][1]
    assert content["kind"] == "hveadmin.plan"
    assert content["format_version"] == 1
    assert content["created_at"] == "2026-11-02T10:14:10.000250Z"
    assert content["tool"] == {"name": "hveadmin", "version": "0.1.0"}
    assert content["lock_sha256"] is None
    assert account["source"] == {"file": "hve.yaml", "line": 52, "column": 7}
    assert account["before"] == [guid(1), guid(2), guid(3)]
    assert account["target"] == [guid(2), guid(4)]
    assert account["fingerprint"] == fingerprint(TENANT, Guid(guid(1002)), apps(1, 2, 3))
    assert account["steps"] == [
        {"action": "grant", "apps": [guid(4)]},
        {"action": "revoke", "apps": [guid(1), guid(3)]},
    ]


def test_a_plan_file_is_valid_by_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "contoso.plan.json"
    write(path, file_of())
    jsonschema.Draft202012Validator(plan_schema()).validate(json.loads(path.read_bytes()))


def test_a_plan_file_is_for_its_owner_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "contoso.plan.json"
    path.write_text("an older plan")
    path.chmod(0o644)
    write(path, file_of())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageError, match=r"cannot be saved to .*taken"):
        write(tmp_path / "taken", file_of())
    with pytest.raises(UsageError, match="No such file or directory"):
        write(tmp_path / "missing" / "contoso.plan.json", file_of())
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL291dGxvb2sifQ.c2ln"
CLIENT_SECRET = "abc8Q~" + "x" * 34


@pytest.mark.parametrize(
    ("suspicious", "where"),
    [
        pytest.param(file_of(reason=f"with {TOKEN}"), "reason", id="token"),
        pytest.param(file_of(ticket=CLIENT_SECRET), "ticket", id="client secret"),
        pytest.param(file_of(actor="-----BEGIN PRIVATE KEY-----"), "actor", id="private key"),
        pytest.param(file_of(plan_of(warnings=(f"said Bearer {'a' * 40}",))), "warnings[0]", id="header"),
    ],
)
def test_a_secret_is_not_written_and_not_repeated(tmp_path: Path, suspicious: PlanFile, where: str) -> None:
    with pytest.raises(Refused) as caught:
        write(tmp_path / "plan", suspicious)
    assert caught.value.message == f"the plan was not saved: what is in {where} looks like a secret"
    assert list(tmp_path.iterdir()) == []


def test_a_display_name_cannot_keep_a_plan_from_being_saved(tmp_path: Path) -> None:
    change = change_of("hve-a@contoso.com", apps(1), apps(2))
    lines = tuple(replace(line, label=f"{TOKEN}\ud800") for line in change.lines)
    path = tmp_path / "plan"
    write(path, file_of(plan_of(replace(change, lines=lines))))
    assert read(path)[0].plan.changes[0].lines[0].label == f"{TOKEN}?"


# Reading what is no plan


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is no plan: it is not JSON", id="empty"),
        pytest.param(b"version: 1\n", "is no plan: it is not JSON", id="YAML"),
        pytest.param(b"\xff\xfe", "is no plan: it is not JSON", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "is no plan: it is not JSON", id="nested without end"),
        pytest.param(b'{"kind": NaN}', "is no plan: it is not JSON", id="NaN"),
        pytest.param(b"[]", "is no plan: its kind is not 'hveadmin.plan'", id="list"),
        pytest.param(b'{"kind": "hveadmin.snapshot"}', "is no plan: its kind is not 'hveadmin.plan'", id="other kind"),
        pytest.param(
            b'{"kind": "hveadmin.plan", "format_version": 2}',
            "is a plan of format 2; this hveadmin reads format 1",
            id="newer",
        ),
        pytest.param(b'{"kind": "hveadmin.plan", "format_version": "1"}', "no known format", id="format as text"),
        pytest.param(b'{"kind": "hveadmin.plan", "format_version": true}', "no known format", id="format as truth"),
        pytest.param(b'{"kind": "hveadmin.plan"}', "no known format", id="no format"),
    ],
)
def test_what_is_no_plan_is_a_mistake_of_usage(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "plan"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_newer_plan_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes(b'{"kind": "hveadmin.plan", "format_version": 2}')
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "plan")
    assert caught.value.hint == "upgrade hveadmin, or make the plan again with this one"


def test_a_plan_that_is_not_there_is_a_mistake_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        read(tmp_path / "plan")


# Reading what was edited


def edited(tmp_path: Path, edit: Callable[[Any], object], *, plan: Plan = PLAN) -> tuple[str, ...]:
    """The reasons for which a plan is refused that was edited and made canonical again."""
    path = tmp_path / "plan"
    write(path, file_of(plan))
    content = json.loads(path.read_bytes())
    edit(content)
    path.write_bytes(rfc8785.dumps(content))
    with pytest.raises(Refused) as caught:
        read(path)
    return caught.value.reasons


PAYROLL = "hve-payroll@contoso.com"


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        pytest.param(
            lambda c: c["accounts"][1].update(guid=guid(77)),
            f"{PAYROLL}: the fingerprint does not belong to this tenant, account and list",
            id="another account",
        ),
        pytest.param(
            lambda c: c["accounts"][1].update(before=[guid(1), guid(2)]),
            f"{PAYROLL}: the fingerprint does not belong to this tenant, account and list",
            id="another list before",
        ),
        pytest.param(
            lambda c: c["accounts"][1].update(target=[guid(2), guid(5)]),
            f"{PAYROLL}: call 1 grants what is not wanted",
            id="another target",
        ),
        pytest.param(
            lambda c: c["accounts"][1].update(target=c["accounts"][1]["before"]),
            f"{PAYROLL}: nothing would change",
            id="no change",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"].pop(),
            f"{PAYROLL}: the calls do not lead from the list before to the target",
            id="a call fewer",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"][0]["apps"].append(guid(2)),
            f"{PAYROLL}: call 1 grants what is on the list",
            id="grants what is there",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"][1]["apps"].append(guid(9)),
            f"{PAYROLL}: call 2 revokes what is not on the list",
            id="revokes what is not there",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"][1]["apps"].append(guid(2)),
            f"{PAYROLL}: call 2 revokes what is wanted",
            id="revokes what is wanted",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"][0]["apps"].append(guid(4)),
            f"{PAYROLL}: call 1 names no application, or one twice",
            id="one twice in a call",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["steps"].append({"action": "grant", "apps": []}),
            f"{PAYROLL}: call 3 names no application, or one twice",
            id="an empty call",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["lines"].pop(),
            f"{PAYROLL}: the lines that are shown are not the applications that change",
            id="a line hidden from the reader",
        ),
        pytest.param(
            lambda c: c["accounts"][1]["target"].sort(reverse=True),
            "its bytes are not those hveadmin wrote: it was edited by hand, or reformatted",
            id="another order of a list",
        ),
        pytest.param(
            lambda c: c["accounts"][1].update(address="HVE-Payroll@contoso.com"),
            "accounts[1].address: must be a mail address in lower case",
            id="letter case",
        ),
        pytest.param(
            lambda c: c["accounts"].append(c["accounts"][1]),
            f"{PAYROLL}: is planned twice",
            id="an account twice",
        ),
        pytest.param(
            lambda c: c["refused"][0].update(address=PAYROLL),
            f"{PAYROLL}: is planned, and said not to be planned",
            id="planned and refused",
        ),
        pytest.param(
            lambda c: c["counts"].update(open_after=0),
            "counts: 0 open accounts afterwards; the changes make it 1",
            id="fewer open accounts than there will be",
        ),
        pytest.param(
            lambda c: c["counts"].update(accounts_total=1),
            "counts: 2 accounts change, of 1",
            id="more than all accounts",
        ),
        pytest.param(
            lambda c: c["counts"].update(grants_total=1),
            "counts: 2 applications are removed, of 1",
            id="more than all applications",
        ),
        pytest.param(lambda c: c.pop("tenant_id"), "tenant_id: field required", id="a key fewer"),
        pytest.param(lambda c: c.update(colour="red"), "colour: extra inputs are not permitted", id="a key more"),
        pytest.param(
            lambda c: c.update(created_at="2026-11-02T12:14:07+02:00"),
            "created_at: must be a time in UTC like 2026-11-02T10:14:07Z",
            id="another time zone",
        ),
        pytest.param(
            lambda c: c.update(created_at="yesterday"),
            "created_at: must be a time in UTC like 2026-11-02T10:14:07Z",
            id="no time",
        ),
        pytest.param(
            lambda c: c.update(plan_id="../../etc/passwd"),
            "plan_id: string should match pattern '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'",
            id="an id that is a path",
        ),
    ],
)
def test_an_edited_plan_is_refused_with_what_is_wrong(
    tmp_path: Path, edit: Callable[[Any], object], reason: str
) -> None:
    assert edited(tmp_path, edit)[0] == reason


def test_every_objection_is_named_not_only_the_first(tmp_path: Path) -> None:
    reasons = edited(tmp_path, lambda c: [account.update(fingerprint="0" * 64) for account in c["accounts"]])
    assert [reason.split(":")[0] for reason in reasons] == ["hve-alert@contoso.com", PAYROLL]


def test_calls_that_leave_the_list_empty_on_the_way_are_refused(tmp_path: Path) -> None:
    plan = plan_of(change_of(PAYROLL, apps(1), apps(2)))
    assert edited(tmp_path, lambda c: c["accounts"][0]["steps"].reverse(), plan=plan) == (
        f"{PAYROLL}: call 1 leaves the list empty, so that every application may send",
    )


def test_calls_that_go_over_ten_on_the_way_are_refused(tmp_path: Path) -> None:
    plan = plan_of(change_of(PAYROLL, apps(*range(1, 11)), apps(*range(2, 12))))
    assert edited(tmp_path, lambda c: c["accounts"][0]["steps"].reverse(), plan=plan) == (
        f"{PAYROLL}: call 1 leaves 11 applications; a list holds at most 10",
    )


def test_an_eleventh_application_is_refused() -> None:
    before, target = apps(*range(1, 11)), apps(*range(1, 12))
    steps = (Step(Action.GRANT, (ObjectId(guid(11)),)),)
    [objection] = objections(plan_of(change_of(PAYROLL, before, target, steps=steps)))
    assert objection == f"{PAYROLL}: 11 applications afterwards; a list holds at most 10"


def test_a_plan_that_was_only_reformatted_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    write(path, file_of())
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=2))
    with pytest.raises(Refused) as caught:
        read(path)
    assert caught.value.reasons == ("its bytes are not those hveadmin wrote: it was edited by hand, or reformatted",)
    assert "make it again" in caught.value.hint


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan"
    write(path, file_of())
    path.write_bytes(path.read_bytes().replace(b'{"accounts"', b'{"cloud":"custom","accounts"', 1))
    with pytest.raises(Refused):
        read(path)


# Whatever the plan

_texts = st.text(max_size=12)
_clean = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_lists = st.frozensets(st.integers(1, 25), max_size=10).map(lambda numbers: apps(*numbers))
_spans = st.none() | st.builds(SourceSpan, _clean, st.integers(0, 10**6), st.integers(0, 10**4))
_times = st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-3))))


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    pairs = draw(st.lists(st.tuples(_lists, _lists).filter(lambda pair: pair[0] != pair[1]), max_size=4))
    changes = [
        change_of(
            f"hve-{number}@contoso.com",
            before,
            target,
            number=number,
            mode=draw(st.sampled_from(Mode)),
            origin=draw(_clean),
            source=draw(_spans),
            reason=draw(_clean),
        )
        for number, (before, target) in enumerate(pairs)
    ]
    limits = Limits(Bound(draw(st.integers(0, 1000)), draw(st.floats(0, 100)), draw(_spans)))
    return plan_of(*changes, limits=limits, read_at=draw(_times), domain=draw(_clean), warnings=(draw(_clean),))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_plans(), _times, _clean)
def test_every_plan_survives_being_saved(tmp_path: Path, plan: Plan, created: datetime, text: str) -> None:
    written = file_of(plan, created_at=created, actor=text, ticket=text, reason=text)
    path = tmp_path / "plan"
    digest = write(path, written)
    assert read(path) == (written, digest)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_of_a_plan_can_be_changed_unnoticed(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "plan"
    write(path, file_of())
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :])
    try:
        found, digest = read(path)
    except (Refused, UsageError):
        return
    # What is left is another plan, canonical as well, and its digest says so.
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert rfc8785.dumps(json.loads(path.read_bytes())) == path.read_bytes()
    assert list(objections(found.plan)) == []


def test_a_plan_id_is_also_a_file_name() -> None:
    pattern = planfile.PlanDocument.model_json_schema()["properties"]["plan_id"]["pattern"]
    assert pattern == "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
