"""
Saved plans: canonical JSON (RFC 8785), so that an approval can be bound to the bytes.

A plan file says everything a reviewer needs and everything `apply` needs, and nothing twice that could disagree: what
follows from the lists (opens, closes, how many) is computed again from them. No token and no secret is in it.

`read` trusts nothing. What it returns is a plan whose steps were replayed, whose fingerprints were computed again, and
whose bytes are exactly those that `write` makes of it. An edit that keeps all of this makes another plan with another
sha256; whoever approved bytes compares that (`apply --expect-sha256`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hveadmin.config.canonical import (
    AddressText,
    FileKind,
    GuidText,
    Instant,
    Part,
    Sha256,
    canonical,
    instant,
    mismatch,
    not_as_written,
    read_content,
    write_whole,
)
from hveadmin.config.nodes import path_text
from hveadmin.domain.desired import Bound, Limits, Mode, SourceSpan
from hveadmin.domain.ids import Address, Guid, ObjectId, TenantId
from hveadmin.domain.plan import Action, AppLine, Change, Direction, Plan, Step, Unplanned, fingerprint
from hveadmin.domain.tenant import CEILING
from hveadmin.errors import Refused, UsageError

FORMAT_VERSION = 1
KIND = "hveadmin.plan"

_KIND = FileKind(
    kind=KIND,
    noun="plan",
    format_version=FORMAT_VERSION,
    made_by="`hveadmin plan --out DIR` saves one plan file a tenant",
    if_edited="a plan is applied as it was made; make it again with `hveadmin plan --out DIR`",
    not_done="nothing was written",
)


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan and where it comes from."""

    plan: Plan
    plan_id: str
    """Up to 100 of A-Z a-z 0-9 . _ - after a letter or digit: it serves as a file name."""
    created_at: datetime
    """With its time zone."""
    tool_version: str
    config_files: tuple[str, ...] = ()
    config_sha256: str = ""
    """Empty where no configuration was used."""
    lock_sha256: str = ""
    """Over the lock file that pins applications; empty where there was none."""
    actor: str = ""
    ticket: str = ""
    reason: str = ""


def write(path: Path, planfile: PlanFile) -> str:
    """
    Write a plan file, readable by its owner only, and return the sha256 of its bytes in hexadecimal.

    The file appears whole or not at all, and replaces one that is there. Raises UsageError where the place cannot be
    written, and Refused where something in the plan looks like a secret.
    """
    document = _document(planfile)
    suspicious = sorted({where for where, text in _texts(document, ()) if _SECRET.search(text)})
    if suspicious:
        raise Refused(
            f"the plan was not saved: what is in {', '.join(suspicious)} looks like a secret",
            hint="a plan file is passed around; put no token, key or client secret into it",
        )
    data = canonical(document)
    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"the plan cannot be saved to {path}: {error.strerror}") from error
    return hashlib.sha256(data).hexdigest()


def read(path: Path) -> tuple[PlanFile, str]:
    """
    The plan in a file, and the sha256 of its bytes in hexadecimal.

    Raises UsageError for what is no plan file of this version, and Refused, with every objection, for a plan file
    that is not as it was written.
    """
    content, data = read_content(path, _KIND)
    try:
        shape = PlanDocument.model_validate(content)
        found: list[str] = []
    except ValidationError as error:
        found = [mismatch(each) for each in error.errors(include_url=False, include_input=False)]
    if found:
        raise not_as_written(path, _KIND, found)
    planfile = _from_document(shape)
    found = list(objections(planfile.plan))
    if not found and canonical(_document(planfile)) != data:
        found = ["its bytes are not those hveadmin wrote: it was edited by hand, or reformatted"]
    if found:
        raise not_as_written(path, _KIND, found)
    return planfile, hashlib.sha256(data).hexdigest()


