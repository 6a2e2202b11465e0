"""HVE103, 106, 209, 210 and 601: what is read besides lists and directory, and what is said where it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import NOW, account, address, app, client, entry, grant
from policy.directory_views import CLIENT_ID, CLOSED, FOREIGN, OURS, directory, living, ours, with_facts
from policy.list_views import FAIL, NOT_APPLICABLE, PASS, TOMORROW, UNKNOWN, judged, one, telling, view

from hveadmin.domain.desired import AccountEntry, Mode
from hveadmin.domain.facts import NOT_ASKED, BasicAuth, Billing, BillingStatus
from hveadmin.domain.finding import Verdict
from hveadmin.domain.permissions import Api, Consent, MailPermission, Permission, PermissionKind, Registered, Unseen
from hveadmin.domain.tenant import Credential, CredentialKind, Known, Unknown, Unreadable
from hveadmin.policy import (
    hve103_exception_unbacked,
    hve106_basic_authentication,
    hve209_cannot_send,
    hve210_credential_life,
    hve601_billing,
)
from hveadmin.policy.engine import ConfigView, Judgement, TenantRule, TenantView
from hveadmin.policy.rules import ALL_RULES, OFFLINE_RULES, TENANT_RULES

NO_RIGHT = Unreadable("it was refused", grant="a role that holds it to whoever signs in")
NO_LUCK = Unreadable("throttled after 6 tries (request-id r-1)")
NOBODY_KNOWS = Unknown("throttled")

# What is not there


@pytest.mark.parametrize(
    ("rule", "part"),
    [(hve106_basic_authentication.RULE, "basic_auth"), (hve601_billing.RULE, "billing")],
    ids=["HVE106", "HVE601"],
)
@pytest.mark.parametrize(("unread", "verdict"), [(NO_RIGHT, NOT_APPLICABLE), (NO_LUCK, UNKNOWN), (NOT_ASKED, UNKNOWN)])
def test_a_right_that_nobody_gave_is_said_once_and_named_and_a_failed_read_is_unknown(
    rule: TenantRule, part: str, unread: Unreadable, verdict: Verdict
) -> None:
    judgement = one(rule, with_facts(view(account("a", [1]), account("b", [2])), **{part: unread}))
    assert judgement.verdict is verdict
    assert unread.why in judgement.message
    assert unread.grant in judgement.message
    assert judgement.subject.account is None


@pytest.mark.parametrize(
    ("rule", "part"),
    [(hve209_cannot_send.RULE, "permissions"), (hve210_credential_life.RULE, "credentials")],
    ids=["HVE209", "HVE210"],
)
@pytest.mark.parametrize("unread", [CLOSED, NO_LUCK, NOT_ASKED])
def test_what_the_directory_did_not_say_of_applications_is_unknown_once(
    rule: TenantRule, part: str, unread: Unreadable
) -> None:
    judgement = one(rule, with_facts(view(account("a", [1]), account("b", [2])), **{part: unread}))
    assert judgement.verdict is UNKNOWN
    assert unread.why in judgement.message


def test_every_part_is_needed_by_a_rule_that_says_so() -> None:
    needs = {rule.id: {part.value for part in rule.needs} for rule in TENANT_RULES if rule.needs}
    assert needs == {
        "HVE103": {"owners"},
        "HVE106": {"basic-auth"},
        "HVE209": {"permissions"},
        "HVE210": {"credentials"},
        "HVE601": {"billing"},
    }


def test_what_a_rule_says_offline_is_said_under_its_own_page_and_severity() -> None:
    for rule in OFFLINE_RULES:
        whole = ALL_RULES[rule.id]
        assert (rule.severity, rule.page, rule.fix) == (whole.severity, whole.page, whole.fix)


# HVE103


def exception(ticket: str = "CHG1", owner: str = "ERP@contoso.com") -> AccountEntry:
    plain = entry(Mode.UNRESTRICTED, expires=TOMORROW, reason="Cut-over")
    return replace(plain, ticket=ticket, owner=owner)


def excepted(declared: AccountEntry, owners: Mapping[str, bool] | Unreadable) -> Judgement:
    seen = view(account("x", []), entries={"x": declared})
    return one(hve103_exception_unbacked.RULE, with_facts(seen, owners=owners))


THERE, GONE = {"erp@contoso.com": True}, {"erp@contoso.com": False}


@pytest.mark.parametrize(
    ("declared", "owners", "verdict", "says"),
    [
        pytest.param(exception(), THERE, PASS, "ticket CHG1, owner ERP@contoso.com", id="both are there"),
        pytest.param(exception(ticket=""), THERE, FAIL, "it has no ticket", id="no ticket"),
        pytest.param(exception(), GONE, FAIL, "nobody in the tenant has the address", id="the owner is gone"),
        pytest.param(exception(ticket=""), GONE, FAIL, "it has no ticket and nobody in the tenant", id="neither"),
        pytest.param(exception(ticket=""), NO_LUCK, FAIL, "it has no ticket", id="no ticket, owners unread"),
        pytest.param(exception(), NO_LUCK, UNKNOWN, "r-1", id="owners unread"),
        pytest.param(exception(), NO_RIGHT, NOT_APPLICABLE, NO_RIGHT.grant, id="no right to see owners"),
        pytest.param(exception(), {}, UNKNOWN, "nobody looked", id="the owner was not asked for"),
        pytest.param(exception(owner="HR department"), {}, PASS, "is not a mail address", id="an owner in words"),
        pytest.param(exception(owner="HR", ticket=""), {}, FAIL, "no ticket", id="an owner in words, no ticket"),
        pytest.param(entry(Mode.ENFORCE, grant(1)), GONE, NOT_APPLICABLE, "not declared", id="restricted"),
    ],
)
def test_an_exception_has_a_ticket_and_an_owner_who_is_still_there(
    declared: AccountEntry, owners: Mapping[str, bool] | Unreadable, verdict: Verdict, says: str
) -> None:
    judgement = excepted(declared, owners)
    assert judgement.verdict is verdict
    assert says in judgement.message


@pytest.mark.parametrize(
    ("declared", "owners", "keys"),
    [
        (exception(ticket=""), THERE, "ticket:"),
        (exception(), GONE, "owner:"),
        (exception(ticket=""), GONE, "ticket: and owner:"),
    ],
)
def test_what_is_lacking_is_to_be_written_at_its_line(
    declared: AccountEntry, owners: Mapping[str, bool], keys: str
) -> None:
    assert excepted(declared, owners).remedy == f"write {keys} at hve.yaml:50"


def test_offline_a_ticket_is_looked_for_and_owners_are_not() -> None:
    declared = {"a": exception(ticket=""), "b": exception(), "c": entry(Mode.ENFORCE, grant(1))}
    seen = view(entries=declared)
    found = list(hve103_exception_unbacked.OFFLINE.judge(ConfigView(seen.desired, seen.today)))
    assert {str(each.subject.account): each.verdict for each in found} == {
        str(address("a")): FAIL,
        str(address("b")): PASS,
    }


# HVE106


@pytest.mark.parametrize(
    ("found", "verdict"), [(BasicAuth.ALLOWED, FAIL), (BasicAuth.BLOCKED, PASS), (NOBODY_KNOWS, UNKNOWN)]
)
@pytest.mark.parametrize("allowed", [Known(frozenset()), Known(frozenset({app(1)})), Unknown("unread")])
def test_a_password_goes_past_any_list(found: BasicAuth | Unknown, verdict: Verdict, allowed: Known | Unknown) -> None:
    seen = with_facts(view(account("x", allowed)), basic_auth={address("x"): found})
    assert one(hve106_basic_authentication.RULE, seen).verdict is verdict


def test_what_else_may_block_basic_authentication_is_said_not_to_have_been_looked_at() -> None:
    seen = with_facts(view(account("x", [1])), basic_auth={address("x"): BasicAuth.ALLOWED})
    judgement = one(hve106_basic_authentication.RULE, seen)
    assert "Security Defaults and Conditional Access were not looked at" in judgement.message
    assert "Set-User -Identity 'hve-x@contoso.com'" in judgement.remedy


# HVE601


@pytest.mark.parametrize("status", BillingStatus)
def test_an_account_can_send_only_with_a_valid_billing_policy(status: BillingStatus) -> None:
    judgement = billed(Billing(status.value))
    assert judgement.verdict is (PASS if status is BillingStatus.VALID else FAIL)
    assert status is BillingStatus.VALID or (judgement.remedy and status.value in judgement.message)


def billed(found: Billing | Unknown | None) -> Judgement:
    there = {} if found is None else {address("x"): found}
    return one(hve601_billing.RULE, with_facts(view(account("x", [1])), billing=there))


@pytest.mark.parametrize("found", [Billing("SomethingNew"), NOBODY_KNOWS, None])
def test_a_status_that_nobody_knows_is_unknown(found: Billing | Unknown | None) -> None:
    assert billed(found).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        (hve106_basic_authentication.RULE, {"basic_auth": dict.fromkeys(map(address, "ab"), BasicAuth.BLOCKED)}),
        (hve601_billing.RULE, {"billing": dict.fromkeys(map(address, "ab"), Billing("BillingPolicyValid"))}),
    ],
)
def test_only_the_accounts_that_are_asked_for_are_judged(rule: TenantRule, parts: dict[str, Any]) -> None:
    seen = view(account("a", [1]), account("b", [1]), only=lambda each: each == address("b"))
    assert [each.subject.account for each in judged(rule, with_facts(seen, **parts))] == [address("b")]


# HVE209

SEND = Permission(Api.EXCHANGE, PermissionKind.APPLICATION, "Mail.Send")
WRONG = Permission(Api.GRAPH, PermissionKind.APPLICATION, "Mail.Send")
DELEGATED = Permission(Api.EXCHANGE, PermissionKind.DELEGATED, "Mail.Send")
HIDDEN = Unseen("delegated consent may not be read", "Directory.Read.All")


def secret(
    ends: datetime | None, starts: datetime | None = None, *, key: str = "k-1", cert: bool = False
) -> Credential:
    return Credential(CredentialKind.CERTIFICATE if cert else CredentialKind.SECRET, key, starts=starts, ends=ends)


PAST, FUTURE = NOW - timedelta(days=1), NOW + timedelta(days=400)


def permission(
    *granted: Permission,
    requested: tuple[Permission, ...] = (),
    consented: tuple[Consent, ...] | Unseen = (),
    credentials: tuple[Credential, ...] = (),
    registered: bool = True,
    **changes: Any,
) -> MailPermission:
    registration = Registered(frozenset(requested), credentials) if registered else None
    return MailPermission(ours(OURS, **changes), app(30), frozenset(granted), consented, registration)


@pytest.mark.parametrize(
    ("seen", "verdict", "says"),
    [
        pytest.param(permission(SEND), PASS, "is granted", id="granted, without any secret"),
        pytest.param(permission(SEND, credentials=(secret(FUTURE),)), PASS, "is granted", id="granted, with a secret"),
        pytest.param(permission(SEND, credentials=(secret(PAST),)), FAIL, "has run out", id="all has run out"),
        pytest.param(
            permission(SEND, credentials=(secret(PAST), secret(FUTURE, key="k-2"))), PASS, "", id="one is still good"
        ),
        pytest.param(
            permission(SEND, registered=False, owner_tenant=None, principal_type="ManagedIdentity"),
            PASS,
            "",
            id="a managed identity",
        ),
        pytest.param(permission(SEND, registered=False), FAIL, "registration is gone", id="orphaned"),
        pytest.param(permission(WRONG), FAIL, "not on Office 365 Exchange Online", id="Graph's Mail.Send"),
        pytest.param(permission(requested=(SEND,)), FAIL, "admin consent is missing", id="not consented"),
        pytest.param(permission(), FAIL, "neither requested nor granted", id="nothing"),
        pytest.param(permission(consented=(Consent(DELEGATED),)), PASS, "delegated", id="delegated"),
        pytest.param(
            permission(consented=(Consent(DELEGATED),), credentials=(secret(PAST),)),
            PASS,
            "delegated",
            id="delegated: a public client needs no secret",
        ),
        pytest.param(permission(consented=HIDDEN), UNKNOWN, "could not be seen", id="consent may not be read"),
        pytest.param(permission(SEND, consented=HIDDEN), PASS, "", id="granted, whatever the consent"),
    ],
)
def test_an_application_can_send_with_the_right_permission_and_something_to_prove_itself_with(
    seen: MailPermission, verdict: Verdict, says: str
) -> None:
    judgement = one(hve209_cannot_send.RULE, permitted({OURS: seen}))
    assert judgement.verdict is verdict
    assert says in judgement.message
    assert judgement.remedy or verdict is PASS


def permitted(found: Mapping[int, MailPermission], *numbers: int) -> TenantView:
    there = view(account("x", list(numbers or found)), directory=directory())
    return with_facts(there, permissions={app(number): each for number, each in found.items()})


def test_an_application_is_judged_once_however_many_lists_it_is_on() -> None:
    there = view(account("a", [OURS]), account("b", [OURS]), directory=directory())
    seen = with_facts(there, permissions={app(OURS): permission(SEND)}, credentials={client(OURS): ()})
    assert one(hve209_cannot_send.RULE, seen).subject.account is None
    assert one(hve210_credential_life.RULE, seen).subject.account is None


def test_an_application_that_nobody_looked_at_is_unknown() -> None:
    assert one(hve209_cannot_send.RULE, permitted({}, OURS)).verdict is UNKNOWN


def test_what_is_no_service_principal_can_send_nothing_and_is_left_to_other_rules() -> None:
    assert judged(hve209_cannot_send.RULE, permitted({}, CLIENT_ID)) == []


# HVE210


def lives(credential: Credential, **options: object) -> Judgement:
    there = view(account("x", [OURS]), directory=directory(), policy=telling("HVE210", **options))
    return one(hve210_credential_life.RULE, with_facts(there, credentials={client(OURS): (credential,)}))


def on(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("credential", "options", "verdict", "says"),
    [
        pytest.param(secret(FUTURE), {}, PASS, "ends on", id="it lasts"),
        pytest.param(secret(None), {}, PASS, "no end", id="without an end"),
        pytest.param(secret(NOW + timedelta(days=30)), {}, FAIL, "in 30 days", id="within thirty days"),
        pytest.param(secret(NOW + timedelta(days=30, seconds=1)), {}, PASS, "", id="a second later"),
        pytest.param(secret(NOW + timedelta(hours=3)), {}, FAIL, "within a day", id="today"),
        pytest.param(secret(NOW), {}, NOT_APPLICABLE, "ended", id="this moment"),
        pytest.param(secret(PAST), {"max_lifetime": "1d"}, NOT_APPLICABLE, "ended", id="ended"),
        pytest.param(secret(FUTURE, NOW), {"max_lifetime": "400d"}, PASS, "", id="as long as allowed"),
        pytest.param(secret(FUTURE, NOW), {"max_lifetime": "399d"}, FAIL, "lives for 400 days", id="too long"),
        pytest.param(secret(FUTURE), {"max_lifetime": "399d"}, FAIL, "lives for 400 days", id="a start nobody knows"),
        pytest.param(secret(None, NOW), {"max_lifetime": "399d"}, FAIL, "has no end", id="no end where one must be"),
        pytest.param(secret(FUTURE, on("2000-01-01")), {}, PASS, "", id="any life is allowed"),
        pytest.param(secret(FUTURE, on("2000-01-01")), {"max_lifetime": "0d"}, PASS, "", id="0d is no limit"),
    ],
)
def test_a_credential_lasts_and_does_not_live_too_long(
    credential: Credential, options: dict[str, object], verdict: Verdict, says: str
) -> None:
    judgement = lives(credential, **options)
    assert judgement.verdict is verdict
    assert says in judgement.message


def test_both_are_said_of_one_credential() -> None:
    judgement = lives(secret(NOW + timedelta(days=1), on("2020-01-01")), max_lifetime="365d")
    assert "ends on 2026-11-24" in judgement.message
    assert "where at most 365 are allowed" in judgement.message


@pytest.mark.parametrize(("cert", "makes"), [(False, "--years 1"), (True, "--cert @public-half.pem")])
def test_a_new_one_of_the_same_kind_is_made(cert: bool, makes: str) -> None:
    remedy = lives(secret(NOW + timedelta(days=1), cert=cert)).remedy
    assert remedy.startswith(f"az ad app credential reset --id {client(OURS)} ")
    assert makes in remedy


def test_each_credential_is_a_subject_of_its_own_by_its_key() -> None:
    two = (secret(NOW + timedelta(days=1)), secret(FUTURE, key="k-2"))
    there = view(account("x", [OURS]), directory=directory())
    seen = with_facts(there, credentials={client(OURS): two})
    found = {each.subject.thing: each.verdict for each in judged(hve210_credential_life.RULE, seen)}
    assert found == {"secret k-1": FAIL, "secret k-2": PASS}


def test_the_warning_is_the_configurations() -> None:
    there = view(account("x", [OURS]), directory=directory())
    there = replace(there, desired=replace(there.desired, expiry_warning_days=400))
    seen = with_facts(there, credentials={client(OURS): (secret(FUTURE),)})
    assert one(hve210_credential_life.RULE, seen).verdict is FAIL


@pytest.mark.parametrize("number", [OURS, FOREIGN])
def test_an_application_without_credentials_here_passes_nothing(number: int) -> None:
    there = view(account("x", [number]), directory=directory(living(40)))
    seen = with_facts(there, credentials={client(OURS): ()})
    assert one(hve210_credential_life.RULE, seen).verdict is NOT_APPLICABLE


def test_an_option_that_is_no_number_of_days_is_refused() -> None:
    with pytest.raises(ValueError, match="a year"):
        lives(secret(FUTURE), max_lifetime="a year")


def test_the_day_of_the_run_is_not_looked_at_for_credentials_but_the_moment_is() -> None:
    there = view(account("x", [OURS]), directory=directory(), today=date(1999, 1, 1))
    seen = with_facts(there, credentials={client(OURS): (secret(PAST),)})
    assert one(hve210_credential_life.RULE, seen).verdict is NOT_APPLICABLE
