"""What registering an application takes, what was done, and the same as commands for somebody else to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hveadmin.domain.ids import TenantId
from hveadmin.domain.registration import (
    Flow,
    Present,
    Proof,
    PublicCertificate,
    Registering,
    RegistrationPlan,
    StepKind,
    Wanted,
    sentence,
)
from hveadmin.domain.registration_commands import Commands
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import command, count, quoted, timestamp

KIND = "registration"
COLUMNS = ("tenant", "application", "step", "outcome", "what", "client_id", "object_id")


@dataclass(frozen=True, slots=True)
class Whose:
    """The tenant that a registration is in."""

    tenant: str
    tenant_id: TenantId


def planned(
    whose: Whose, plan: RegistrationPlan, commands: Sequence[Commands], accounts: Sequence[str] = (), unread: str = ""
) -> Report:
    """The steps, none of them done, and the same in PowerShell and Azure CLI. `unread`: why nothing could be read."""
    rows = (*_step_rows(plan, "to do"), *_warning_rows(plan.warnings), *_unread_rows(unread))
    section = Section(
        table=Table(COLUMNS, tuple(_table_rows(whose, plan, plan.present, "to do"))),
        heading=(_heading(whose, plan.wanted),),
        text=(*rows, *(Row(("to do", f"grant it on {each}"), "step", 2) for each in accounts)),
        closing=tuple(_command_rows(commands)) or (Row(("Nothing is to be done.",)),),
        told=("tenant", "application"),
    )
    lists: dict[str, Sequence[Item]] = {
        "registrations": [_registration_data(whose, plan, plan.present, plan.wanted.certificate, unread)],
        "steps": [_step_data(whose, plan, step, "to do") for step in plan.steps],
        "commands": [_commands_data(whose, each) for each in commands],
        **_nothing_of_accounts(),
    }
    return Report(KIND, lists, (section,))


def proposed(whose: Whose, plan: RegistrationPlan) -> tuple[Row, ...]:
    """The steps before somebody says yes to them."""
    return (_heading(whose, plan.wanted), *_step_rows(plan, "to do"), *_warning_rows(plan.warnings))


def registered(whose: Whose, done: Registering, accounts: Sequence[Report] = ()) -> Report:
    """What was done, and the ids to use from now on; then what became of the accounts' lists (reports of apply)."""
    plan, present = done.plan, done.present
    late = [f"the directory does not show yet: {sentence(each, plan.wanted)}" for each in done.not_shown]
    blind = [f"it could not be read back: {done.unread}"] if done.unread else []
    notes = [*plan.warnings, *late, *blind]
    section = Section(
        table=Table(COLUMNS, tuple(_table_rows(whose, plan, present, "done"))),
        heading=(_heading(whose, plan.wanted),),
        text=(*_step_rows(plan, "done"), *_id_rows(done), *_warning_rows(notes)),
        closing=tuple(_closing(plan, present, granted=bool(accounts))),
        told=("tenant", "application"),
    )
    lists: dict[str, Sequence[Item]] = {
        "registrations": [_registration_data(whose, plan, present, done.certificate, done.unread)],
        "steps": [
            {**_step_data(whose, plan, step, "done"), "shown": None if done.unread else step not in done.not_shown}
            for step in plan.steps
        ],
        "commands": [],
        **_nothing_of_accounts(),
    }
    for report in accounts:
        for name in _nothing_of_accounts():
            lists[name] = [*lists[name], *report.lists.get(name, ())]
    return Report(KIND, lists, (section, *(_as_ours(each) for report in accounts for each in report.sections)))


def _as_ours(section: Section) -> Section:
    """An account's section among ours: the same text, its rows in our columns."""
    columns = section.table.columns

    def cell(row: Sequence[Cell], name: str) -> Cell:
        return row[columns.index(name)]

    rows = tuple(
        (cell(row, "tenant"), "", "grant", cell(row, "outcome"), cell(row, "account"), "", "")
        for row in section.table.rows
    )
    return Section(Table(COLUMNS, rows), section.heading, section.text, section.closing, ("tenant", "application"))


def _heading(whose: Whose, wanted: Wanted) -> Row:
    flow = "sends by itself" if wanted.flow is Flow.APPLICATION else "sends as the HVE account that signs in"
    # Without a configuration the tenant is called by its id, and once is enough.
    ids = () if whose.tenant == whose.tenant_id.value else (whose.tenant_id.value,)
    return Row((Span(whose.tenant, Tone.STRONG), *ids, Span(quoted(wanted.name), Tone.STRONG), flow))


