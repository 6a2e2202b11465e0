"""
Configuration files to the desired state, or to everything that is wrong with them at once.

    files ── sources ──> trees ── fitting ──> shapes ── here ──> DesiredState

Here is what no file can say of itself alone: names that are defined nowhere, lists that are too long once their sets
are expanded, two entries for one account, and what each mode asks for. Several files are one configuration: an
application, a set and a tenant are defined once among all of them, and so are defaults, limits and policy.

Dates. A date that cannot be read is an error. A date that is past is none, because a configuration must not stop
working overnight: an application past its end is taken off its lists by the next plan, an account that is open past
its end becomes a finding, and so does a waiver. Each is a warning here (`Loaded.warnings`). Applications past their
end do not count towards the ten.

A part that did not fit its shape was reported already. It still counts as defined, and what is said of it as a
whole (what is missing, what does not go together) is left out: that would only repeat the first problem.

One application may come to a list through several sets; it is one grant. Through `apps` and a set as well it is
refused (CFG012), because the two may differ in their end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hveadmin.config import nodes
from hveadmin.config.fitting import MOST_GUESSES
from hveadmin.config.model import (
    AccountShape,
    AppShape,
    BoundShape,
    Defaults,
    ForbiddenShape,
    GrantShape,
    LimitsShape,
    PolicyShape,
    RuleShape,
    SelectorShape,
    TenantShape,
    WaiverShape,
)
from hveadmin.config.nodes import Document, Entry, Node, Table, path_text
from hveadmin.config.problems import InvalidConfiguration, Problem, guess, in_order, shortened
from hveadmin.config.sources import Source, Sources, read_sources
from hveadmin.domain.desired import (
    AccountEntry,
    AppEntry,
    AppRef,
    Bound,
    ByClientId,
    ByName,
    ByObjectId,
    DesiredState,
    ForbiddenApp,
    Grant,
    Limits,
    Mode,
    Policy,
    RuleSetting,
    Selector,
    SourceSpan,
    TenantEntry,
    Unmanaged,
    Waiver,
)
from hveadmin.domain.ids import Address, TenantId
from hveadmin.domain.tenant import CEILING

if TYPE_CHECKING:
    from hveadmin.policy.engine import AnyRule

S = TypeVar("S")

_EXPIRY_WARNING = 30
"""Days, where the configuration does not say."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what is remarkable about it all the same."""

    desired: DesiredState
    warnings: tuple[Problem, ...] = ()


def load(paths: Sequence[Path], *, today: date) -> Loaded:
    """
    Read a configuration from one or more files and all that they include.

    `today` decides which dates are past. Raises InvalidConfiguration (a ConfigError) with every problem of all files.
    Nothing but these files is read.
    """
    sources = read_sources(paths)
    builder = _Builder(sources, today)
    desired = builder.build()
    problems = in_order((*sources.problems, *builder.problems), sources.files)
    if problems:
        raise InvalidConfiguration(problems)
    return Loaded(desired, in_order(builder.warnings, sources.files))


def problems_by_itself(path: Path, *, today: date) -> tuple[Problem, ...]:
    """
    What is wrong with one file of a configuration, whatever other files it may go with.

    What it uses and does not define may be defined in another file, so that is no problem here. What is wrong in a
    file that it includes is that file's.
    """
    sources = read_sources([path])
    sources.complete = False
    builder = _Builder(sources, today)
    builder.build()
    found = in_order((*sources.problems, *builder.problems), sources.files)
    return tuple(each for each in found if each.span.file == str(path))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A part of the configuration with the place it was written at."""

    document: Document
    key: Node
    value: Node
    path: nodes.Path

    def at(self, *steps: str | int) -> _Placed:
        """What lies further inside; where there is nothing, as far as there is something."""
        here = self
        for step in steps:
            match here.value:
                case Table(entries=entries) if step in entries:
                    entry = entries[str(step)]
                    here = _Placed(self.document, entry.key, entry.value, (*here.path, step))
                case nodes.Sequence(items=items) if isinstance(step, int) and step < len(items):
                    here = _Placed(self.document, items[step], items[step], (*here.path, step))
                case _:
                    break
        return here

    @property
    def span(self) -> SourceSpan:
        return self.document.span(self.key)

    @property
    def damaged(self) -> bool:
        return not isinstance(self.value, nodes.Scalar) and self.value.damaged

    def problem(self, code: str, message: str, suggestion: str = "", *, of_key: bool = True) -> Problem:
        node = self.key if of_key else self.value
        return self.document.problem(code, node.line, node.column, path_text(self.path), message, suggestion)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An application that is to go on a list, and where that is said."""

    app: AppEntry
    place: _Placed
    item: GrantShape | None
    set_name: str = ""


