"""
The applications: which stand on lists, as which accounts they may send, with what they sign in, and who answers for it.

What can be told of a secret or a certificate is its kind, its id and its end; nothing of what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hveadmin.domain.audit import CANNOT, AuditedApp, AuditedTenant, Trait
from hveadmin.domain.permissions import MailPermission, MailVerdict, is_good, judge, says
from hveadmin.domain.tenant import Credential, ServicePrincipal, Unreadable
from hveadmin.report.audit import Audit, day, remark, report_of, short_of, titled, unread_section, whose, word_data
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.identity import KIND_WORDS
from hveadmin.report.permissions import no_registration_here
from hveadmin.report.style import Tone
from hveadmin.report.words import count, timestamp

KIND = "report-apps"
TITLE = "Applications that may send through High Volume Email accounts"
COLUMNS = (
    "tenant",
    "application",
    "object_id",
    "client_id",
    "is",
    "accounts",
    "may_send",
    "credentials",
    "last_end",
    "owner",
    "reason",
    "ticket",
    "expires",
    "enabled",
    "publisher",
    "owner_tenant",
    "remarks",
)


def application_report(audit: Audit) -> Report:
    """Every application on the lists of every tenant that was asked for."""
    sections = [*unread_section(audit, COLUMNS, "may_send")]
    sections += [_section(tenant) for tenant in audit.tenants]
    return report_of(
        audit,
        kind=KIND,
        title=TITLE,
        sections=sections or [Section(Table(COLUMNS))],
        summary=_summary(audit),
        lists={"applications": [_data(tenant, each) for tenant in audit.tenants for each in tenant.apps]},
    )


def _summary(audit: Audit) -> Iterator[Row]:
    apps = [each for tenant in audit.tenants for each in tenant.apps]
    unable = sum(each.cannot_send for each in apps)
    unseen = sum(not each.cannot_send and each.may_send is None for each in apps)
    nobody = sum(not each.word.owner for each in apps)
    yield Row(
        (
            f"{count(len(apps), 'application')} on the lists: {unable} cannot send as things are, of {unseen} that is"
            f" UNKNOWN; {nobody} without a declared owner.",
        )
    )


def _section(tenant: AuditedTenant) -> Section:
    closing = []
    if tenant.opened:
        said = f"Besides, any application may send as {count(len(tenant.opened), 'account')} whose list is empty."
        closing.append(Row((Span(said, Tone.LOUD),)))
    if tenant.unknown:
        said = f"Of {count(len(tenant.unknown), 'account')} it is not known which applications are on the list."
        closing.append(Row((Span(said, Tone.WARNING),)))
    heading = titled(f"{tenant.alias}: applications", f"{len(tenant.apps)} on the lists")
    none = (Row(("No application is on a list that could be read.",), indent=2),)
    return Section(
        table=Table(COLUMNS, tuple(_row(tenant, each) for each in tenant.apps)),
        heading=heading,
        text=tuple(row for each in tenant.apps for row in _text(tenant, each)) or none,
        closing=tuple(closing),
        told=("tenant",),
        wide=True,
        beneath=(
            ("object_id", "application"),
            ("client_id", "application"),
            ("enabled", "is"),
            ("publisher", "is"),
            ("owner_tenant", "is"),
            ("remarks", "may_send"),
            ("last_end", "credentials"),
            ("reason", "owner"),
            ("ticket", "owner"),
            ("expires", "owner"),
        ),
    )


def _row(tenant: AuditedTenant, app: AuditedApp) -> tuple[Cell, ...]:
    principal = _principal(app)
    return (
        tenant.alias,
        short_of(app),
        app.id.value,
        "" if principal is None else principal.client_id.value,
        _is(app),
        ", ".join(each.value for each in app.accounts),
        verdict(tenant, app),
        credential_words(app, tenant.facts.read_at),
        last_end(app),
        app.word.owner,
        app.word.reason,
        app.word.ticket,
        day(app.word),
        "" if principal is None else _enabled(principal),
        "" if principal is None else principal.publisher,
        "" if principal is None else _whose(principal, tenant),
        Span(remark(app), Tone.WARNING),
    )


def _principal(app: AuditedApp) -> ServicePrincipal | None:
    """The service principal of an id that is one's; a look-alike's is not what stands on the list."""
    return None if app.identity is None or Trait.NO_SENDER in app.traits else app.identity.principal


def _is(app: AuditedApp) -> Span:
    if app.identity is None:
        return Span("UNKNOWN", Tone.WARNING)
    return Span(KIND_WORDS[app.identity.kind], Tone.WARNING if Trait.NO_SENDER in app.traits else Tone.PLAIN)


def _enabled(principal: ServicePrincipal) -> Span:
    works = principal.enabled and not principal.disabled_by_microsoft
    return Span("enabled") if works else Span("DISABLED", Tone.WARNING)


def _whose(principal: ServicePrincipal, tenant: AuditedTenant) -> str:
    owner = principal.owner_tenant
    if owner is None:
        return "not known"
    return "this tenant" if owner == tenant.facts.tenant_id else owner.value


def verdict(tenant: AuditedTenant, app: AuditedApp) -> Span:
    """Whether it could send as things are, and why."""
    unable = next((said for trait, said in app.traits.items() if trait in CANNOT), "")
    if unable:
        return Span(f"no: {unable.removeprefix('cannot send: ')}", Tone.WARNING)
    match app.permission:
        case Unreadable(why):
            return Span(f"UNKNOWN: {why}", Tone.WARNING)
        case MailPermission() as seen:
            return _by_permission(judge(seen, tenant.facts.tenant_id), app.may_send)
        case None:
            return Span("UNKNOWN: not checked", Tone.WARNING)


_YES = {
    MailVerdict.GRANTED: "yes, by itself",
    MailVerdict.DELEGATED: "yes, for every user who signs in to it",
    MailVerdict.DELEGATED_FOR_SOME: "yes, for some users who sign in to it",
}


def _by_permission(found: MailVerdict, may_send: bool | None) -> Span:
    if may_send and found in _YES:
        return Span(_YES[found])
    return Span(f"{'UNKNOWN' if may_send is None else 'no'}: {says(found)}", Tone.WARNING)


def credential_words(app: AuditedApp, now: datetime) -> str:
    """What it signs in with: how many, and how many of them are good; never what they are."""
    match app.credentials:
        case Unreadable(why):
            return f"UNKNOWN: {why}"
        case None:
            principal = _principal(app)
            return "" if principal is None else no_registration_here(principal)
        case credentials if len(credentials) == 0:
            return "no secret and no certificate"
        case credentials:
            good = sum(is_good(each, now) for each in credentials)
            kinds = ", ".join(_how_many(credentials))
            return f"{kinds}; {good} good"


def _how_many(credentials: Sequence[Credential]) -> Iterator[str]:
    for kind in dict.fromkeys(each.kind for each in credentials):
        yield count(sum(each.kind is kind for each in credentials), kind.value)


def last_end(app: AuditedApp) -> str:
    """The day on which the last of its secrets and certificates ends; `no end` where one has none."""
    if app.credentials is None or isinstance(app.credentials, Unreadable) or len(app.credentials) == 0:
        return ""
    ends = [each.ends for each in app.credentials]
    last = max((end for end in ends if end is not None), default=None)
    return "no end" if last is None or None in ends else f"{last.astimezone(UTC):%Y-%m-%d}"


def _text(tenant: AuditedTenant, app: AuditedApp) -> Iterator[Row]:
    yield Row((Span(short_of(app), Tone.STRONG), app.id.value, _is(app), app.word.owner), "app", 2)
    for what, said in (
        ("may send", verdict(tenant, app)),
        ("signs in with", _ends(app, tenant.facts.read_at)),
        ("on the lists of", ", ".join(each.value for each in app.accounts)),
        ("why", "; ".join(filter(None, (app.word.reason, app.word.ticket, _until(app))))),
        ("to look at", Span(remark(app), Tone.WARNING) if app.traits else ""),
    ):
        if said != "":
            yield Row((what, said), "facts", 6)


def _ends(app: AuditedApp, now: datetime) -> str:
    last = last_end(app)
    return credential_words(app, now) + (f"; the last ends {last}" if last and last != "no end" else "")


def _until(app: AuditedApp) -> str:
    return f"until {app.word.expires}" if app.word.expires else ""


# For programs


def _data(tenant: AuditedTenant, app: AuditedApp) -> Item:
    principal, seen = _principal(app), app.permission
    owner = None if principal is None else principal.owner_tenant
    return {
        **whose(tenant),
        "object_id": app.id.value,
        "application": app.configured or None,
        "display_name": app.display_name or None,
        "kind": None if app.identity is None else app.identity.kind.value,
        "client_id": None if principal is None else principal.client_id.value,
        "enabled": None if principal is None else principal.enabled,
        "publisher": None if principal is None else principal.publisher or None,
        "owner_tenant": None if owner is None else owner.value,
        "accounts": [each.value for each in app.accounts],
        "may_send": False if app.cannot_send else app.may_send,
        "permission": judge(seen, tenant.facts.tenant_id).value if isinstance(seen, MailPermission) else None,
        "credentials": _credentials_data(app, tenant.facts.read_at),
        **word_data(app.word),
        "traits": [{"trait": trait.value, "says": said} for trait, said in app.traits.items()],
    }


def _credentials_data(app: AuditedApp, now: datetime) -> list[Item] | None:
    """Null where the registration was not read, or is elsewhere. Without a secret's first characters."""
    if app.credentials is None or isinstance(app.credentials, Unreadable):
        return None
    return [
        {
            "kind": each.kind.value,
            "key_id": each.key_id,
            "display_name": each.display_name,
            "starts": None if each.starts is None else timestamp(each.starts),
            "ends": None if each.ends is None else timestamp(each.ends),
            "valid": is_good(each, now),
        }
        for each in app.credentials
    ]
