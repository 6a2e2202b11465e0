"""The path to a sent mail, judged from values alone: what is unknown stays unknown, and each link speaks for itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hveadmin.domain.asked import AskedAddress, AskedId
from hveadmin.domain.facts import BasicAuth, Billing
from hveadmin.domain.health import Check, Verdict, first_broken
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import Api, MailPermission, Permission, PermissionKind, Registered
from hveadmin.domain.plan import Settling
from hveadmin.domain.sender_path import CHECKS, Question, SenderCommand, Sight, judge_path
from hveadmin.domain.sending import Attempt, Result, Stage, StageSeen
from hveadmin.domain.smtp_replies import Reply
from hveadmin.domain.tenant import (
    AllowedApps,
    Credential,
    CredentialKind,
    HveAccount,
    Identity,
    IdKind,
    Known,
    ServicePrincipal,
    Unknown,
    Unreadable,
)
from hveadmin.errors import AuthError, ConnectFailed, Outcome

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
TENANT = TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06")
ACCOUNT = Address("hve-payroll@contoso.com")
CLIENT = ClientId("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
PRINCIPAL = ObjectId("7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa")
OTHER = ObjectId("d2a4c6e8-1b3f-4d5a-8c7e-9f10a2b30e71")
APP = ServicePrincipal(PRINCIPAL, CLIENT, "Payroll Mailer", owner_tenant=TENANT)
SENDS = Permission(Api.EXCHANGE, PermissionKind.APPLICATION, "Mail.Send")
SECRET = Credential(CredentialKind.SECRET, "k", ends=NOW + timedelta(days=90))
QUESTION = Question(ACCOUNT, AskedId(Guid(CLIENT.value)))
IDENTITY = Identity(Guid(CLIENT.value), IdKind.CLIENT_ID, "Payroll Mailer", APP, CLIENT)
PERMISSION = MailPermission(APP, OTHER, frozenset({SENDS}), (), Registered(frozenset({SENDS}), (SECRET,)))


def account(allowed: AllowedApps) -> HveAccount:
    return HveAccount(ACCOUNT, Guid(OTHER.value), "HVE Payroll", allowed)


GOOD = Sight(
    now=NOW,
    tenant_id=TENANT,
    account=account(Known(frozenset({PRINCIPAL}))),
    billing=Billing("BillingPolicyValid", "pay as you go"),
    basic_auth=BasicAuth.BLOCKED,
    identity=IDENTITY,
    bearers=(),
    alike=(),
    permission=PERMISSION,
    settling=None,
    token=None,
    attempt=None,
)


def judged(question: Question = QUESTION, /, **changes: object) -> dict[str, Check]:
    sight = replace(GOOD, **changes)  # type: ignore[arg-type]
    return {each.name: each for each in judge_path(question, sight)}


def attempt(result: Result, said: str = "535 5.7.3 no") -> Attempt:
    code, _, text = said.partition(" ")
    return Attempt(
        "localhost:587", ACCOUNT, (StageSeen(Stage.AUTH, result, 0.1, said),), reply=Reply(int(code), (text,))
    )


def test_every_link_is_judged_in_its_order() -> None:
    assert tuple(judged()) == CHECKS
    assert first_broken(judged().values()) is None


LOST = Unreadable("status 403")
NO_STARTTLS = Attempt(
    "localhost:587",
    ACCOUNT,
    (StageSeen(Stage.STARTTLS, Result.REFUSED, 0.1, "the server offers no STARTTLS", "look for a proxy"),),
)


def test_what_was_missing_is_not_called_a_reply_that_nobody_knows() -> None:
    remedy = judged(attempt=NO_STARTTLS)["smtp"].remedy
    assert remedy is not None
    assert remedy.means == "look for a proxy"


def test_a_mail_address_is_no_application_and_that_is_known() -> None:
    found = judged(Question(ACCOUNT, AskedAddress(ACCOUNT)), identity=None, permission=None)
    assert (found["application"].verdict, found["on the list"].verdict) == (Verdict.FAIL, Verdict.NOT_TRIED)


def test_credentials_that_nobody_can_see_are_not_called_good() -> None:
    elsewhere = replace(PERMISSION, registration=None, application=replace(APP, owner_tenant=TenantId(str(OTHER))))
    found = judged(permission=elsewhere)["credentials"]
    assert (found.verdict, found.outcome) == (Verdict.NOT_TRIED, Outcome.OK)


@pytest.mark.parametrize("number", ["AADSTS7000218", "AADSTS65001"])
def test_an_application_that_is_shut_to_people_is_opened_by_registering_it_for_them(number: str) -> None:
    refused = AuthError(f"nobody may sign in through it ({number})")
    mends = judged(replace(QUESTION, delegated=True), token=refused)["token"].remedy
    assert mends is not None
    assert mends.hveadmin == (f"hveadmin app register 'Payroll Mailer' --client-id {CLIENT} --delegated",)
    as_itself = judged(token=refused)["token"].remedy
    assert as_itself is not None
    assert as_itself.hveadmin == ()


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"account": LOST}, {"account", "list", "on the list"}),
        ({"account": account(Unknown("throttled"))}, {"list", "on the list"}),
        ({"billing": Unknown("denied")}, {"billing"}),
        ({"basic_auth": Unknown("denied")}, {"basic authentication"}),
        ({"permission": LOST}, {"permission", "credentials"}),
        ({"settling": Unknown("a journal is damaged")}, {"settled"}),
        ({"identity": LOST, "permission": LOST},
         {"application", "service principal", "enabled", "permission", "credentials", "on the list"}),
    ],
)  # fmt: skip
def test_what_was_not_seen_is_unknown_and_nothing_else_changes(changes: dict[str, object], unknown: set[str]) -> None:
    found = judged(**changes)
    assert {name for name, each in found.items() if each.verdict is Verdict.UNKNOWN} == unknown
    assert not any(each.failed for each in found.values())


@pytest.mark.parametrize(
    ("changes", "link", "says"),
    [
        ({"account": None}, "account", "is not an HVE account"),
        ({"billing": Billing("SubscriptionIsNotActive")}, "billing", "SubscriptionIsNotActive"),
        ({"identity": replace(IDENTITY, kind=IdKind.GROUP, principal=None), "permission": None},
         "application", "is a group"),
        ({"identity": replace(IDENTITY, principal=None), "permission": None}, "service principal", "no enterprise"),
        ({"identity": replace(IDENTITY, principal=replace(APP, enabled=False))}, "enabled", "AADSTS7000112"),
        ({"identity": replace(IDENTITY, principal=replace(APP, disabled_by_microsoft="DisabledDueToViolation"))},
         "enabled", "Microsoft has disabled it"),
        ({"permission": replace(PERMISSION, granted=frozenset())}, "permission", "admin consent is missing"),
        ({"permission": replace(PERMISSION, registration=Registered(frozenset({SENDS}),
          (replace(SECRET, ends=NOW - timedelta(days=1)),)))}, "credentials", "all have expired, the last on 2026"),
        ({"account": account(Known(frozenset({OTHER})))}, "on the list", "not among the 1"),
        ({"account": account(Known(frozenset({ObjectId(CLIENT.value)}))), "alike": (Guid(CLIENT.value),)},
         "on the list", f"has {CLIENT} in place of {PRINCIPAL}"),
        ({"attempt": NO_STARTTLS}, "smtp", "starttls: the server offers no STARTTLS"),
        ({"token": AuthError("AADSTS700016: no such application", hint="look")}, "token", "AADSTS700016"),
    ],
)  # fmt: skip
def test_one_thing_wrong_is_the_first_broken_link(changes: dict[str, object], link: str, says: str) -> None:
    found = judged(**changes)
    broken = first_broken(found.values())
    assert broken is not None
    assert (broken.name, broken.verdict) == (link, Verdict.FAIL)
    assert says in broken.seen
    assert broken.outcome is Outcome.AUTH


def test_an_open_list_lets_everybody_in_and_is_never_passed_over() -> None:
    found = judged(account=account(Known(frozenset())))
    assert found["list"].verdict is Verdict.WARN
    assert found["on the list"].verdict is Verdict.PASS


YOUNG = Settling(frozenset({PRINCIPAL}), NOW + timedelta(minutes=3))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.WARN),
        ({"attempt": attempt(Result.PASSED, "235 2.7.0 ok")}, Verdict.PASS),
        ({"attempt": attempt(Result.REFUSED)}, Verdict.FAIL),
        ({"attempt": ConnectFailed("nobody there")}, Verdict.WARN),
        ({"attempt": attempt(Result.REFUSED), "account": account(Known(frozenset({OTHER})))}, Verdict.WARN),
        ({"attempt": attempt(Result.PASSED, "235 2.7.0 ok"), "account": account(Known(frozenset({OTHER})))},
         Verdict.WARN),
        ({"account": LOST}, Verdict.NOT_TRIED),
        ({"settling": replace(YOUNG, until=NOW)}, Verdict.PASS),
    ],
    ids=[
        "not tried", "known already", "refused", "not reached", "not on the list anyway", "let in by the old list",
        "account unread", "over",
    ],
)  # fmt: skip
def test_a_young_change_is_to_blame_only_for_a_refusal_that_nothing_else_explains(
    changes: dict[str, object], verdict: Verdict
) -> None:
    assert judged(**{"settling": YOUNG, **changes})["settled"].verdict is verdict


def test_every_command_means_the_tenant_that_was_looked_at() -> None:
    question = replace(QUESTION, where=" -t contoso -p lab", sender=SenderCommand(" --secret-env S", "secret_env"))
    found = judged(
        question, account=account(Known(frozenset({OTHER}))), permission=replace(PERMISSION, granted=frozenset())
    )
    lines = [line for each in found.values() if each.remedy is not None for line in each.remedy.hveadmin]
    assert len(lines) == 2
    assert all(line.endswith(" -t contoso -p lab") for line in lines)


@pytest.mark.parametrize("name", ["red\x1b[31m", "two\nlines", ""])
def test_a_name_that_cannot_be_typed_is_in_no_command(name: str) -> None:
    identity = replace(IDENTITY, display_name=name)
    found = judged(identity=identity, permission=replace(PERMISSION, granted=frozenset()))["permission"]
    assert found.remedy is not None
    assert found.remedy.hveadmin == ()
    assert found.remedy.azure_cli


def test_a_name_that_a_shell_would_obey_is_quoted() -> None:
    identity = replace(IDENTITY, display_name="$(rm -rf ~); '")
    remedy = judged(identity=identity, permission=replace(PERMISSION, granted=frozenset()))["permission"].remedy
    assert remedy is not None
    import shlex

    assert shlex.split(remedy.hveadmin[0])[3] == "$(rm -rf ~); '"


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        (SenderCommand("", "secret_file"), "--secret-file sender-20261123-100000.secret"),
        (SenderCommand("", "certificate"), "--certificate sender-20261123-100000.pem"),
        (SenderCommand("", "secret_keyring", "payroll"), "--secret-keyring payroll"),
    ],
)
def test_a_new_credential_is_kept_as_the_old_one_was_and_never_over_it(sender: SenderCommand, kept: str) -> None:
    token = AuthError("Entra does not accept the client secret (AADSTS7000215)", hint="it is the Secret ID")
    remedy = judged(replace(QUESTION, sender=sender), token=token)["token"].remedy
    assert remedy is not None
    assert remedy.hveadmin == (f"hveadmin app register 'Payroll Mailer' --client-id {CLIENT} {kept}",)