class _Builder:
    """Builds the desired state from what fits, and collects what is wrong with it."""

    def __init__(self, sources: Sources, today: date) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._sources = sources
        self._today = today
        self._guesses = 0
        self._app_names: dict[str, _Placed] = {}
        self._set_names: dict[str, _Placed] = {}
        self._tenant_names: dict[str, _Placed] = {}
        self._apps: dict[str, AppEntry] = {}
        self._sets: dict[str, list[str]] = {}
        self._defaults = Defaults()
        self._require: Sequence[str] = ()

    def build(self) -> DesiredState:
        for section, names in (
            ("apps", self._app_names),
            ("sets", self._set_names),
            ("tenants", self._tenant_names),
        ):
            self._collect(section, names)
        self._defaults = self._only("defaults", (each.shape.defaults for each in self._read)) or Defaults()
        limits = self._only("limits", (each.shape.limits for each in self._read)) or LimitsShape()
        policy = self._only("policy", (each.shape.policy for each in self._read)) or PolicyShape()
        self._require = policy.require
        self._take_apps()
        self._take_sets()
        tenants = self._take_tenants()
        warn = self._defaults.expiry_warning
        return DesiredState(
            apps=self._apps,
            tenants=tenants,
            limits=self._limits(limits),
            policy=self._policy(policy),
            expiry_warning_days=_EXPIRY_WARNING if warn is None else warn,
            sha256=self._sources.digest,
            files=tuple(self._sources.files),
        )

    # What is defined, and where

    @property
    def _read(self) -> Sequence[Source]:
        return self._sources.read

    def _collect(self, section: str, names: dict[str, _Placed]) -> None:
        """Every name that a section defines in any file, also where what it names does not fit."""
        for source in self._read:
            for name, place in _inside(source.document, source.written, section):
                if name in names:
                    self.problems.append(
                        place.problem("002", f"{name!r} is defined twice; first at {_at(names[name])}")
                    )
                else:
                    names[name] = place

    def _only(self, section: str, shapes: Iterator[S | None]) -> S | None:
        """A section that one file only may have."""
        found: S | None = None
        for source, shape in zip(self._read, shapes, strict=True):
            if shape is not None and found is not None:
                place = _section(source, section)
                first = next(_section(each, section) for each in self._read if section in each.fitted.entries)
                self.problems.append(place.problem("002", f"{section} is given in two files; first at {_at(first)}"))
            elif shape is not None:
                found = shape
        return found

    def _place_of(self, section: str) -> _Placed | None:
        return next((_section(each, section) for each in self._read if section in each.fitted.entries), None)

    # Applications and sets

    def _take_apps(self) -> None:
        by_ref: dict[AppRef, str] = {}
        for source in self._read:
            for name, place in _inside(source.document, source.fitted, "apps"):
                if name in self._apps:
                    continue
                entry = self._app(name, source.shape.apps[name], place)
                if entry is None:
                    continue
                self._apps[name] = entry
                first = by_ref.setdefault(entry.ref, name)
                if first != name:
                    message = f"the same application as {first!r}, at {_at(self._app_names[first])}"
                    self.warnings.append(place.problem("012", message))

    def _app(self, name: str, shape: AppShape, place: _Placed) -> AppEntry | None:
        owner = shape.owner or self._defaults.owner or ""
        if not place.damaged:
            said = {"owner": owner, "reason": shape.reason, "ticket": shape.ticket, "expires": shape.expires}
            self._ask_for(self._require, said, place, "asked for by policy.require")
        self._warn_if_past(shape.expires, place, "plans propose to take it off its lists, except as the last one")
        ref = self._ref(shape, place)
        if ref is None:
            return None
        return AppEntry(name, ref, place.span, owner, shape.reason or "", shape.ticket or "", shape.expires)

    def _ref(self, shape: AppShape, place: _Placed) -> AppRef | None:
        given = [key for key in ("client_id", "object_id", "name") if getattr(shape, key) is not None]
        if shape.tenant is not None:
            self._known(shape.tenant, self._tenant_names, "tenant", place.at("tenant"))
        if place.damaged and len(given) != 1:
            return None
        if len(given) != 1:
            said = f"{' and '.join(given)} are given" if given else "none of them is given"
            message = f"an application has exactly one of client_id, object_id and name; {said}"
            self.problems.append(place.problem("003", message))
            return None
        if shape.object_id is not None and shape.tenant is None:
            if not place.damaged:
                message = "object_id needs tenant: an object id exists in one tenant only"
                self.problems.append(place.at("object_id").problem("003", message))
            return None
        if shape.object_id is None and shape.tenant is not None:
            message = f"tenant belongs to object_id only; {given[0]} is looked up in every tenant"
            self.problems.append(place.at("tenant").problem("003", message))
        if shape.client_id is not None:
            return ByClientId(shape.client_id)
        if shape.object_id is not None:
            return ByObjectId(shape.object_id, shape.tenant or "")
        return ByName(shape.name or "")

    def _take_sets(self) -> None:
        for source in self._read:
            for name, place in _inside(source.document, source.fitted, "sets"):
                if name not in self._sets:
                    self._sets[name] = self._set(source.shape.sets[name], place)

    def _set(self, names: list[str], place: _Placed) -> list[str]:
        kept: list[str] = []
        for number, name in enumerate(names):
            item = place.at(number)
            if not self._known_app(name, item):
                continue
            if name in kept:
                self.problems.append(item.problem("012", f"{name!r} is in this set twice"))
            else:
                kept.append(name)
        return kept

    # Tenants

    def _take_tenants(self) -> dict[str, TenantEntry]:
        tenants: dict[str, TenantEntry] = {}
        by_id: dict[TenantId, str] = {}
        for source in self._read:
            for alias, place in _inside(source.document, source.fitted, "tenants"):
                shape = source.shape.tenants[alias]
                if alias in tenants:
                    continue
                tenants[alias] = self._tenant(alias, shape, place)
                first = by_id.setdefault(shape.tenant_id, alias) if shape.tenant_id else alias
                if first != alias:
                    message = f"the same tenant as {first!r}, at {_at(self._tenant_names[first])}"
                    self.problems.append(place.at("tenant_id").problem("007", message, of_key=False))
        if self._sources.complete and not self._tenant_names and not self._sources.problems:
            file = self._read[0]
            message = "no tenant is defined, in this file or in those it includes; there would be nothing to do"
            self.problems.append(file.document.problem("003", file.written.line, file.written.column, "", message))
        return tenants

    def _tenant(self, alias: str, shape: TenantShape, place: _Placed) -> TenantEntry:
        accounts: dict[Address, AccountEntry] = {}
        places: dict[Address, _Placed] = {}
        for text, account in shape.accounts.items():
            here = place.at("accounts", text)
            address = Address.parse(text)
            entry = self._account(alias, account, here)
            if address in accounts:
                message = f"{address} has an entry already, at {_at(places[address])}; letter case does not count"
                self.problems.append(here.problem("007", message))
                continue
            accounts[address] = entry
            places[address] = here
        return TenantEntry(
            alias=alias,
            source=place.span,
            accounts=accounts,
            selectors=tuple(
                self._selector(alias, selector, place.at("selectors", number))
                for number, selector in enumerate(shape.selectors)
            ),
            tenant_id=shape.tenant_id,
            domain=shape.domain or "",
            profile=shape.profile or "",
            unmanaged=Unmanaged(shape.unmanaged_accounts or self._defaults.unmanaged_accounts),
        )

    def _selector(self, alias: str, shape: SelectorShape, place: _Placed) -> Selector:
        return Selector(shape.match, self._account(alias, shape, place), tuple(shape.except_ or ()))

    def _account(self, alias: str, shape: AccountShape, place: _Placed) -> AccountEntry:
        mode = Mode(shape.mode or self._defaults.mode)
        owner = shape.owner or self._defaults.owner or ""
        if not place.damaged:
            self._suits_mode(mode, shape, owner, place)
        if mode is Mode.UNRESTRICTED:
            self._warn_if_past(shape.expires, place, "`check` reports the account until the entry changes")
        return AccountEntry(
            mode=mode,
            grants=self._grants(alias, mode, shape, place),
            source=place.span,
            owner=owner,
            reason=shape.reason or "",
            ticket=shape.ticket or "",
            expires=shape.expires,
        )

    def _suits_mode(self, mode: Mode, shape: AccountShape, owner: str, place: _Placed) -> None:
        listed = shape.apps is not None or shape.use is not None
        if mode is Mode.UNRESTRICTED:
            if listed:
                key = "apps" if shape.apps is not None else "use"
                message = "mode unrestricted means an empty list, so it takes no applications; remove one of the two"
                self.problems.append(place.at(key).problem("003", message))
            said = {"reason": shape.reason, "owner": owner, "expires": shape.expires, "ticket": shape.ticket}
            asked = ["reason", "owner", "expires", *(["ticket"] if "ticket" in self._require else [])]
            self._ask_for(asked, said, place, "asked for by mode unrestricted")
            return
        if not listed and mode is not Mode.OBSERVE:
            message = f"mode {mode.value} needs apps or use: at least one application"
            self.problems.append(place.problem("003", message))
        if shape.expires is not None:
            message = (
                "an entry ends only with mode unrestricted; put expires on the application, {app: NAME, expires: …}"
            )
            self.problems.append(place.at("expires").problem("003", message))

    # What goes on a list

    def _grants(self, alias: str, mode: Mode, shape: AccountShape, place: _Placed) -> tuple[Grant, ...]:
        chosen: dict[str, _Candidate] = {}
        by_ref: dict[AppRef, str] = {}
        for candidate in self._candidates(shape, place):
            app = candidate.app
            objection = _repeats(candidate, chosen.get(app.name), by_ref.get(app.ref))
            if objection:
                self.problems.append(candidate.place.problem("012", objection))
            elif self._lives_in(alias, candidate) and app.name not in chosen:
                chosen[app.name] = candidate
                by_ref[app.ref] = app.name
        grants = tuple(_grant(candidate) for candidate in chosen.values())
        if mode is not Mode.ABSENT:
            self._fits_ceiling(grants, shape, place)
        return grants

    def _candidates(self, shape: AccountShape, place: _Placed) -> Iterator[_Candidate]:
        if shape.apps is not None:
            items = place.at("apps")
            for number, item in enumerate(shape.apps):
                here = items.at(number)
                self._warn_if_past(item.expires, here, "plans propose to take it off this list, except as the last one")
                if self._known_app(item.app, here) and item.app in self._apps:
                    yield _Candidate(self._apps[item.app], here, item)
        for number, name in enumerate(shape.use or ()):
            here = place.at("use", number)
            if self._known(name, self._set_names, "set", here):
                for app in self._sets.get(name, ()):
                    if app in self._apps:
                        yield _Candidate(self._apps[app], here, None, name)

    def _lives_in(self, alias: str, candidate: _Candidate) -> bool:
        ref = candidate.app.ref
        if not isinstance(ref, ByObjectId) or ref.tenant == alias or ref.tenant not in self._tenant_names:
            return True
        through = f" (in set {candidate.set_name!r})" if candidate.set_name else ""
        message = (
            f"{candidate.app.name!r}{through} is given by its object id in tenant {ref.tenant!r}, which does not "
            f"exist in {alias!r}; give it by client_id, which is the same in every tenant"
        )
        self.problems.append(candidate.place.problem("008", message))
        return False

    def _fits_ceiling(self, grants: Sequence[Grant], shape: AccountShape, place: _Placed) -> None:
        wanted = sum(1 for grant in grants if grant.expires is None or grant.expires >= self._today)
        if wanted > CEILING:
            sets = f" after its sets ({', '.join(shape.use)}) are expanded" if shape.use is not None else ""
            message = f"{wanted} applications{sets}; an account's list holds at most {CEILING}"
            self.problems.append(place.problem("006", message))

    # Limits and policy

    def _limits(self, shape: LimitsShape) -> Limits:
        place = self._place_of("limits")
        usual = Limits()
        if place is None:
            return usual
        return Limits(
            accounts_changed=_bound(shape.accounts_changed, usual.accounts_changed, place.at("accounts_changed")),
            grants_removed=_bound(shape.grants_removed, usual.grants_removed, place.at("grants_removed")),
            accounts_opened=shape.accounts_opened,
            accounts_opened_source=_span_of(place, "accounts_opened"),
        )

    def _policy(self, shape: PolicyShape) -> Policy:
        place = self._place_of("policy")
        if place is None:
            return Policy()
        forbidden = [
            self._forbidden(each, place.at("forbidden_apps", number))
            for number, each in enumerate(shape.forbidden_apps)
        ]
        return Policy(
            unknown_apps=shape.unknown_apps,
            forbidden_apps=tuple(each for each in forbidden if each is not None),
            require=tuple(dict.fromkeys(shape.require)),
            rules={rule: self._rule(rule, setting, place.at("rules", rule)) for rule, setting in shape.rules.items()},
            waivers=tuple(self._waiver(each, place.at("waivers", number)) for number, each in enumerate(shape.waivers)),
        )

    def _rule(self, rule_id: str, shape: RuleShape, place: _Placed) -> RuleSetting:
        rule = self._known_rule(rule_id, place, of_key=True)
        if rule is not None:
            for name, value in shape.options.items():
                self._option(rule, name, value, place.at("options", name))
        return RuleSetting(rule_id, place.span, shape.severity or "", shape.enabled, shape.options)

    def _known_rule(self, rule_id: str, place: _Placed, *, of_key: bool) -> AnyRule | None:
        """The rule of this id; an id that there is none of is a problem."""
        # Imported where a configuration names a rule: most commands need none of them.
        from hveadmin.policy.rules import ALL_RULES, RETIRED

        if rule_id in RETIRED:
            self.problems.append(place.problem("004", f"{rule_id} was retired: {RETIRED[rule_id]}", of_key=of_key))
            return None
        if rule_id not in ALL_RULES:
            message = f"there is no rule {rule_id}"
            self.problems.append(place.problem("004", message, guess(rule_id, ALL_RULES), of_key=of_key))
        return ALL_RULES.get(rule_id)

    def _option(self, rule: AnyRule, name: str, value: object, place: _Placed) -> None:
        known = {option.name: option for option in rule.options}
        option = known.get(name)
        if option is None:
            has = f"; it knows {', '.join(known)}" if known else "; it has none"
            message = f"{rule.id} has no option {shortened(name)!r}{has}"
            self.problems.append(place.problem("003", message, guess(name, known)))
            return
        try:
            option.read(value)
        except ValueError:
            self.problems.append(place.problem("003", f"{option.expected} is expected here", of_key=False))

    def _forbidden(self, shape: ForbiddenShape, place: _Placed) -> ForbiddenApp | None:
        one = shape.client_id if shape.object_id is None else shape.object_id
        both = shape.client_id is not None and shape.object_id is not None
        if one is not None and not both:
            return ForbiddenApp(one, place.span, shape.reason or "")
        if not place.damaged:
            message = "a forbidden application has exactly one of client_id and object_id"
            self.problems.append(place.problem("003", message))
        return None

    def _waiver(self, shape: WaiverShape, place: _Placed) -> Waiver:
        if shape.tenant is not None:
            self._known(shape.tenant, self._tenant_names, "tenant", place.at("tenant"))
        self._known_rule(shape.rule, place.at("rule"), of_key=False)
        self._warn_if_past(shape.expires, place, "the waiver no longer holds")
        return Waiver(
            rule=shape.rule,
            reason=shape.reason,
            owner=shape.owner,
            expires=shape.expires,
            source=place.span,
            tenant=shape.tenant or "",
            account=shape.account,
            app=shape.app,
            ticket=shape.ticket or "",
        )

    # What is asked of more than one part

    def _known_app(self, name: str, item: _Placed) -> bool:
        if name in self._app_names:
            return True
        place = item.at("app")
        if name in self._set_names:
            self.problems.append(place.problem("004", f"{name!r} is a set; write use: [{name}]", of_key=False))
            return False
        return self._known(name, self._app_names, "application", place)

    def _known(self, name: str, names: Collection[str], what: str, place: _Placed) -> bool:
        if name in names:
            return True
        if self._sources.complete:
            self._guesses += 1
            meant = guess(name, names) if self._guesses <= MOST_GUESSES else ""
            message = f"no {what} is called {name!r}"
            self.problems.append(place.problem("004", message, meant, of_key=False))
        return False

    def _ask_for(self, asked: Sequence[str], said: Mapping[str, object], place: _Placed, why: str) -> None:
        missing = [each for each in dict.fromkeys(asked) if not said[each]]
        if missing:
            self.problems.append(place.problem("010", f"{', '.join(missing)} missing; {why}"))

    def _warn_if_past(self, expires: date | None, place: _Placed, then: str) -> None:
        if expires is not None and expires < self._today:
            where = place.at("expires")
            self.warnings.append(where.problem("011", f"{expires} is past: {then}", of_key=False))