def _step_rows(plan: RegistrationPlan, outcome: str) -> Iterator[Row]:
    tone = Tone.ADDED if outcome == "done" else Tone.STRONG
    for step in plan.steps:
        yield Row((Span(outcome, tone), sentence(step, plan.wanted)), "step", 2)


def _id_rows(done: Registering) -> Iterator[Row]:
    there, principal, wanted = done.present.registration, done.present.principal, done.plan.wanted
    if there is not None:
        yield Row(("client id", there.client_id.value, "what the application signs in with"), "id", 2)
    if principal is not None:
        yield Row(("object id", principal.object_id.value, "what an account's list holds"), "id", 2)
    if wanted.proof is not Proof.NOTHING:
        ends = f"good until {done.certificate.ends:%Y-%m-%d}" if done.certificate is not None else ""
        yield Row((wanted.proof.value, wanted.kept_in, ends), "id", 2)


def _warning_rows(warnings: Sequence[str]) -> Iterator[Row]:
    for each in warnings:
        yield Row((Span("note", Tone.WARNING), each), "step", 2)


def _unread_rows(unread: str) -> Iterator[Row]:
    if unread:
        yield Row((Span("note", Tone.WARNING), f"what is there could not be read: {unread}"), "step", 2)
        yield Row(("", "so these are the steps from nothing; look first whether it is there"), "step", 2)


def _closing(plan: RegistrationPlan, present: Present, *, granted: bool) -> Iterator[Row]:
    if not plan.steps:
        yield Row(("The registration is as it should be: nothing was to be done.",))
    else:
        yield Row((f"{count(len(plan.steps), 'step')} done.",))
    if present.principal is not None and not granted:
        object_id = present.principal.object_id.value
        yield Row((f"To let it send: {command('hveadmin', 'account', 'grant')} ACCOUNT {object_id}",))


def _command_rows(all_commands: Sequence[Commands]) -> Iterator[Row]:
    """Two scripts. Two cells a row, because a line of one cell may be wrapped, and a wrapped command is another one."""
    if not all_commands:
        return
    yield Row((Span("The same in Microsoft Graph PowerShell", Tone.STRONG),))
    for each in all_commands:
        for line in each.powershell:
            yield Row(("", line))
    yield Row()
    yield Row((Span("The same with the Azure CLI, in a POSIX shell", Tone.STRONG),))
    for each in all_commands:
        for line in each.azure_cli:
            yield Row(("", line))


def _table_rows(whose: Whose, plan: RegistrationPlan, present: Present, outcome: str) -> Iterator[tuple[Cell, ...]]:
    ids = (_client_id(present), _object_id(present))
    for step in plan.steps:
        yield (whose.tenant, plan.wanted.name, step.value, outcome, sentence(step, plan.wanted), *ids)
    if not plan.steps:
        yield (whose.tenant, plan.wanted.name, "", "nothing to do", "", *ids)


def _client_id(present: Present) -> str | None:
    return present.registration.client_id.value if present.registration is not None else None


def _object_id(present: Present) -> str | None:
    return present.principal.object_id.value if present.principal is not None else None


def _registration_data(
    whose: Whose, plan: RegistrationPlan, present: Present, certificate: PublicCertificate | None, unread: str
) -> Item:
    wanted = plan.wanted
    return {
        "tenant": whose.tenant,
        "tenant_id": whose.tenant_id.value,
        "application": wanted.name,
        "flow": wanted.flow.value,
        "client_id": _client_id(present),
        "object_id": _object_id(present),
        "registration_id": present.registration.object_id.value if present.registration is not None else None,
        "credential": wanted.proof.value,
        "kept_in": wanted.kept_in or None,
        "certificate_ends": timestamp(certificate.ends) if certificate is not None else None,
        "nothing_to_do": not plan.steps,
        "warnings": list(plan.warnings),
        "unread": unread or None,
    }


def _step_data(whose: Whose, plan: RegistrationPlan, step: StepKind, outcome: str) -> dict[str, object]:
    return {
        "tenant": whose.tenant,
        "tenant_id": whose.tenant_id.value,
        "step": step.value,
        "outcome": outcome,
        "shown": None,
        "sentence": sentence(step, plan.wanted),
    }


def _commands_data(whose: Whose, each: Commands) -> Item:
    return {
        "tenant": whose.tenant,
        "tenant_id": whose.tenant_id.value,
        "step": each.step,
        "powershell": list(each.powershell),
        "azure_cli": list(each.azure_cli),
    }


def _nothing_of_accounts() -> dict[str, Sequence[Item]]:
    return {"accounts": [], "unknown": [], "refused": []}
