"""
The exposure: who can send as whom, and what of that should make somebody look twice.

Open accounts come first of what was read: as one of those, any application may send. For each account it says in one
sentence what is left to chance: applications that nobody explains, and a password that goes past the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hveadmin.domain.audit import AuditedAccount, AuditedApp, AuditedGrant, AuditedTenant, Standing, Trait
from hveadmin.domain.desired import Mode
from hveadmin.domain.facts import NOT_ASKED, BasicAuth
from hveadmin.domain.tenant import CEILING, Unknown, Unreadable
from hveadmin.report.allowed import allowed_data, is_open, state
from hveadmin.report.audit import (
    Audit,
    accounts,
    drawn,
    part_data,
    remark,
    report_of,
    short_of,
    titled,
    unread_section,
    whose,
)
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count

KIND = "report-exposure"
TITLE = "Exposure: who can send as whom"
COLUMNS = ("tenant", "account", "state", "listed", "unused", "to_look_at", "password", "owner", "residual_risk")
APP_COLUMNS = ("tenant", "application", "object_id", "accounts", "may_send", "to_look_at", "owner", "on")

_CONCERNS: dict[Trait, str] = {
    Trait.FORBIDDEN: "forbidden",
    Trait.UNEXPLAINED: "unexplained",
    Trait.FOREIGN: "of another tenant",
    Trait.NO_SENDER: "no sender at all",
    Trait.DISABLED: "disabled",
    Trait.CANNOT_SEND: "without the right or a credential to send",
    Trait.NOT_CHECKED: "not checked",
}
"""How an application on a list is spoken of, the worst first."""


def exposure_report(audit: Audit) -> Report:
    """Every account of every tenant that was asked for, and every application on their lists."""
    sections = [*unread_section(audit, COLUMNS, "state")]
    for tenant in audit.tenants:
        sections += [*_accounts(tenant), _apps(tenant), drawn(tenant, COLUMNS)]
    return report_of(
        audit,
        kind=KIND,
        title=TITLE,
        sections=sections,
        summary=_summary(audit),
        lists={
            "accounts": [_account_data(tenant, each) for tenant in audit.tenants for each in tenant.accounts],
            "applications": [_app_data(tenant, each) for tenant in audit.tenants for each in tenant.apps],
        },
    )


def _summary(audit: Audit) -> Iterator[Row]:
    every = [each for tenant in audit.tenants for each in tenant.accounts]
    apps = [each for tenant in audit.tenants for each in tenant.apps]
    passwords = sum(each.basic_auth is BasicAuth.ALLOWED for each in every)
    unknown = sum(isinstance(each.basic_auth, Unknown | Unreadable) for each in every)
    doubt = f", of {unknown} that is not known" if unknown else ""
    yield Row((f"Past the list: the password of {count(passwords, 'account')} works for SMTP{doubt}.",))
    counted = [
        f"{number} {word}"
        for trait, word in _CONCERNS.items()
        if (number := sum(trait in each.traits for each in apps))
    ]
    yield Row((f"{count(len(apps), 'application')} on the lists: {', '.join(counted) or 'nothing against any'}.",))
    room = [each.unused for each in every if each.unused is not None]
    yield Row((f"Unused: {sum(room)} of {len(room) * CEILING} places on the lists that are known.",))


# Accounts


def _accounts(tenant: AuditedTenant) -> Iterator[Section]:
    if tenant.unknown:
        title = f"{tenant.alias}: accounts whose list could not be read"
        yield _section(tenant, tenant.unknown, titled(title, accounts(tenant.unknown)))
    title = f"{tenant.alias}: open accounts"
    if tenant.opened:
        yield _section(tenant, tenant.opened, titled(title, accounts(tenant.opened)))
    else:
        doubt = f"; of {count(len(tenant.unknown), 'account')} nobody knows" if tenant.unknown else ""
        none = (Row((f"No account is known to be open{doubt}.",), indent=2),)
        yield Section(Table(COLUMNS), titled(title), none)
    if tenant.restricted:
        yield _section(
            tenant, tenant.restricted, titled(f"{tenant.alias}: restricted accounts", accounts(tenant.restricted))
        )


def _section(tenant: AuditedTenant, chosen: Sequence[AuditedAccount], heading: tuple[Row, ...]) -> Section:
    return Section(
        table=Table(COLUMNS, tuple(_row(tenant, each) for each in chosen)),
        heading=heading,
        text=tuple(row for each in chosen for row in _text(each)),
        told=("tenant",),
        wide=True,
        beneath=(("owner", "account"), ("unused", "listed")),
    )


def _row(tenant: AuditedTenant, account: AuditedAccount) -> tuple[Cell, ...]:
    known = not account.unread
    return (
        tenant.alias,
        account.address.value,
        state(account.account.allowed),
        len(account.grants) if known else "UNKNOWN",
        account.unused if account.unused is not None else "UNKNOWN",
        Span(concerns(account), Tone.WARNING),
        password(account),
        account.word.owner,
        residual_risk(account),
    )


def _text(account: AuditedAccount) -> Iterator[Row]:
    used = "UNKNOWN" if account.unread else f"{len(account.grants)} of {CEILING}"
    address = Span(account.address.value, Tone.STRONG)
    yield Row((address, used, state(account.account.allowed), account.word.owner), "account", 2)
    yield Row((f"{residual_risk(account)}.",), indent=6)


def concerns(account: AuditedAccount) -> str:
    """What is to be looked at of the applications on a list: `1 forbidden, 2 unknown`."""
    if account.unread:
        return "UNKNOWN"
    traits = [frozenset(grant.app.traits) for grant in account.grants]
    counted = ((sum(trait in each for each in traits), word) for trait, word in _CONCERNS.items())
    return ", ".join(f"{number} {word}" for number, word in counted if number)


def password(account: AuditedAccount) -> Span:
    """Whether the account's password goes past its list."""
    match account.basic_auth:
        case BasicAuth.ALLOWED:
            return Span("works, past the list", Tone.WARNING)
        case BasicAuth.BLOCKED:
            return Span("blocked")
        case Unknown(why):
            return Span(f"UNKNOWN: {why}", Tone.WARNING)
        case Unreadable(why):
            return Span("not asked" if account.basic_auth == NOT_ASKED else f"UNKNOWN: {why}", Tone.WARNING)