def _inside(document: Document, root: Table, section: str) -> Iterator[tuple[str, _Placed]]:
    entry = root.entries.get(section)
    if entry is not None and isinstance(entry.value, Table):
        for name, each in entry.value.entries.items():
            yield name, _Placed(document, each.key, each.value, (section, name))


def _section(source: Source, section: str) -> _Placed:
    entry: Entry = source.fitted.entries[section]
    return _Placed(source.document, entry.key, entry.value, (section,))


def _at(place: _Placed) -> str:
    return f"{place.document.file}:{place.key.line}:{place.key.column}"


def _span_of(place: _Placed, key: str) -> SourceSpan | None:
    there = isinstance(place.value, Table) and key in place.value.entries
    return place.at(key).span if there else None


def _bound(shape: BoundShape | None, usual: Bound, place: _Placed) -> Bound:
    if shape is None:
        return usual
    return Bound(
        usual.max if shape.max is None else shape.max,
        usual.percent if shape.percent is None else shape.percent,
        place.span,
    )


def _repeats(candidate: _Candidate, before: _Candidate | None, same: str | None) -> str:
    """Why an application is on the list already; empty if it is not, or only through another set."""
    name = candidate.app.name
    if before is not None and not candidate.set_name:
        return f"{name!r} is on this list twice"
    if before is not None and not before.set_name:
        return f"{name!r} is in set {candidate.set_name!r} and under apps as well; remove one of the two"
    if before is None and same is not None:
        return f"{name!r} is the same application as {same!r}, which is on this list already"
    return ""


def _grant(candidate: _Candidate) -> Grant:
    app, item = candidate.app, candidate.item
    if item is None:
        return Grant(app, candidate.place.span, app.owner, app.reason, app.ticket, app.expires)
    ends = [each for each in (item.expires, app.expires) if each is not None]
    return Grant(
        app=app,
        source=candidate.place.span,
        owner=item.owner or app.owner,
        reason=item.reason or app.reason,
        ticket=item.ticket or app.ticket,
        expires=min(ends, default=None),
    )
