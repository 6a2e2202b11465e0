"""A configuration becomes exactly what it says, or every one of its mistakes is named at its place."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hveadmin.config.load import Loaded, load
from hveadmin.config.problems import CODES, InvalidConfiguration, Problem
from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    Bound,
    ByClientId,
    ByName,
    ByObjectId,
    ForbiddenApp,
    Grant,
    Limits,
    Mode,
    RuleSetting,
    Selector,
    SourceSpan,
    TenantEntry,
    Unmanaged,
    Waiver,
)
from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId, TenantId
from hveadmin.errors import ConfigError

TODAY = date(2026, 11, 2)
ID = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c{:02d}"


def load_text(text: str, *, today: date = TODAY) -> Loaded:
    Path("hve.yaml").write_text(text, encoding="utf-8", newline="")
    return load([Path("hve.yaml")], today=today)


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidConfiguration) as caught:
        load_text(text)
    return caught.value.found


def headlines(text: str) -> list[str]:
    return [problem.headline for problem in problems_of(text)]


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def at(line: int, column: int, file: str = "hve.yaml") -> SourceSpan:
    return SourceSpan(file, line, column)


# The example


@pytest.mark.usefixtures("folder")
def test_the_example_of_the_specification_loads_with_every_value_and_place(example: str) -> None:
    loaded = load_text(example)
    desired = loaded.desired
    assert loaded.warnings == ()
    payroll = AppEntry(
        "payroll-mailer",
        ByClientId(ClientId("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")),
        at(13, 3),
        "hr-it@contoso.com",
        "Monthly payslips",
        "CHG0041207",
        date(2027, 6, 30),
    )
    monitoring = AppEntry(
        "monitoring",
        ByClientId(ClientId("9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102")),
        at(19, 3),
        "noc@contoso.com",
        "Alert mail",
    )
    scanner = AppEntry(
        "old-scanner",
        ByObjectId(ObjectId("5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03"), "contoso"),
        at(20, 3),
        "facilities@contoso.com",
        "Scan to mail, being retired",
        expires=date(2026, 12, 31),
    )
    assert desired.apps == {"payroll-mailer": payroll, "monitoring": monitoring, "old-scanner": scanner}
    assert desired.limits == Limits(Bound(10, 50, at(9, 3)), Bound(10, 30, at(10, 3)), 0, at(11, 3))
    assert desired.policy.unknown_apps == "deny"
    assert desired.policy.forbidden_apps == (
        ForbiddenApp(ClientId("00000000-1111-4222-8333-444444444404"), at(30, 20), "Decommissioned, INC0090117"),
    )
    assert desired.policy.require == ("owner", "reason")
    assert desired.policy.rules == {
        "HVE205": RuleSetting("HVE205", at(32, 11), severity="high"),
        "HVE402": RuleSetting("HVE402", at(32, 37), enabled=False),
    }
    assert desired.policy.waivers == (
        Waiver(
            "HVE201",
            "Vendor trial",
            "lab@contoso.com",
            date(2026, 12, 15),
            at(34, 7),
            "contoso",
            Address("hve-lab@contoso.com"),
            Guid("7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05"),
            "RISK-221",
        ),
    )
    assert desired.expiry_warning_days == 30
    assert desired.files == ("hve.yaml",)
    assert desired.sha256 == hashlib.sha256(example.encode()).hexdigest()
    assert desired.tenants == {
        "contoso": TenantEntry(
            alias="contoso",
            source=at(37, 3),
            accounts={
                Address("hve-payroll@contoso.com"): AccountEntry(
                    Mode.ENFORCE,
                    (Grant(payroll, at(42, 40), payroll.owner, payroll.reason, payroll.ticket, payroll.expires),),
                    at(42, 7),
                    "messaging@contoso.com",
                ),
                Address("hve-scan@contoso.com"): AccountEntry(
                    Mode.ADDITIVE,
                    (Grant(scanner, at(43, 56), scanner.owner, scanner.reason, "", scanner.expires),),
                    at(43, 7),
                    "messaging@contoso.com",
                ),
                Address("hve-legacy@contoso.com"): AccountEntry(
                    Mode.UNRESTRICTED,
                    (),
                    at(44, 7),
                    "erp@contoso.com",
                    "ERP cut-over",
                    expires=date(2026, 12, 31),
                ),
            },
            selectors=(
                Selector(
                    "hve-alert-*@contoso.com",
                    AccountEntry(
                        Mode.ENFORCE,
                        (Grant(monitoring, at(46, 87), monitoring.owner, monitoring.reason),),
                        at(46, 9),
                        "messaging@contoso.com",
                    ),
                    ("hve-alert-lab@contoso.com",),
                ),
                Selector("*", AccountEntry(Mode.OBSERVE, (), at(47, 9), "messaging@contoso.com")),
            ),
            tenant_id=TenantId("8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06"),
            domain="contoso.onmicrosoft.com",
            profile="contoso-prod",
            unmanaged=Unmanaged.FAIL,
        )
    }


# One mistake each


def config(accounts: str = "", *, apps: str = "", more: str = "", tenant: str = "") -> str:
    """A configuration that is right, with something put into it. Accounts begin in line 9."""
    return (
        "version: 1\n"
        "apps:\n"
        f"  payroll: {{client_id: {ID.format(1)}}}\n"
        f"  alerts: {{client_id: {ID.format(2)}}}\n"
        f"{apps or '  # no more'}\n"
        "tenants:\n"
        f"  contoso:{tenant}\n"
        "    accounts:\n"
        f"{accounts or '      hve-a@contoso.com: {apps: [payroll]}'}\n"
        f"{more}"
    )


ELEVEN = "\n".join(f"  app-{n}: {{client_id: {ID.format(n)}}}" for n in range(10, 21))
SIX_AND_SIX = (
    f"{ELEVEN}\n"
    f"  app-21: {{client_id: {ID.format(21)}}}\n"
    "sets:\n"
    "  first: [app-10, app-11, app-12, app-13, app-14, app-15]\n"
    "  second: [app-16, app-17, app-18, app-19, app-20, app-21]"
)

MISTAKES = [
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll]\n      hve-b@contoso.com: {}"),
        "hve.yaml:10:7: CFG001 while parsing a flow mapping, did not find expected ',' or '}'",
        id="CFG001 syntax",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll]}\n      hve-a@contoso.com: {apps: [alerts]}"),
        "hve.yaml:10:7: CFG002 tenants.contoso.accounts.hve-a@contoso.com: "
        "key 'hve-a@contoso.com' is given twice; first at 9:7",
        id="CFG002 duplicate key",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], onwer: x}"),
        "hve.yaml:9:44: CFG003 tenants.contoso.accounts.hve-a@contoso.com.onwer: unknown key (did you mean 'owner'?)",
        id="CFG003 unknown key",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], mode: strict}"),
        "hve.yaml:9:50: CFG003 tenants.contoso.accounts.hve-a@contoso.com.mode: "
        "'strict' is not one of enforce, additive, absent, observe, unrestricted",
        id="CFG003 unknown mode",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], mode: restricted}"),
        "hve.yaml:9:50: CFG003 tenants.contoso.accounts.hve-a@contoso.com.mode: "
        "'restricted' is not one of enforce, additive, absent, observe, unrestricted",
        id="CFG003 the opposite is never suggested",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], mode: Enforced}"),
        "hve.yaml:9:50: CFG003 tenants.contoso.accounts.hve-a@contoso.com.mode: "
        "'Enforced' is not one of enforce, additive, absent, observe, unrestricted (did you mean 'enforce'?)",
        id="CFG003 nearly a mode",
    ),
    pytest.param(
        config().replace("version: 1\n", "\n"),
        "hve.yaml:2:1: CFG003 version is missing; write `version: 1` at the head of the file",
        id="CFG003 no version",
    ),
    pytest.param(
        config().replace("version: 1", "version: 2"),
        "hve.yaml:1:10: CFG003 version: 2 is not 1",
        id="CFG003 version of the future",
    ),
    pytest.param(
        config("      hve-a: {apps: [payroll]}"),
        "hve.yaml:9:7: CFG003 tenants.contoso.accounts.hve-a: 'hve-a' is not a mail address; "
        "an account is named like hve-payroll@contoso.com",
        id="CFG003 not an address",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [[payroll]]}"),
        "hve.yaml:9:34: CFG003 tenants.contoso.accounts.hve-a@contoso.com.apps[0]: "
        "the name of an application is expected here, or a mapping {app: NAME, …}",
        id="CFG003 list in a list",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {}"),
        "hve.yaml:9:7: CFG003 tenants.contoso.accounts.hve-a@contoso.com: "
        "mode enforce needs apps or use: at least one application",
        id="CFG003 nothing to enforce",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {mode: absent}"),
        "hve.yaml:9:7: CFG003 tenants.contoso.accounts.hve-a@contoso.com: "
        "mode absent needs apps or use: at least one application",
        id="CFG003 nothing to be absent",
    ),
    pytest.param(
        config(
            "      hve-a@contoso.com: {mode: unrestricted, apps: [payroll], reason: r, owner: o, expires: 2027-01-01}"
        ),
        "hve.yaml:9:47: CFG003 tenants.contoso.accounts.hve-a@contoso.com.apps: "
        "mode unrestricted means an empty list, so it takes no applications; remove one of the two",
        id="CFG003 unrestricted with applications",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], expires: 2027-01-01}"),
        "hve.yaml:9:44: CFG003 tenants.contoso.accounts.hve-a@contoso.com.expires: "
        "an entry ends only with mode unrestricted; put expires on the application, {app: NAME, expires: …}",
        id="CFG003 an end without effect",
    ),
    pytest.param(
        config(apps="  x: {owner: o}"),
        "hve.yaml:5:3: CFG003 apps.x: an application has exactly one of client_id, object_id and name; "
        "none of them is given",
        id="CFG003 application without id",
    ),
    pytest.param(
        config(apps=f"  x: {{client_id: {ID.format(3)}, name: Alerts}}"),
        "hve.yaml:5:3: CFG003 apps.x: an application has exactly one of client_id, object_id and name; "
        "client_id and name are given",
        id="CFG003 application with two ids",
    ),
    pytest.param(
        config(apps=f"  x: {{object_id: {ID.format(3)}}}"),
        "hve.yaml:5:7: CFG003 apps.x.object_id: object_id needs tenant: an object id exists in one tenant only",
        id="CFG003 object id without tenant",
    ),
    pytest.param(
        config(apps=f"  x: {{client_id: {ID.format(3)}, tenant: contoso}}"),
        "hve.yaml:5:56: CFG003 apps.x.tenant: tenant belongs to object_id only; client_id is looked up in every tenant",
        id="CFG003 tenant without object id",
    ),
    pytest.param(
        config(more="limits: {accounts_changed: {percent: 101}}\n"),
        "hve.yaml:10:38: CFG003 limits.accounts_changed.percent: the value must be less than or equal to 100",
        id="CFG003 more than all",
    ),
    pytest.param(
        config(more="limits: {accounts_opened: -1}\n"),
        "hve.yaml:10:27: CFG003 limits.accounts_opened: the value must be greater than or equal to 0",
        id="CFG003 fewer than none",
    ),
    pytest.param(
        config(more="limits: {accounts_opened: 1.5}\n"),
        "hve.yaml:10:27: CFG003 limits.accounts_opened: a whole number is expected here, "
        "not the number 1.5; quotes would make it text",
        id="CFG003 half an account",
    ),
    pytest.param(
        config(more="defaults: {expiry_warning: 2 weeks}\n"),
        "hve.yaml:10:28: CFG003 defaults.expiry_warning: '2 weeks' is not a number of days; write it like 30d",
        id="CFG003 not a number of days",
    ),
    pytest.param(
        config(more=f"policy: {{forbidden_apps: [{{client_id: {ID.format(3)}, object_id: {ID.format(4)}}}]}}\n"),
        "hve.yaml:10:27: CFG003 policy.forbidden_apps[0]: "
        "a forbidden application has exactly one of client_id and object_id",
        id="CFG003 forbidden twice over",
    ),
    pytest.param(
        config(more="policy: {rules: {HVE1: {enabled: false}}}\n"),
        "hve.yaml:10:18: CFG003 policy.rules.HVE1: 'HVE1' is not a rule's id, such as HVE205",
        id="CFG003 not a rule",
    ),
    pytest.param(
        config(more="policy: {rules: {HVE999: {enabled: false}}}\n"),
        "hve.yaml:10:18: CFG004 policy.rules.HVE999: there is no rule HVE999 (did you mean 'HVE904'?)",
        id="CFG004 rule",
    ),
    pytest.param(
        config(more="policy: {waivers: [{rule: HVE299, reason: r, owner: o, expires: 2027-01-01}]}\n"),
        "hve.yaml:10:27: CFG004 policy.waivers[0].rule: there is no rule HVE299 (did you mean 'HVE209'?)",
        id="CFG004 rule of a waiver",
    ),
    pytest.param(
        config(more="policy: {rules: {HVE401: {options: {warnat: 9}}}}\n"),
        "hve.yaml:10:37: CFG003 policy.rules.HVE401.options.warnat: HVE401 has no option 'warnat'; it knows warn_at"
        " (did you mean 'warn_at'?)",
        id="CFG003 option of a rule",
    ),
    pytest.param(
        config(more="policy: {rules: {HVE901: {options: {warn_at: 9}}}}\n"),
        "hve.yaml:10:37: CFG003 policy.rules.HVE901.options.warn_at: HVE901 has no option 'warn_at'; it has none",
        id="CFG003 option of a rule that has none",
    ),
    pytest.param(
        config(more="policy: {rules: {HVE401: {options: {warn_at: 11}}}}\n"),
        "hve.yaml:10:46: CFG003 policy.rules.HVE401.options.warn_at: a whole number from 1 to 10 is expected here",
        id="CFG003 value of a rule's option",
    ),
    pytest.param(
        "version: 1\napps: {}\n",
        "hve.yaml:1:1: CFG003 no tenant is defined, in this file or in those it includes; there would be nothing to do",
        id="CFG003 no tenant",
    ),
    pytest.param("", "hve.yaml:1:1: CFG003 the file is empty", id="CFG003 empty file"),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [pyroll]}"),
        "hve.yaml:9:34: CFG004 tenants.contoso.accounts.hve-a@contoso.com.apps[0]: "
        "no application is called 'pyroll' (did you mean 'payroll'?)",
        id="CFG004 application",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [{app: zebra, reason: r}]}"),
        "hve.yaml:9:40: CFG004 tenants.contoso.accounts.hve-a@contoso.com.apps[0].app: "
        "no application is called 'zebra'",
        id="CFG004 application in a mapping",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {use: [basic]}", apps="sets: {basics: [payroll]}"),
        "hve.yaml:9:33: CFG004 tenants.contoso.accounts.hve-a@contoso.com.use[0]: "
        "no set is called 'basic' (did you mean 'basics'?)",
        id="CFG004 set",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [basics]}", apps="sets: {basics: [payroll]}"),
        "hve.yaml:9:34: CFG004 tenants.contoso.accounts.hve-a@contoso.com.apps[0]: "
        "'basics' is a set; write use: [basics]",
        id="CFG004 set where an application is expected",
    ),
    pytest.param(
        config(apps="sets: {basics: [payrol]}"),
        "hve.yaml:5:17: CFG004 sets.basics[0]: no application is called 'payrol' (did you mean 'payroll'?)",
        id="CFG004 application in a set",
    ),
    pytest.param(
        config(apps=f"  x: {{object_id: {ID.format(3)}, tenant: contosso}}"),
        "hve.yaml:5:64: CFG004 apps.x.tenant: no tenant is called 'contosso' (did you mean 'contoso'?)",
        id="CFG004 tenant",
    ),
    pytest.param(
        config(
            more="policy: {waivers: [{rule: HVE201, reason: r, owner: o, expires: 2027-01-01, tenant: fabrikam}]}\n"
        ),
        "hve.yaml:10:85: CFG004 policy.waivers[0].tenant: no tenant is called 'fabrikam'",
        id="CFG004 tenant of a waiver",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: []}"),
        "hve.yaml:9:33: CFG005 tenants.contoso.accounts.hve-a@contoso.com.apps: an empty list does not block everyone, "
        "it lets every application send; say mode: unrestricted, or remove the entry",
        id="CFG005 empty list",
    ),
    pytest.param(
        config("      hve-a@contoso.com:\n        apps:\n"),
        "hve.yaml:10:14: CFG005 tenants.contoso.accounts.hve-a@contoso.com.apps: nothing is written here; "
        "an empty list does not block everyone, it lets every application send; say mode: unrestricted, "
        "or remove the entry",
        id="CFG005 nothing where the list should be",
    ),
    pytest.param(
        config(apps="sets: {basics: []}"),
        "hve.yaml:5:16: CFG005 sets.basics: an empty list does not block everyone, "
        "it lets every application send; say mode: unrestricted, or remove the entry",
        id="CFG005 empty set",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {use: [first, second]}", apps=SIX_AND_SIX),
        "hve.yaml:23:7: CFG006 tenants.contoso.accounts.hve-a@contoso.com: "
        "12 applications after its sets (first, second) are expanded; an account's list holds at most 10",
        id="CFG006 twelve through sets",
    ),
    pytest.param(
        config(f"      hve-a@contoso.com: {{apps: [{', '.join(f'app-{n}' for n in range(10, 21))}]}}", apps=ELEVEN),
        "hve.yaml:19:7: CFG006 tenants.contoso.accounts.hve-a@contoso.com: "
        "11 applications; an account's list holds at most 10",
        id="CFG006 eleven",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll]}\n      HVE-A@Contoso.com: {apps: [alerts]}"),
        "hve.yaml:10:7: CFG007 tenants.contoso.accounts.HVE-A@Contoso.com: "
        "hve-a@contoso.com has an entry already, at hve.yaml:9:7; letter case does not count",
        id="CFG007 letter case",
    ),
    pytest.param(
        config(
            tenant=f"\n    tenant_id: {ID.format(9)}",
            more=f"  again:\n    tenant_id: {ID.format(9).upper()}\n",
        ),
        "hve.yaml:12:16: CFG007 tenants.again.tenant_id: the same tenant as 'contoso', at hve.yaml:7:3",
        id="CFG007 one tenant twice",
    ),
    pytest.param(
        config(
            "      hve-a@contoso.com: {apps: [elsewhere]}",
            apps=f"  elsewhere: {{object_id: {ID.format(3)}, tenant: fabrikam}}",
            more="  fabrikam: {}\n",
        ),
        "hve.yaml:9:34: CFG008 tenants.contoso.accounts.hve-a@contoso.com.apps[0]: 'elsewhere' is given by its object "
        "id in tenant 'fabrikam', which does not exist in 'contoso'; give it by client_id, which is the same in every "
        "tenant",
        id="CFG008 object id of another tenant",
    ),
    pytest.param(
        config(
            "      hve-a@contoso.com: {use: [basics]}",
            apps=f"  elsewhere: {{object_id: {ID.format(3)}, tenant: fabrikam}}\n"
            "sets: {basics: [payroll, elsewhere]}",
            more="  fabrikam: {}\n",
        ),
        "hve.yaml:10:33: CFG008 tenants.contoso.accounts.hve-a@contoso.com.use[0]: 'elsewhere' (in set 'basics') is "
        "given by its object id in tenant 'fabrikam', which does not exist in 'contoso'; give it by client_id, which "
        "is the same in every tenant",
        id="CFG008 object id of another tenant through a set",
    ),
    pytest.param(
        config(apps="  x: {client_id: payroll-mailer}"),
        "hve.yaml:5:18: CFG009 apps.x.client_id: 'payroll-mailer' is not a GUID; "
        "a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01",
        id="CFG009 a name",
    ),
    pytest.param(
        config(tenant="\n    tenant_id: 12345"),
        "hve.yaml:8:16: CFG009 tenants.contoso.tenant_id: '12345' is not a GUID; "
        "a GUID looks like 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01",
        id="CFG009 a number",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {mode: unrestricted, owner: o}"),
        "hve.yaml:9:7: CFG010 tenants.contoso.accounts.hve-a@contoso.com: "
        "reason, expires missing; asked for by mode unrestricted",
        id="CFG010 open without reason",
    ),
    pytest.param(
        config(apps=f"  x: {{client_id: {ID.format(3)}, owner: o}}", more="policy: {require: [owner, reason]}\n")
        .replace("}\n  alerts", ", owner: o, reason: r}\n  alerts")
        .replace("02}", "02, owner: o, reason: r}"),
        "hve.yaml:5:3: CFG010 apps.x: reason missing; asked for by policy.require",
        id="CFG010 application without reason",
    ),
    pytest.param(
        config(more="policy: {waivers: [{rule: HVE201, owner: o, expires: 2027-01-01}]}\n"),
        "hve.yaml:10:20: CFG010 policy.waivers[0]: reason is missing",
        id="CFG010 waiver without reason",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [{app: payroll, expires: next year}]}"),
        "hve.yaml:9:58: CFG011 tenants.contoso.accounts.hve-a@contoso.com.apps[0].expires: "
        "'next year' is not a date; a date is written like 2027-06-30",
        id="CFG011 not a date",
    ),
    pytest.param(
        config(apps=f"  x: {{client_id: {ID.format(3)}, expires: 2027-02-30}}"),
        "hve.yaml:5:65: CFG011 apps.x.expires: '2027-02-30' is not a date; there is no such day",
        id="CFG011 no such day",
    ),
    pytest.param(
        config(apps=f"  x: {{client_id: {ID.format(3)}, expires: 20270630}}"),
        "hve.yaml:5:65: CFG011 apps.x.expires: '20270630' is not a date; a date is written like 2027-06-30",
        id="CFG011 a number",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll, {app: payroll}]}"),
        "hve.yaml:9:43: CFG012 tenants.contoso.accounts.hve-a@contoso.com.apps[1]: 'payroll' is on this list twice",
        id="CFG012 one name twice",
    ),
    pytest.param(
        config(
            "      hve-a@contoso.com: {apps: [payroll, salaries]}",
            apps=f"  salaries: {{client_id: '{{{ID.format(1).upper()}}}'}}",
        ),
        "hve.yaml:9:43: CFG012 tenants.contoso.accounts.hve-a@contoso.com.apps[1]: "
        "'salaries' is the same application as 'payroll', which is on this list already",
        id="CFG012 one id under two names",
    ),
    pytest.param(
        config("      hve-a@contoso.com: {apps: [payroll], use: [basics]}", apps="sets: {basics: [alerts, payroll]}"),
        "hve.yaml:9:50: CFG012 tenants.contoso.accounts.hve-a@contoso.com.use[0]: "
        "'payroll' is in set 'basics' and under apps as well; remove one of the two",
        id="CFG012 by name and through a set",
    ),
    pytest.param(
        config(apps="sets: {basics: [alerts, payroll, alerts]}"),
        "hve.yaml:5:34: CFG012 sets.basics[2]: 'alerts' is in this set twice",
        id="CFG012 twice in a set",
    ),
    pytest.param(
        config(more="include: tenants/*.yaml\n"),
        "hve.yaml:10:10: CFG013 include: no file matches 'tenants/*.yaml', which is relative to this file",
        id="CFG013 nothing to include",
    ),
    pytest.param(
        config(more="include: [hve.yaml]\n"),
        "hve.yaml:10:11: CFG013 include: 'hve.yaml' includes itself, directly or through other files",
        id="CFG013 includes itself",
    ),
    pytest.param(
        config(more="include: .\n"),
        "hve.yaml:10:10: CFG013 include: '.' cannot be read: Is a directory",
        id="CFG013 a directory",
    ),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("text", "line"), MISTAKES)
def test_each_mistake_gives_exactly_one_line(text: str, line: str) -> None:
    assert headlines(text) == [line]


def test_every_code_of_the_configuration_has_a_mistake_here() -> None:
    shown = {str(mistake.id)[:6] for mistake in MISTAKES}
    assert shown == {code for code in CODES if code.startswith("CFG")}


@pytest.mark.usefixtures("folder")
def test_what_all_these_mistakes_are_put_into_is_right() -> None:
    assert load_text(config()).warnings == ()


TEN_MISTAKES = f"""\
version: 1
defaults: {{mode: enforce, colour: red}}
apps:
  payroll: {{client_id: {ID.format(1)}}}
  alerts: {{client_id: {ID.format(2)}}}
  alerts: {{client_id: {ID.format(2)}}}
  scanner: {{client_id: scanner}}
  elsewhere: {{object_id: {ID.format(3)}, tenant: fabrikam}}
  ending: {{client_id: {ID.format(4)}, expires: 2027-13-01}}
{ELEVEN}
tenants:
  fabrikam: {{}}
  contoso:
    accounts:
      hve-a@contoso.com: {{apps: [pyroll, payroll]}}
      hve-b@contoso.com: {{apps: []}}
      hve-c@contoso.com: {{apps: [{", ".join(f"app-{n}" for n in range(10, 21))}]}}
      hve-d@contoso.com: {{apps: [scanner, ending]}}
      HVE-D@contoso.com: {{apps: [payroll]}}
      hve-e@contoso.com: {{apps: [elsewhere]}}
      hve-f@contoso.com: {{mode: unrestricted}}
