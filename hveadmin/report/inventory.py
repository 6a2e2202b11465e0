"""
The inventory: every account, who may send as it, on whose word, until when, and since when that is known.

Accounts whose list could not be read come first, then the open ones, then the rest. A row stands for one application
on one account's list; an account that is open, or unknown, has a row as well, so that no format shows it as nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hveadmin.domain.audit import AuditedAccount, AuditedApp, AuditedGrant, AuditedTenant, Standing, Trait
from hveadmin.domain.desired import Mode
from hveadmin.report.allowed import allowed_data, is_open, state, used
from hveadmin.report.audit import (
    Audit,
    accepted,
    accounts,
    day,
    drawn,
    report_of,
    short_of,
    since_words,
    standing_words,
    titled,
    unread_section,
    whose,
    word_data,
)
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.identity import KIND_WORDS
from hveadmin.report.style import Tone
from hveadmin.report.words import count, source_data, timestamp

KIND = "report-inventory"
TITLE = "Inventory of High Volume Email accounts"
COLUMNS = (
    "tenant",
    "account",
    "state",
    "application",
    "object_id",
    "standing",
    "owner",
    "reason",
    "ticket",
    "expires",
    "since",
    "remarks",
    "declared",
)


def inventory_report(audit: Audit) -> Report:
    """Every account of every tenant that was asked for."""
    sections = [*unread_section(audit, COLUMNS, "state")]
    for tenant in audit.tenants:
        sections += [*_unknown(tenant), _opened(tenant), _restricted(tenant), drawn(tenant, COLUMNS)]
    return report_of(
        audit,
        kind=KIND,
        title=TITLE,
        sections=sections,
        lists={
            "accounts": [_account_data(tenant, each) for tenant in audit.tenants for each in tenant.accounts],
            "grants": [
                _grant_data(tenant, account, each)
                for tenant in audit.tenants
                for account in tenant.accounts
                for each in account.grants
            ],
            "applications": [_app_data(tenant, each) for tenant in audit.tenants for each in tenant.apps],
        },
    )


def _unknown(tenant: AuditedTenant) -> Iterator[Section]:
    if tenant.unknown:
        heading = titled(f"{tenant.alias}: accounts whose list could not be read", accounts(tenant.unknown))
        yield _section(tenant, tenant.unknown, heading)


def _opened(tenant: AuditedTenant) -> Section:
    heading = titled(f"{tenant.alias}: open accounts", accounts(tenant.opened))
    if tenant.opened:
        return _section(tenant, tenant.opened, heading)
    doubt = f"; of {count(len(tenant.unknown), 'account')} nobody knows" if tenant.unknown else ""
    return Section(Table(COLUMNS), heading, (Row((f"No account is known to be open{doubt}.",), indent=2),))


def _restricted(tenant: AuditedTenant) -> Section:
    heading = titled(f"{tenant.alias}: restricted accounts", accounts(tenant.restricted))
    if tenant.restricted:
        return _section(tenant, tenant.restricted, heading)
    return Section(Table(COLUMNS), heading, (Row(("No account is known to be restricted.",), indent=2),))


def _section(tenant: AuditedTenant, chosen: Sequence[AuditedAccount], heading: tuple[Row, ...]) -> Section:
    return Section(
        table=Table(COLUMNS, tuple(row for each in chosen for row in _rows(tenant, each))),
        heading=heading,
        text=tuple(row for each in chosen for row in _text(each)),
        told=("tenant",),
        wide=True,
        heads=("account", "state", "declared"),
        beneath=(("object_id", "application"), ("since", "standing"), ("expires", "owner"), ("ticket", "reason")),
    )


# For people


def _rows(tenant: AuditedTenant, account: AuditedAccount) -> Iterator[tuple[Cell, ...]]:
    first = (tenant.alias, account.address.value)
    if account.is_open or account.unread:
        word = account.word
        yield (
            *first,
            state(account.account.allowed),
            "",
            "",
            "",
            word.owner,
            word.reason,
            word.ticket,
            day(word),
            "",
            "",
            _declared(account),
        )
        return
    for grant in account.grants:
        word = grant.word
        yield (
            *first,
            used(account.account.allowed),
            short_of(grant.app),
            grant.app.id.value,
            standing_words(grant.standing),
            word.owner,
            word.reason,
            word.ticket,
            day(word),
            since_words(grant.since),
            Span(_beside(grant), Tone.WARNING),
            _declared(account),
        )


def _declared(account: AuditedAccount) -> str:
    """What is promised of the account, and where: `enforce, hve.yaml:52`."""
    return "no entry" if account.mode is None else f"{account.mode}, {account.origin}"


def _text(account: AuditedAccount) -> Iterator[Row]:
    who = state(account.account.allowed)
    size = used(account.account.allowed) if account.unused is not None else ""
    address = Span(account.address.value, Tone.STRONG)
    yield Row((address, size, who, _declared(account), account.word.owner), "account", 2)
    if account.is_open:
        yield Row((accepted(account),), indent=6)
    for grant in account.grants:
        yield Row(tuple(_grant_cells(grant)), "grant", 4)
        if _beside(grant):
            yield Row((Span(_beside(grant), Tone.WARNING),), indent=8)
    if account.missing:
        yield Row((Span(f"declared, and not on the list: {', '.join(account.missing)}", Tone.WARNING),), indent=4)


def _beside(grant: AuditedGrant) -> str:
    """What else is to be known of an application; that nobody explains it, its standing says."""
    return "; ".join(said for trait, said in grant.app.traits.items() if trait is not Trait.UNEXPLAINED)


def _grant_cells(grant: AuditedGrant) -> Iterator[Cell]:
    word = grant.word
    yield short_of(grant.app)
    yield grant.app.id.short
    yield standing_words(grant.standing)
    yield word.owner
    yield "; ".join(filter(None, (word.reason, word.ticket, f"until {word.expires}" if word.expires else "")))
    yield f"since: {since_words(grant.since)}"


# For programs


def _account_data(tenant: AuditedTenant, account: AuditedAccount) -> Item:
    return {
        **whose(tenant),
        "account": account.address.value,
        "guid": account.account.guid.value,
        "display_name": account.account.display_name,
        "open": is_open(account.account.allowed),
        "allowed": allowed_data(account.account.allowed),
        "mode": None if account.mode is None else account.mode.value,
        "origin": account.origin or None,
        "declared_open": account.mode is Mode.UNRESTRICTED if tenant.configured else None,
        **word_data(account.word),
        "missing": list(account.missing),
    }


def _grant_data(tenant: AuditedTenant, account: AuditedAccount, grant: AuditedGrant) -> Item:
    since = grant.since
    return {
        **whose(tenant),
        "account": account.address.value,
        "guid": account.account.guid.value,
        "object_id": grant.app.id.value,
        "application": grant.app.configured or None,
        "display_name": grant.app.display_name or None,
        "standing": grant.standing.value,
        "declared": grant.standing is Standing.DECLARED,
        "traits": [each.value for each in grant.app.traits],
        **word_data(grant.word),
        "since": None
        if since is None
        else {"at": timestamp(since.at), "how": since.how.value, "plan_id": since.plan_id or None},
    }


def _app_data(tenant: AuditedTenant, app: AuditedApp) -> Item:
    principal = None if app.identity is None else app.identity.principal
    return {
        **whose(tenant),
        "object_id": app.id.value,
        "application": app.configured or None,
        "display_name": app.display_name or None,
        "kind": None if app.identity is None else app.identity.kind.value,
        "is": None if app.identity is None else KIND_WORDS[app.identity.kind],
        "client_id": None if principal is None else principal.client_id.value,
        "accounts": [each.value for each in app.accounts],
        "traits": [{"trait": trait.value, "says": said} for trait, said in app.traits.items()],
        "source": source_data(app.word.source),
    }
