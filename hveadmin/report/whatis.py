"""What an id or a name is: an answer in a sentence to everything that somebody pasted, in the order it was asked."""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.asked import AccountsUnread, AskedName, Explanation
from hveadmin.domain.ids import TenantId
from hveadmin.domain.tenant import Identity, ServicePrincipal, Unreadable
from hveadmin.report.answers import Answer, Listings, answer_data, answer_to, enabled, head_rows, listed_rows, listings
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table, unread_tenant
from hveadmin.report.identity import owner_words, principal_data, use_instead
from hveadmin.report.permissions import (
    credential_rows,
    credential_sentence,
    credential_tone,
    credentials_data,
    no_registration_here,
)
from hveadmin.report.style import Tone
from hveadmin.report.words import count, timestamp

KIND = "whatis"
COLUMNS = (
    "tenant", "asked", "application", "is", "use_instead", "client_id", "enabled", "owner_tenant", "publisher",
    "answer", "accounts",
)  # fmt: skip


def whatis(tenant: str, explained: Explanation) -> Report:
    """What each thing that somebody pasted is, in a sentence, in the order they were asked."""
    listed = listings(explained.accounts) if isinstance(explained.accounts, tuple) else None
    answers = [answer_to(each, explained.directory, explained.tenant_id) for each in explained.asked]
    section = Section(
        table=Table(COLUMNS, tuple(_answer_row(tenant, each, listed) for each in answers)),
        text=tuple(row for each in answers for row in _told(each, explained, listed)),
        closing=tuple(_not_read(explained)),
    )
    theirs = {"tenant": tenant, "tenant_id": explained.tenant_id.value}
    items: list[Item] = [
        {**theirs, "asked": str(each.asked), **answer_data(each, listed), **_whatis_data(each, explained)}
        for each in answers
    ]
    tenants = [_read_data(tenant, explained)]
    return Report(KIND, {"tenants": tenants, "answers": items, "unread_tenants": []}, (section,))


def unread(tenant: str, why: str) -> Report:
    """Nothing could be asked of this tenant."""
    return unread_tenant(KIND, COLUMNS, tenant, why)


def _told(answer: Answer, explained: Explanation, listed: Listings | None) -> Iterator[Row]:
    yield from head_rows(answer, explained.tenant_id)
    for each in answer.bearers or () if answer.identity is None else ():
        yield _bearer_row(each, explained.tenant_id, listed)
    identity = answer.identity
    if identity is not None and (answer.principal is not None or identity.credentials is not None):
        unread = _why_unread(identity, explained)
        words = credential_sentence(identity.credentials, explained.read_at, unread)
        yield Row((Span(f"{words}.", credential_tone(identity.credentials, explained.read_at)),), indent=2)
        yield from credential_rows(identity.credentials, explained.read_at, only_ending=True)
    if listed is not None:
        yield from listed_rows(answer, listed)


def _bearer_row(principal: ServicePrincipal, tenant_id: TenantId, listed: Listings | None) -> Row:
    on = () if listed is None else (f"on {count(len(listed.of(principal.object_id)), 'list')}",)
    ids = (principal.object_id.value, f"client id {principal.client_id}")
    return Row((*ids, enabled(principal), owner_words(principal, tenant_id), *on), "bearers", indent=2)


def _why_unread(identity: Identity, explained: Explanation) -> str:
    return explained.credentials_unread or no_registration_here(identity.principal)


def _not_read(explained: Explanation) -> Iterator[Row]:
    """What could not be read, once, whatever number of answers lack it."""
    if isinstance(explained.directory, Unreadable):
        said = f"Warning: the directory could not be read: {explained.directory.why}"
        yield Row((Span(said, Tone.WARNING),))
    if isinstance(explained.accounts, AccountsUnread):
        said = f"Warning: which HVE accounts list an id is not known: {explained.accounts.why}"
        yield Row((Span(said, Tone.WARNING),))


def _answer_row(tenant: str, answer: Answer, listed: Listings | None) -> tuple[Cell, ...]:
    identity, principal = answer.identity, answer.principal
    instead = use_instead(identity) if identity is not None else None
    if isinstance(answer.asked, AskedName) and principal is not None:
        instead = principal.object_id
    client = identity.client_id if identity is not None else None
    return (
        tenant,
        answer.shown,
        "" if identity is None else identity.display_name,
        answer.kind_words,
        "" if instead is None else instead.value,
        "" if client is None else client.value,
        "" if principal is None else enabled(principal),
        "" if principal is None or principal.owner_tenant is None else principal.owner_tenant.value,
        "" if principal is None else principal.publisher,
        answer.says,
        ", ".join(listed.of(answer.guid)) if listed is not None and answer.guid is not None else "",
    )


def _whatis_data(answer: Answer, explained: Explanation) -> Item:
    credentials = None if answer.identity is None else answer.identity.credentials
    return {
        "credentials": credentials_data(credentials, explained.read_at),
        "bearers": None if answer.bearers is None else [principal_data(each) for each in answer.bearers],
    }


def _read_data(tenant: str, explained: Explanation) -> Item:
    """What was read of the tenant. What could not be read is not what was not there."""
    directory: dict[str, str] = {"state": "readable"}
    if isinstance(explained.directory, Unreadable):
        directory = {"state": "unreadable", "why": explained.directory.why}
    accounts: dict[str, str] = {"state": "read" if explained.accounts is not None else "not asked for"}
    if isinstance(explained.accounts, AccountsUnread):
        accounts = {"state": "unreadable", "why": explained.accounts.why}
    return {
        "tenant": tenant,
        "tenant_id": explained.tenant_id.value,
        "read_at": timestamp(explained.read_at),
        "directory": directory,
        "accounts": accounts,
    }