"""


@pytest.mark.usefixtures("folder")
def test_ten_different_mistakes_give_ten_lines_in_the_order_of_the_file() -> None:
    found = problems_of(TEN_MISTAKES)
    assert [(each.span.line, each.code) for each in found] == [
        (2, "CFG003"),
        (6, "CFG002"),
        (7, "CFG009"),
        (9, "CFG011"),
        (25, "CFG004"),
        (26, "CFG005"),
        (27, "CFG006"),
        (29, "CFG007"),
        (30, "CFG008"),
        (31, "CFG010"),
    ]
    assert len({each.code for each in found}) == 10


@pytest.mark.usefixtures("folder")
def test_a_problem_is_printed_with_its_line_and_a_caret() -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(config("      hve-a@contoso.com: {apps: [payroll], onwer: x}"))
    assert caught.value.problems == (
        "hve.yaml:9:44: CFG003 tenants.contoso.accounts.hve-a@contoso.com.onwer: unknown key (did you mean 'owner'?)\n"
        "  9 |       hve-a@contoso.com: {apps: [payroll], onwer: x}\n"
        "    |                                            ^",
    )


@pytest.mark.usefixtures("folder")
def test_one_mistake_is_not_followed_by_others_that_it_causes() -> None:
    text = (
        config(
            "      hve-a@contoso.com: {apps: [broken], resaon: x}\n"
            "      hve-b@contoso.com: {mode: unrestricted, owner: o, resaon: r, expires: 2027-01-01}",
            apps="  broken: {client_id: nonsense}",
            more="policy: {require: [reason]}\n",
        )
        .replace("01}", "01, reason: r}")
        .replace("02}", "02, reason: r}")
    )
    assert [(each.code, each.span.line) for each in problems_of(text)] == [
        ("CFG009", 5),
        ("CFG003", 9),
        ("CFG003", 10),
    ]


# Lists, modes and inheritance


def accounts_of(loaded: Loaded) -> Mapping[Address, AccountEntry]:
    return loaded.desired.tenants["contoso"].accounts


def the_account(loaded: Loaded) -> AccountEntry:
    [entry] = accounts_of(loaded).values()
    return entry


@pytest.mark.usefixtures("folder")
def test_a_grant_says_what_its_application_says_unless_it_says_otherwise() -> None:
    loaded = load_text(
        config(
            "      hve-a@contoso.com: {apps: [full, {app: other, owner: own, reason: here, ticket: T2}]}",
            apps=f"  full: {{client_id: {ID.format(3)}, owner: app, reason: why, ticket: T1}}\n"
            f"  other: {{client_id: {ID.format(4)}, owner: app, reason: why, ticket: T1}}",
        )
    )
    first, second = the_account(loaded).grants
    assert (first.owner, first.reason, first.ticket) == ("app", "why", "T1")
    assert (second.owner, second.reason, second.ticket) == ("own", "here", "T2")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("app", "grant", "ends"),
    [
        ("2027-01-01", "2027-06-01", date(2027, 1, 1)),
        ("2027-06-01", "2027-01-01", date(2027, 1, 1)),
        ("2027-01-01", None, date(2027, 1, 1)),
        (None, "2027-01-01", date(2027, 1, 1)),
        (None, None, None),
    ],
)
def test_the_earlier_end_counts(app: str | None, grant: str | None, ends: date | None) -> None:
    app_end = f", expires: {app}" if app else ""
    grant_end = f", expires: {grant}" if grant else ""
    loaded = load_text(
        config(
            f"      hve-a@contoso.com: {{apps: [{{app: x{grant_end}}}]}}",
            apps=f"  x: {{client_id: {ID.format(3)}{app_end}}}",
        )
    )
    assert the_account(loaded).grants[0].expires == ends


@pytest.mark.usefixtures("folder")
def test_an_application_that_two_sets_bring_is_on_the_list_once() -> None:
    loaded = load_text(
        config("      hve-a@contoso.com: {use: [one, two]}", apps="sets: {one: [payroll], two: [alerts, payroll]}")
    )
    assert [grant.app.name for grant in the_account(loaded).grants] == ["payroll", "alerts"]


@pytest.mark.usefixtures("folder")
def test_absent_may_name_more_than_a_list_can_hold() -> None:
    names = ", ".join(f"app-{n}" for n in range(10, 21))
    loaded = load_text(config(f"      hve-a@contoso.com: {{mode: absent, apps: [{names}]}}", apps=ELEVEN))
    assert len(the_account(loaded).grants) == 11


@pytest.mark.usefixtures("folder")
def test_an_application_past_its_end_leaves_room_for_another() -> None:
    names = ", ".join(f"app-{n}" for n in range(10, 20))
    accounts = f"      hve-a@contoso.com: {{apps: [{names}, {{app: app-20, expires: 2026-11-01}}]}}"
    assert len(the_account(load_text(config(accounts, apps=ELEVEN))).grants) == 11
    # On its last day it still counts.
    with pytest.raises(InvalidConfiguration, match="1 problem"):
        load_text(config(accounts, apps=ELEVEN), today=date(2026, 11, 1))


@pytest.mark.usefixtures("folder")
def test_defaults_hold_where_nothing_else_is_said() -> None:
    loaded = load_text(
        config(
            "      hve-a@contoso.com: {apps: [payroll]}\n      hve-b@contoso.com: {mode: enforce, apps: [payroll]}",
            more="  fabrikam: {unmanaged_accounts: ignore}\n"
            "defaults: {mode: additive, owner: us, unmanaged_accounts: report, expiry_warning: 7d}\n",
        )
    )
    first, second = accounts_of(loaded).values()
    assert (first.mode, second.mode) == (Mode.ADDITIVE, Mode.ENFORCE)
    assert first.owner == "us"
    assert loaded.desired.apps["payroll"].owner == "us"
    assert loaded.desired.expiry_warning_days == 7
    assert loaded.desired.tenants["contoso"].unmanaged is Unmanaged.REPORT
    assert loaded.desired.tenants["fabrikam"].unmanaged is Unmanaged.IGNORE


@pytest.mark.usefixtures("folder")
def test_an_owner_by_default_is_an_owner_for_an_open_account() -> None:
    accounts = "      hve-a@contoso.com: {mode: unrestricted, reason: r, expires: 2027-01-01}"
    loaded = load_text(config(accounts, more="defaults: {owner: us}\n"))
    assert the_account(loaded).owner == "us"


@pytest.mark.usefixtures("folder")
def test_an_application_may_be_given_by_name() -> None:
    loaded = load_text(config(apps="  x: {name: Payroll Mailer}"))
    assert loaded.desired.apps["x"].ref == ByName("Payroll Mailer")


@pytest.mark.usefixtures("folder")
def test_half_a_limit_leaves_the_other_half_as_it_is() -> None:
    loaded = load_text(config(more="limits: {grants_removed: {max: 3}}\n"))
    assert loaded.desired.limits == Limits(grants_removed=Bound(3, 30, at(10, 10)))


@pytest.mark.usefixtures("folder")
def test_what_looks_like_yaml_1_1_stays_text() -> None:
    loaded = load_text(
        config(
            apps=f"  no: {{client_id: {ID.format(3)}, owner: on, reason: 1_000, ticket: 2026-11-02}}\nsets: {{y: [no]}}"
        )
    )
    app = loaded.desired.apps["no"]
    assert (app.owner, app.reason, app.ticket) == ("on", "1_000", "2026-11-02")


@pytest.mark.usefixtures("folder")
def test_aliases_may_repeat_a_list() -> None:
    loaded = load_text(
        config("      hve-a@contoso.com: {apps: &both [payroll, alerts]}\n      hve-b@contoso.com: {apps: *both}")
    )
    first, second = accounts_of(loaded).values()
    assert [grant.app for grant in first.grants] == [grant.app for grant in second.grants]


# Dates that are past


@pytest.mark.usefixtures("folder")
def test_what_is_past_is_a_warning_from_the_day_after(example: str) -> None:
    assert load_text(example, today=date(2026, 12, 15)).warnings == ()
    [waiver] = load_text(example, today=date(2026, 12, 16)).warnings
    assert waiver.headline == (
        "hve.yaml:35:81: CFG011 policy.waivers[0].expires: 2026-12-15 is past: the waiver no longer holds"
    )
    later = load_text(example, today=date(2027, 7, 1))
    assert [warning.headline for warning in later.warnings] == [
        "hve.yaml:18:14: CFG011 apps.payroll-mailer.expires: 2027-06-30 is past: "
        "plans propose to take it off its lists, except as the last one",
        "hve.yaml:25:14: CFG011 apps.old-scanner.expires: 2026-12-31 is past: "
        "plans propose to take it off its lists, except as the last one",
        "hve.yaml:35:81: CFG011 policy.waivers[0].expires: 2026-12-15 is past: the waiver no longer holds",
        "hve.yaml:44:108: CFG011 tenants.contoso.accounts.hve-legacy@contoso.com.expires: 2026-12-31 is past: "
        "`check` reports the account until the entry changes",
    ]
    assert later.desired.tenants["contoso"].accounts[Address("hve-legacy@contoso.com")].mode is Mode.UNRESTRICTED


@pytest.mark.usefixtures("folder")
def test_one_application_under_two_names_is_a_warning() -> None:
    [warning] = load_text(config(apps=f"  salaries: {{client_id: {ID.format(1)}}}")).warnings
    assert warning.headline == (
        "hve.yaml:5:3: CFG012 apps.salaries: the same application as 'payroll', at hve.yaml:3:3"
    )


# Several files

APPS = f"version: 1\napps: {{payroll: {{client_id: {ID.format(1)}}}}}\n"
TENANT = "version: 1\ntenants: {{{0}: {{accounts: {{hve@{0}.com: {{apps: [payroll]}}}}}}}}\n"


@pytest.mark.usefixtures("folder")
def test_includes_are_read_in_order_and_relative_to_their_file() -> None:
    files = {
        "hve.yaml": APPS + "include: [tenants/*.yaml]\n",
        "tenants/b.yaml": TENANT.format("b"),
        "tenants/a.yaml": TENANT.format("a") + "include: more/c.yaml\n",
        "tenants/more/c.yaml": TENANT.format("c"),
    }
    write(files)
    desired = load([Path("hve.yaml")], today=TODAY).desired
    order = ("hve.yaml", "tenants/a.yaml", "tenants/more/c.yaml", "tenants/b.yaml")
    assert desired.files == order
    assert desired.sha256 == hashlib.sha256("".join(files[name] for name in order).encode()).hexdigest()
    assert list(desired.tenants) == ["a", "c", "b"]
    assert desired.tenants["c"].source == at(2, 11, "tenants/more/c.yaml")


@pytest.mark.usefixtures("folder")
def test_several_files_are_one_configuration() -> None:
    write({"apps.yaml": APPS, "a.yaml": TENANT.format("a"), "b.yaml": TENANT.format("b")})
    desired = load([Path("a.yaml"), Path("b.yaml"), Path("apps.yaml"), Path("a.yaml")], today=TODAY).desired
    assert list(desired.tenants) == ["a", "b"]
    assert desired.files == ("a.yaml", "b.yaml", "apps.yaml")


def lines_for(*names: str) -> list[str]:
    with pytest.raises(InvalidConfiguration) as caught:
        load([Path(name) for name in names], today=TODAY)
    return [problem.headline for problem in caught.value.found]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("second", "line"),
    [
        (TENANT.format("a"), "b.yaml:2:11: CFG002 tenants.a: 'a' is defined twice; first at a.yaml:2:11"),
        (APPS, "b.yaml:2:8: CFG002 apps.payroll: 'payroll' is defined twice; first at apps.yaml:2:8"),
        (
            "version: 1\ndefaults: {mode: enforce}\n",
            "b.yaml:2:1: CFG002 defaults: defaults is given in two files; first at a.yaml:3:1",
        ),
    ],
)
def test_a_definition_stands_in_one_file_only(second: str, line: str) -> None:
    write({"apps.yaml": APPS, "a.yaml": TENANT.format("a") + "defaults: {owner: us}\n", "b.yaml": second})
    assert lines_for("apps.yaml", "a.yaml", "b.yaml") == [line]


@pytest.mark.usefixtures("folder")
def test_files_that_include_each_other_are_refused() -> None:
    write({"a.yaml": APPS + "include: b.yaml\n", "b.yaml": TENANT.format("b") + "include: a.yaml\n"})
    assert lines_for("a.yaml") == [
        "b.yaml:3:10: CFG013 include: 'a.yaml' includes itself, directly or through other files"
    ]


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_not_there_is_a_problem_with_its_name() -> None:
    assert lines_for("hve.yaml") == ["hve.yaml:1:1: CFG013 the file cannot be read: No such file or directory"]


@pytest.mark.usefixtures("folder")
def test_problems_of_all_files_come_together_and_names_of_an_unreadable_file_are_not_missed() -> None:
    write({"apps.yaml": "version: 1\napps: [\n", "a.yaml": TENANT.format("a") + "colour: red\n"})
    first, second = lines_for("apps.yaml", "a.yaml")
    assert first.startswith("apps.yaml:3:1: CFG001 ")
    assert second.startswith("a.yaml:3:1: CFG003 colour: unknown key")


# Whatever is in the file


KEYS = """
version apps sets tenants accounts selectors policy waivers include defaults limits client_id object_id mode match use
unrestricted expires reason owner require rules forbidden_apps 1 2027-06-30 a@b.com payroll ~ no 1e999 [ ] { } : , - *
& ! | > # ' \" << ? %
"""
WORDS = st.sampled_from([*KEYS.split(), ID.format(1), ": ", "- ", "\n", "\n  ", "\n    ", " ", "\t", "\x00", "\ufeff"])


@pytest.mark.usefixtures("folder")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.lists(WORDS, max_size=40).map("".join))
def test_no_text_does_anything_but_load_or_be_refused(text: str) -> None:
    Path("hve.yaml").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    try:
        load([Path("hve.yaml")], today=TODAY)
    except ConfigError as error:
        assert len(error.problems) > 0


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["payroll", "a@b.com", "no"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "version: {}",
    "version: 1\napps: {}",
    "version: 1\napps: {{x: {}}}",
    "version: 1\napps: {{x: {{client_id: {}}}}}",
    "version: 1\nsets: {{x: {}}}",
    "version: 1\nlimits: {{accounts_changed: {{max: {}, percent: {}}}}}",
    "version: 1\npolicy: {{rules: {{HVE101: {{options: {}}}}}, require: {}}}",
    "version: 1\npolicy: {{waivers: [{}], forbidden_apps: {}}}",
    "version: 1\ntenants: {{t: {}}}",
    "version: 1\ntenants: {{t: {{accounts: {{a@b.com: {}}}, selectors: [{}]}}}}",
    "version: 1\ntenants: {{t: {{accounts: {{a@b.com: {{apps: {}, expires: {}}}}}}}}}",
]


@pytest.mark.usefixtures("folder")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), _json, _json)
def test_no_value_in_any_place_does_anything_but_load_or_be_refused(place: str, first: object, second: object) -> None:
    text = place.format(json.dumps(first), json.dumps(second))
    Path("hve.yaml").write_text(text, encoding="utf-8")
    try:
        load([Path("hve.yaml")], today=TODAY)
    except ConfigError as error:
        assert all(line.startswith("hve.yaml:") for line in error.problems)
