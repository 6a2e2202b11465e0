"""Whether an application may send, and what it signs in with: in words and in the machine form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hveadmin.domain.ids import Guid, TenantId
from hveadmin.domain.permissions import (
    SOON,
    Consent,
    CredentialVerdict,
    MailPermission,
    MailVerdict,
    Permission,
    Unseen,
    is_good,
    judge,
    judge_credentials,
    may_send,
    next_step,
    says,
)
from hveadmin.domain.tenant import Credential, CredentialKind, HveAccount, Identity, ServicePrincipal
from hveadmin.report.document import Row, Span
from hveadmin.report.style import Tone
from hveadmin.report.words import count, quoted, timestamp

_IN_FORCE = (MailVerdict.GRANTED, MailVerdict.DELEGATED, MailVerdict.DELEGATED_FOR_SOME)
_COLUMNS = "permissions"


# Mail.Send


def permission_rows(seen: MailPermission, tenant_id: TenantId, accounts: Sequence[HveAccount]) -> Iterator[Row]:
    """The verdict, what it rests on, and what to do."""
    verdict = judge(seen, tenant_id)
    yield Row((Span(f"{sentence(verdict)}.", Tone.PLAIN if verdict in _IN_FORCE else Tone.WARNING),), indent=2)
    if verdict is not MailVerdict.GRANTED and isinstance(seen.consented, Unseen):
        yield Row((Span(f"{_unseen(seen.consented)}.", Tone.WARNING),), indent=2)
    for label, words in (
        ("requested", _requested(seen)),
        ("granted", _listed(seen.granted)),
        ("consented", _consents(seen.consented, accounts)),
    ):
        yield Row((label, words), _COLUMNS, indent=4)
    yield from step_rows(verdict, seen)


def step_rows(verdict: MailVerdict, seen: MailPermission | None, without: Identity | None = None) -> Iterator[Row]:
    """What to do about a verdict."""
    step = next_step(verdict, seen, without)
    if step is None:
        return
    if step.portal:
        yield Row((f"Next: {step.portal}.",), indent=4)
    if step.command:
        yield Row((f"{'Or' if step.portal else 'Next'}: {step.command}",), indent=4)


def sentence(verdict: MailVerdict) -> str:
    """The verdict as the beginning of a line."""
    words = says(verdict)
    return words[0].upper() + words[1:]


def _unseen(what: Unseen) -> str:
    would = f": the permission {what.permission} would show it" if what.permission else ""
    return f"{what.why[0].upper()}{what.why[1:]}{would}"


def _requested(seen: MailPermission) -> str:
    if seen.registration is None:
        return "not known: the application is not registered in this tenant"
    return _listed(seen.registration.requested)


def _listed(permissions: Collection[Permission] | Unseen) -> str:
    if isinstance(permissions, Unseen):
        return f"UNKNOWN: {permissions.why}"
    return ", ".join(str(each) for each in sorted(permissions)) or "nothing about mail"


def _consents(consents: Sequence[Consent] | Unseen, accounts: Sequence[HveAccount]) -> str:
    if isinstance(consents, Unseen):
        return f"UNKNOWN: {consents.why}"
    return ", ".join(f"{each.permission} {_for_whom(each.user, accounts)}" for each in consents) or "nothing about mail"


def _for_whom(user: Guid | None, accounts: Sequence[HveAccount]) -> str:
    if user is None:
        return "for every user"
    account = _account_of(user, accounts)
    return f"for user {user}, no HVE account" if account is None else f"for {account}"


def _account_of(user: Guid, accounts: Sequence[HveAccount]) -> str | None:
    """The HVE account that is this user: its guid is the user's id in the directory."""
    return next((each.address.value for each in accounts if each.guid.value == user.value), None)


def permission_data(seen: MailPermission, tenant_id: TenantId, accounts: Sequence[HveAccount]) -> dict[str, object]:
    """The machine form. What could not be seen is null, and `unseen` says so."""
    verdict = judge(seen, tenant_id)
    registered = seen.registration
    return {
        **verdict_data(verdict, seen),
        "may_send": may_send(verdict, seen.consented),
        "requested": None if registered is None else _permissions_data(registered.requested),
        "granted": None if isinstance(seen.granted, Unseen) else _permissions_data(seen.granted),
        "consented": None
        if isinstance(seen.consented, Unseen)
        else [_consent_data(each, accounts) for each in seen.consented],
        "unseen": [
            {"what": name, "why": each.why, "permission": each.permission}
            for name, each in (("granted", seen.granted), ("consented", seen.consented))
            if isinstance(each, Unseen)
        ],
    }