def residual_risk(account: AuditedAccount) -> str:
    """What is left to chance, in one sentence without its full stop."""
    besides = {
        BasicAuth.ALLOWED: "; whoever has its password may too, past the list",
        BasicAuth.BLOCKED: "",
    }.get(account.basic_auth, "; whether its password works past the list is not known")  # type: ignore[arg-type]
    return _by_list(account) + besides


def _by_list(account: AuditedAccount) -> str:
    if account.unread:
        return "Not known: its list could not be read, so any application may be on it, or all may send"
    if account.is_open:
        return f"Any application with a token for Exchange Online may send as it{_on_whose_word(account)}"
    able = [grant for grant in account.grants if not grant.app.cannot_send]
    unable = len(account.grants) - len(able)
    said = f"{count(len(able), 'application')} may send as it"
    if able and (worried := _worries(able)):
        said += f", of which {worried}"
    return said + (f"; {unable} on its list cannot send as things are" if unable else "")


def _on_whose_word(account: AuditedAccount) -> str:
    if account.mode is not Mode.UNRESTRICTED:
        return ", and nobody declared that"
    until = "" if account.word.expires is None else f" until {account.word.expires}"
    return f", as {account.word.owner or 'nobody'} declared{until}"


_WORRIES = (Trait.FORBIDDEN, Trait.UNEXPLAINED, Trait.FOREIGN, Trait.NOT_CHECKED)


_UNDECLARED = frozenset({Standing.NOT_HERE, Standing.ENDED, Standing.MUST_GO})