def objections(plan: Plan) -> Iterator[str]:
    """Everything that no plan of ours can be, in sentences. Of each account only the first."""
    for change in plan.changes:
        objection = next(_against(change, plan.tenant_id), None)
        if objection is not None:
            yield f"{change.account}: {objection}"
    yield from _repeated([change.account.value for change in plan.changes], "is planned twice")
    yield from _repeated([change.guid.value for change in plan.changes], "is planned under two addresses")
    planned = {change.account for change in plan.changes}
    for unplanned in (*plan.unknown, *plan.refused):
        if unplanned.account in planned:
            yield f"{unplanned.account}: is planned, and said not to be planned"
    directions = [change.direction for change in plan.changes]
    after = plan.open_before + directions.count(Direction.OPENS) - directions.count(Direction.CLOSES)
    if plan.open_after != after:
        yield f"counts: {plan.open_after} open accounts afterwards; the changes make it {after}"
    if len(plan.changes) > plan.accounts_total:
        yield f"counts: {len(plan.changes)} accounts change, of {plan.accounts_total}"
    if plan.grants_removed > plan.grants_total:
        yield f"counts: {plan.grants_removed} applications are removed, of {plan.grants_total}"


def _repeated(values: Sequence[str], what: str) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield f"{value}: {what}"
        seen.add(value)


def _against(change: Change, tenant_id: TenantId) -> Iterator[str]:
    """What is wrong with one change, the first of it first."""
    if change.fingerprint != fingerprint(tenant_id, change.guid, change.before):
        yield "the fingerprint does not belong to this tenant, account and list"
    if change.before == change.target:
        yield "nothing would change"
    if len(change.target) > CEILING:
        yield f"{len(change.target)} applications afterwards; a list holds at most {CEILING}"
    yield from _against_steps(change)
    told = sorted((line.action.value, line.app) for line in change.lines)
    done = [(Action.GRANT.value, app) for app in change.granted] + [
        (Action.REVOKE.value, app) for app in change.revoked
    ]
    if told != sorted(done):
        yield "the lines that are shown are not the applications that change"


def _against_steps(change: Change) -> Iterator[str]:
    now = set(change.before)
    for number, step in enumerate(change.steps, 1):
        apps = set(step.apps)
        call = f"call {number}"
        if len(apps) == 0 or len(apps) != len(step.apps):
            yield f"{call} names no application, or one twice"
        if step.action is Action.GRANT:
            if apps & now:
                yield f"{call} grants what is on the list"
            if not apps <= change.target:
                yield f"{call} grants what is not wanted"
            now |= apps
        else:
            if not apps <= now:
                yield f"{call} revokes what is not on the list"
            if apps & change.target:
                yield f"{call} revokes what is wanted"
            now -= apps
        if len(now) > CEILING and step.action is Action.GRANT:
            yield f"{call} leaves {len(now)} applications; a list holds at most {CEILING}"
        if len(now) == 0 and len(change.target) > 0:
            yield f"{call} leaves the list empty, so that every application may send"
    if now != change.target:
        yield "the calls do not lead from the list before to the target"


# A client secret of Entra holds `Q~` after four characters [F: published secret scanners]; the others are a JSON Web
# Token, a private key, and an Authorization header.
_SECRET = re.compile(
    r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[\w~.-]{3}[0-9]Q~[\w~.-]{31,34}|\bBearer\s+[\w.~+/-]{20,}"
)
_WRITTEN_BY_TENANTS = frozenset({"label", "note"})
"""Display names; whoever chooses one must not be able to keep a plan from being saved."""