def verdict_data(
    verdict: MailVerdict, seen: MailPermission | None, without: Identity | None = None
) -> dict[str, object]:
    """A verdict with its sentence and what to do about it."""
    step = next_step(verdict, seen, without)
    return {
        "verdict": verdict.value,
        "says": says(verdict),
        "next": None if step is None else {"portal": step.portal, "command": step.command},
    }


def _permissions_data(permissions: Iterable[Permission]) -> list[dict[str, str]]:
    return [{"api": each.api.value, "kind": each.kind.value, "name": each.name} for each in sorted(permissions)]


def _consent_data(consent: Consent, accounts: Sequence[HveAccount]) -> dict[str, object]:
    permission = consent.permission
    user = consent.user
    return {
        "api": permission.api.value,
        "name": permission.name,
        "for_everybody": user is None,
        "user": None if user is None else user.value,
        "account": None if user is None else _account_of(user, accounts),
    }


# What it signs in with

_KINDS: Mapping[CredentialKind, str] = {CredentialKind.SECRET: "secret", CredentialKind.CERTIFICATE: "certificate"}


def credential_sentence(credentials: Sequence[Credential] | None, now: datetime, unread: str = "") -> str:
    """All of them together, without the full stop; `unread` is why they are not known."""
    match judge_credentials(credentials, now):
        case CredentialVerdict.UNSEEN:
            return f"Its secrets and certificates are not known: {unread}"
        case CredentialVerdict.NONE:
            return "It has no secret and no certificate; federated credentials were not looked at"
        case CredentialVerdict.EXPIRED:
            return f"It cannot sign in with {_how_many(credentials)}: none is valid now; {_last(credentials, now)}"
        case CredentialVerdict.EXPIRES_SOON:
            return f"It signs in with {_how_many(credentials)}, but soon no more: {_last(credentials, now)}"
        case CredentialVerdict.GOOD:
            return f"It signs in with {_how_many(credentials)}; {_last(credentials, now)}"


def no_registration_here(principal: ServicePrincipal | None) -> str:
    """Why nothing is known of the credentials of an application that is not registered in this tenant."""
    if principal is not None and principal.principal_type == "ManagedIdentity":
        return "a managed identity's are Azure's own, which renews them"
    return "the application is not registered in this tenant"


def credential_tone(credentials: Sequence[Credential] | None, now: datetime) -> Tone:
    """Plain where nothing needs doing."""
    return (
        Tone.PLAIN
        if judge_credentials(credentials, now) in (CredentialVerdict.GOOD, CredentialVerdict.UNSEEN)
        else Tone.WARNING
    )


def _how_many(credentials: Sequence[Credential] | None) -> str:
    found = credentials or ()
    kinds = {kind: sum(each.kind is kind for each in found) for kind in CredentialKind}
    return " and ".join(count(number, _KINDS[kind]) for kind, number in kinds.items() if number)


def _last(credentials: Sequence[Credential] | None, now: datetime) -> str:
    ends = [each.ends for each in credentials or ()]
    if not ends or None in ends:
        return "one has no end"
    last = max(end for end in ends if end is not None)
    return f"the last one {'ends' if now < last else 'ended'} on {_day(last)}"


def credential_rows(credentials: Sequence[Credential] | None, now: datetime, *, only_ending: bool) -> Iterator[Row]:
    """One row each; `only_ending` leaves out those that are good for longer than `SOON`."""
    for each in credentials or ():
        state, tone = _state(each, now)
        if tone is Tone.WARNING or not only_ending:
            hint = f"{each.hint}…" if each.hint else each.key_id
            name = quoted(each.display_name) if each.display_name else ""
            yield Row((_KINDS[each.kind], hint, Span(state, tone), name), "credentials", indent=4)


def _state(credential: Credential, now: datetime) -> tuple[str, Tone]:
    if credential.starts is not None and now < credential.starts:
        return f"not valid before {_day(credential.starts)}", Tone.WARNING
    if credential.ends is None:
        return "has no end", Tone.PLAIN
    if not is_good(credential, now):
        return f"expired on {_day(credential.ends)}", Tone.WARNING
    left: timedelta = credential.ends - now
    if left <= SOON:
        return f"ends on {_day(credential.ends)}, in {count(left.days, 'day')}", Tone.WARNING
    return f"ends on {_day(credential.ends)}", Tone.PLAIN


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def credentials_data(credentials: Sequence[Credential] | None, now: datetime) -> list[dict[str, object]] | None:
    """The machine form; null where the registration was not read, or is elsewhere."""
    if credentials is None:
        return None
    return [
        {
            "kind": each.kind.value,
            "key_id": each.key_id,
            "display_name": each.display_name,
            "hint": each.hint,
            "starts": None if each.starts is None else timestamp(each.starts),
            "ends": None if each.ends is None else timestamp(each.ends),
            "valid": is_good(each, now),
        }
        for each in credentials
    ]