def _worries(grants: Sequence[AuditedGrant]) -> str:
    counted = [(sum(trait in each.app.traits for each in grants), _CONCERNS[trait]) for trait in _WORRIES]
    counted.append((sum(each.standing in _UNDECLARED for each in grants), "not declared for it"))
    return ", ".join(f"{number} {word}" for number, word in counted if number)


# Applications


def _apps(tenant: AuditedTenant) -> Section:
    """Those to look at first; then by how many accounts they may send as."""
    ordered = sorted(tenant.apps, key=lambda each: (_worst(each), -len(each.accounts)))
    heading = titled(f"{tenant.alias}: applications", f"{len(ordered)} on the lists")
    if not ordered:
        none = "No application is on a list that could be read."
        return Section(Table(APP_COLUMNS), heading, (Row((none,), indent=2),), markdown=none)
    besides = ""
    if tenant.opened:
        besides = f"Besides, any application may send as each open account; there {_are(len(tenant.opened))}."
    return Section(
        table=Table(APP_COLUMNS, tuple(_app_row(tenant, each) for each in ordered)),
        heading=heading,
        text=tuple(row for each in ordered for row in _app_text(each)),
        closing=(Row((besides,)),) if besides else (),
        told=("tenant",),
        wide=True,
        beneath=(("object_id", "application"), ("on", "accounts")),
    )


def _are(number: int) -> str:
    return "is 1" if number == 1 else f"are {number}"


def _worst(app: AuditedApp) -> int:
    return min((tuple(Trait).index(trait) for trait in app.traits), default=len(Trait))


def _app_row(tenant: AuditedTenant, app: AuditedApp) -> tuple[Cell, ...]:
    return (
        tenant.alias,
        short_of(app),
        app.id.value,
        len(app.accounts),
        may_send_words(app),
        Span(remark(app), Tone.WARNING),
        app.word.owner,
        ", ".join(each.value for each in app.accounts),
    )


def _app_text(app: AuditedApp) -> Iterator[Row]:
    on = count(len(app.accounts), "account")
    yield Row((Span(short_of(app), Tone.STRONG), app.id.short, on, may_send_words(app), app.word.owner), "app", 2)
    if app.traits:
        yield Row((Span(remark(app), Tone.WARNING),), indent=6)


def may_send_words(app: AuditedApp) -> Span:
    """Whether an application could send as things are, whatever list it is on."""
    if app.cannot_send:
        return Span("no", Tone.WARNING)
    if app.may_send is None:
        return Span("UNKNOWN", Tone.WARNING)
    return Span("yes")


# For programs


def _account_data(tenant: AuditedTenant, account: AuditedAccount) -> Item:
    basic = account.basic_auth
    return {
        **whose(tenant),
        "account": account.address.value,
        "guid": account.account.guid.value,
        "open": is_open(account.account.allowed),
        "allowed": allowed_data(account.account.allowed),
        "unused": account.unused,
        "basic_authentication": part_data(basic, basic.value if isinstance(basic, BasicAuth) else ""),
        "declared_open": account.mode is Mode.UNRESTRICTED if tenant.configured else None,
        "owner": account.word.owner or None,
        "traits": None if account.unread else _traits(account),
        "residual_risk": residual_risk(account),
    }


def _traits(account: AuditedAccount) -> Item:
    counted = {trait.value: sum(trait in each.app.traits for each in account.grants) for trait in Trait}
    return {trait: number for trait, number in counted.items() if number}


def _app_data(tenant: AuditedTenant, app: AuditedApp) -> Item:
    return {
        **whose(tenant),
        "object_id": app.id.value,
        "application": app.configured or None,
        "display_name": app.display_name or None,
        "accounts": [each.value for each in app.accounts],
        "may_send": False if app.cannot_send else app.may_send,
        "traits": [{"trait": trait.value, "says": said} for trait, said in app.traits.items()],
        "owner": app.word.owner or None,
    }
