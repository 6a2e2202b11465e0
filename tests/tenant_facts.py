"""Made-up facts of a tenant, for properties: any tenant that could be read, parts of it unreadable."""

from __future__ import annotations

from datetime import UTC, datetime

from builders import NOW, TENANT, address, app, client
from hypothesis import strategies as st

from hveadmin.domain.facts import BasicAuth, Billing, BillingStatus, TenantFacts
from hveadmin.domain.ids import ClientId, Guid, ObjectId, TenantId
from hveadmin.domain.permissions import (
    Api,
    Consent,
    MailPermission,
    Permission,
    PermissionKind,
    Registered,
    Unseen,
)
from hveadmin.domain.tenant import (
    Credential,
    CredentialKind,
    DeletedPrincipal,
    HveAccount,
    Identity,
    IdKind,
    Known,
    Readable,
    ServicePrincipal,
    TenantSnapshot,
    Unknown,
    Unreadable,
)

NUMBERS = st.integers(0, 30)
OBJECT_IDS: st.SearchStrategy[ObjectId] = NUMBERS.map(app)
GUIDS: st.SearchStrategy[Guid] = NUMBERS.map(lambda number: Guid(app(number).value))
CLIENT_IDS: st.SearchStrategy[ClientId] = NUMBERS.map(client)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Without lone surrogates: what is written with a question mark for them reads back as a question mark."""
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
UNKNOWN = st.builds(Unknown, TEXTS)
UNREADABLE = st.builds(Unreadable, TEXTS, TEXTS)
LISTS = st.frozensets(OBJECT_IDS, max_size=10).map(Known) | UNKNOWN
OWNER_TENANTS = st.none() | st.sampled_from([TENANT, TenantId("bbbbbbbb-0000-4000-8000-000000000001")])
PRINCIPALS = st.builds(
    ServicePrincipal,
    OBJECT_IDS,
    CLIENT_IDS,
    TEXTS,
    enabled=st.booleans(),
    owner_tenant=OWNER_TENANTS,
    publisher=TEXTS,
)
CREDENTIALS = st.lists(
    st.builds(Credential, st.sampled_from(CredentialKind), TEXTS, TEXTS, starts=TIMES, ends=st.none() | TIMES),
    max_size=3,
).map(tuple)
IDENTITIES = st.builds(
    Identity,
    GUIDS,
    st.sampled_from(IdKind),
    TEXTS,
    principal=st.none() | PRINCIPALS,
    client_id=st.none() | CLIENT_IDS,
    deleted_at=st.none() | TIMES,
    credentials=st.none() | CREDENTIALS,
    deleted_principal=st.none() | st.builds(DeletedPrincipal, OBJECT_IDS, st.none() | TIMES),
)
DIRECTORIES = UNREADABLE | st.builds(
    Readable,
    st.lists(IDENTITIES, max_size=5).map(lambda all_: {each.id: each for each in all_}),
    st.dictionaries(
        TEXTS,
        st.lists(PRINCIPALS, max_size=2, unique_by=lambda each: each.object_id).map(
            lambda all_: tuple(sorted(all_, key=lambda each: each.object_id))
        ),
        max_size=2,
    ),
)
PERMISSIONS = st.builds(Permission, st.sampled_from(Api), st.sampled_from(PermissionKind), TEXTS)
UNSEEN = st.builds(Unseen, TEXTS, TEXTS)
MAIL_PERMISSIONS = st.builds(
    MailPermission,
    PRINCIPALS,
    OBJECT_IDS,
    st.frozensets(PERMISSIONS, max_size=3) | UNSEEN,
    st.lists(
        st.builds(Consent, PERMISSIONS, st.none() | OBJECT_IDS.map(lambda each: Guid(each.value))), max_size=2
    ).map(tuple)
    | UNSEEN,
    st.none() | st.builds(Registered, st.frozensets(PERMISSIONS, max_size=3), CREDENTIALS),
)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[HveAccount, ...]:
    """Up to four accounts, ordered by address."""
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4))
    guids = {name: Guid(f"aaaaaaaa-0000-4000-8000-{ord(name):012d}") for name in names}
    return tuple(HveAccount(address(name), guids[name], draw(TEXTS), draw(LISTS)) for name in sorted(names))


@st.composite
def tenant_facts(draw: st.DrawFn) -> TenantFacts:
    """Anything that could have been read of a tenant."""
    found = draw(accounts())
    addresses = [each.address for each in found]
    billing = st.builds(Billing, st.sampled_from(BillingStatus).map(str), TEXTS) | UNKNOWN
    basic = st.sampled_from(BasicAuth) | UNKNOWN
    return TenantFacts(
        snapshot=TenantSnapshot(TENANT, draw(TIMES), found, draw(DIRECTORIES)),
        domain=draw(TEXTS),
        cloud=draw(st.sampled_from(["worldwide", "custom"])),
        read_by=draw(TEXTS),
        permissions=draw(
            UNREADABLE
            | st.lists(MAIL_PERMISSIONS, max_size=3).map(
                lambda all_: {each.application.object_id: each for each in all_}
            )
        ),
        credentials=draw(UNREADABLE | st.dictionaries(CLIENT_IDS, CREDENTIALS, max_size=3)),
        billing=draw(UNREADABLE | st.fixed_dictionaries(dict.fromkeys(addresses, billing))),
        basic_auth=draw(UNREADABLE | st.fixed_dictionaries(dict.fromkeys(addresses, basic))),
        owners=draw(UNREADABLE | st.dictionaries(TEXTS, st.booleans(), max_size=2)),
    )


def facts(*found: HveAccount, directory: Readable | Unreadable | None = None, **parts: object) -> TenantFacts:
    """A tenant with these accounts; every part that is not given was not asked for."""
    ordered = tuple(sorted(found, key=lambda each: each.address))
    snapshot = TenantSnapshot(TENANT, NOW, ordered, directory if directory is not None else Readable())
    return TenantFacts(snapshot, **parts)  # type: ignore[arg-type]