def _texts(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path_text(path), value
        case dict():
            for key, each in value.items():
                if key not in _WRITTEN_BY_TENANTS:
                    yield from _texts(each, (*path, key))
        case list():
            for number, each in enumerate(value):
                yield from _texts(each, (*path, number))
        case _:
            pass


# The document


_Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class SpanPart(Part):
    """Where something is written; line and column count from 1."""

    file: str
    line: Annotated[int, Field(ge=0, le=2**53 - 1)]
    column: Annotated[int, Field(ge=0, le=2**53 - 1)]


class StepPart(Part):
    """One call: these applications are granted or revoked together."""

    action: Literal["grant", "revoke"]
    apps: list[GuidText]
    """Service principal object ids."""


class LinePart(Part):
    """One application of a change, with what a reader needs to judge it."""

    action: Literal["grant", "revoke"]
    app: GuidText
    """Service principal object id."""
    label: str
    """The configuration's name, else the directory's display name, else empty."""
    owner: str
    ticket: str
    note: str
    """Why it goes, or what is remarkable about it."""


class AccountPart(Part):
    """One account's list, before and after, and the calls between, in their order."""

    address: AddressText
    guid: GuidText
    """What stays when the address changes."""
    mode: Literal["enforce", "additive", "absent", "observe", "unrestricted"]
    origin: str
    """What says so: a file and line, a selector, or the command line."""
    source: SpanPart | None
    before: list[GuidText]
    """The list as it was read, sorted. Empty means that every application may send."""
    fingerprint: Sha256
    """Over tenant, account and the list before: the plan fits only this list."""
    target: list[GuidText]
    """The list afterwards, sorted. Empty means that every application may send."""
    steps: list[StepPart]
    lines: list[LinePart]
    reason: str
    """Why an account is opened on purpose."""


class UnplannedPart(Part):
    """An account that is not planned, and why."""

    address: AddressText
    why: str
    origin: str


class BoundPart(Part):
    """A limit by count and by percent."""

    max: _Count
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
    source: SpanPart | None


class LimitsPart(Part):
    """The limits that held when the plan was made."""

    accounts_changed: BoundPart
    grants_removed: BoundPart
    accounts_opened: _Count
    accounts_opened_source: SpanPart | None


class CountsPart(Part):
    """What does not follow from the changes."""

    accounts_total: _Count
    grants_total: _Count
    """Applications on all known lists together, before."""
    as_declared: _Count
    observed: _Count
    open_before: _Count
    open_after: _Count


class ConfigurationPart(Part):
    """The configuration that the plan follows."""

    files: list[str]
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    """Over the bytes of the files; empty where no configuration was used."""


class ToolPart(Part):
    """What made the plan."""

    name: Literal["hveadmin"]
    version: str


class PlanDocument(Part):
    """A saved plan: what is to be done in one tenant."""

    kind: Literal["hveadmin.plan"]
    format_version: Literal[1]
    plan_id: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    tenant: str
    """The tenant's name in the configuration."""
    tenant_id: GuidText
    domain: str
    cloud: str
    created_at: Instant
    read_at: Instant
    """When the tenant was read."""
    tool: ToolPart
    configuration: ConfigurationPart
    lock_sha256: Sha256 | None
    """Over the file that pins applications; null where there is none."""
    actor: str
    """Who made the plan."""
    ticket: str
    reason: str
    limits: LimitsPart
    counts: CountsPart
    warnings: list[str]
    unknown: list[UnplannedPart]
    """Accounts that could not be read."""
    refused: list[UnplannedPart]
    """Accounts whose declared state must not be reached."""
    accounts: list[AccountPart]
    """The changes."""


# Plan to document


def _document(planfile: PlanFile) -> dict[str, Any]:
    plan = planfile.plan
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "plan_id": planfile.plan_id,
        "tenant": plan.tenant,
        "tenant_id": plan.tenant_id.value,
        "domain": plan.domain,
        "cloud": plan.cloud,
        "created_at": instant(planfile.created_at),
        "read_at": instant(plan.read_at),
        "tool": {"name": "hveadmin", "version": planfile.tool_version},
        "configuration": {"files": list(planfile.config_files), "sha256": planfile.config_sha256},
        "lock_sha256": planfile.lock_sha256 or None,
        "actor": planfile.actor,
        "ticket": planfile.ticket,
        "reason": planfile.reason,
        "limits": {
            "accounts_changed": _bound(plan.limits.accounts_changed),
            "grants_removed": _bound(plan.limits.grants_removed),
            "accounts_opened": plan.limits.accounts_opened,
            "accounts_opened_source": _span(plan.limits.accounts_opened_source),
        },
        "counts": {
            "accounts_total": plan.accounts_total,
            "grants_total": plan.grants_total,
            "as_declared": plan.as_declared,
            "observed": plan.observed,
            "open_before": plan.open_before,
            "open_after": plan.open_after,
        },
        "warnings": list(plan.warnings),
        "unknown": [_unplanned(each) for each in plan.unknown],
        "refused": [_unplanned(each) for each in plan.refused],
        "accounts": [_account(change) for change in plan.changes],
    }


def _account(change: Change) -> dict[str, Any]:
    return {
        "address": change.account.value,
        "guid": change.guid.value,
        "mode": change.mode.value,
        "origin": change.origin,
        "source": _span(change.source),
        "before": sorted(app.value for app in change.before),
        "fingerprint": change.fingerprint,
        "target": sorted(app.value for app in change.target),
        "steps": [{"action": step.action.value, "apps": [app.value for app in step.apps]} for step in change.steps],
        "lines": [
            {
                "action": line.action.value,
                "app": line.app.value,
                "label": line.label,
                "owner": line.owner,
                "ticket": line.ticket,
                "note": line.note,
            }
            for line in change.lines
        ],
        "reason": change.reason,
    }


def _unplanned(unplanned: Unplanned) -> dict[str, Any]:
    return {"address": unplanned.account.value, "why": unplanned.why, "origin": unplanned.origin}


def _bound(bound: Bound) -> dict[str, Any]:
    return {"max": bound.max, "percent": bound.percent, "source": _span(bound.source)}


def _span(span: SourceSpan | None) -> dict[str, Any] | None:
    return None if span is None else {"file": span.file, "line": span.line, "column": span.column}


# Document to plan


def _from_document(shape: PlanDocument) -> PlanFile:
    return PlanFile(
        plan=Plan(
            tenant=shape.tenant,
            tenant_id=TenantId(shape.tenant_id),
            domain=shape.domain,
            cloud=shape.cloud,
            read_at=datetime.fromisoformat(shape.read_at),
            changes=tuple(_to_change(each) for each in shape.accounts),
            as_declared=shape.counts.as_declared,
            observed=shape.counts.observed,
            unknown=tuple(_to_unplanned(each) for each in shape.unknown),
            refused=tuple(_to_unplanned(each) for each in shape.refused),
            warnings=tuple(shape.warnings),
            limits=Limits(
                _to_bound(shape.limits.accounts_changed),
                _to_bound(shape.limits.grants_removed),
                shape.limits.accounts_opened,
                _to_span(shape.limits.accounts_opened_source),
            ),
            accounts_total=shape.counts.accounts_total,
            grants_total=shape.counts.grants_total,
            open_before=shape.counts.open_before,
            open_after=shape.counts.open_after,
        ),
        plan_id=shape.plan_id,
        created_at=datetime.fromisoformat(shape.created_at),
        tool_version=shape.tool.version,
        config_files=tuple(shape.configuration.files),
        config_sha256=shape.configuration.sha256,
        lock_sha256=shape.lock_sha256 or "",
        actor=shape.actor,
        ticket=shape.ticket,
        reason=shape.reason,
    )


def _to_change(part: AccountPart) -> Change:
    return Change(
        account=Address(part.address),
        guid=Guid(part.guid),
        mode=Mode(part.mode),
        origin=part.origin,
        source=_to_span(part.source),
        before=frozenset(ObjectId(app) for app in part.before),
        target=frozenset(ObjectId(app) for app in part.target),
        steps=tuple(Step(Action(step.action), tuple(ObjectId(app) for app in step.apps)) for step in part.steps),
        fingerprint=part.fingerprint,
        lines=tuple(
            AppLine(Action(line.action), ObjectId(line.app), line.label, line.owner, line.ticket, line.note)
            for line in part.lines
        ),
        reason=part.reason,
    )


def _to_unplanned(part: UnplannedPart) -> Unplanned:
    return Unplanned(Address(part.address), part.why, part.origin)


def _to_bound(part: BoundPart) -> Bound:
    return Bound(part.max, part.percent, _to_span(part.source))


def _to_span(part: SpanPart | None) -> SourceSpan | None:
    return None if part is None else SourceSpan(part.file, part.line, part.column)
