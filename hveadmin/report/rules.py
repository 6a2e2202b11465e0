"""
The policy rules: a table of all of them, and the page of each.

A page is the docstring of the rule's module. It is ours, so as Markdown it is written as it stands; docs/rules/ holds
what `rules explain ID -o md` writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hveadmin.domain.desired import RuleSetting
from hveadmin.policy.engine import AnyRule, ConfigRule, Option, TenantRule, WaiverRule
from hveadmin.report.document import Cell, Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import count

KIND = "rules"
COLUMNS = ("rule", "severity", "looks_at", "since", "configured", "title")
PAGE_COLUMNS = ("rule", "severity", "looks_at", "since", "title", "fix", "page")

Settings = Mapping[str, RuleSetting]


def rule_list(rules: Sequence[AnyRule], settings: Settings | None) -> Report:
    """Every rule; `settings` is what the configuration says of some of them, None where there is none."""
    rows = tuple(
        (rule.id, rule.severity.value, looks_at(rule), rule.since, _configured(rule, settings or {}), rule.title)
        for rule in rules
    )
    section = Section(
        table=Table(COLUMNS, rows),
        closing=(Row((f"{count(len(rules), 'rule')}.",)),),
        told=() if settings else ("configured",),
    )
    return Report(KIND, {"rules": [_data(rule, settings or {}) for rule in rules]}, (section,))


def rule_pages(rules: Sequence[AnyRule], settings: Settings | None) -> Report:
    """The page of each of these rules."""
    sections = tuple(_page(rule, settings or {}) for rule in rules)
    return Report("rule-pages", {"rules": [_page_data(rule, settings or {}) for rule in rules]}, sections)


def looks_at(rule: AnyRule) -> str:
    """What a rule is about."""
    match rule:
        case ConfigRule():
            return "configuration"
        case TenantRule():
            return "tenant"
        case WaiverRule():
            return "waivers"


def _configured(rule: AnyRule, settings: Settings) -> str:
    setting = settings.get(rule.id)
    if setting is None:
        return ""
    if not setting.enabled:
        return "off"
    options = (f"{name}: {value}" for name, value in setting.options.items())
    return ", ".join(filter(None, (setting.severity, *options)))


def _data(rule: AnyRule, settings: Settings) -> Item:
    setting = settings.get(rule.id)
    return {
        "id": rule.id,
        "title": rule.title,
        "severity": rule.severity.value,
        "severity_configured": (setting.severity or None) if setting is not None else None,
        "enabled": setting.enabled if setting is not None else True,
        "looks_at": looks_at(rule),
        "since": rule.since,
        "fix": rule.fix,
        "references": list(rule.references),
        "options": [_option_data(option) for option in rule.options],
    }


def _option_data(option: Option[object]) -> Item:
    return {"name": option.name, "default": _default(option), "expected": option.expected, "about": option.about}


def _default(option: Option[object]) -> str:
    match option.default:
        case bool(value):
            return str(value).lower()
        case None | frozenset():
            return "none"
        case value:
            return f"{value}d" if option.expected.startswith("a number of days") else str(value)


def _page_data(rule: AnyRule, settings: Settings) -> Item:
    return {**_data(rule, settings), "page": _body(rule)}


def _body(rule: AnyRule) -> str:
    """The page without its first line, which is the title."""
    return rule.page.strip().partition("\n")[2].strip()


def _page(rule: AnyRule, settings: Settings) -> Section:
    configured = _configured(rule, settings)
    facts: tuple[Cell, ...] = (Span(rule.id, Tone.STRONG), rule.severity.value, looks_at(rule), f"since {rule.since}")
    row = (rule.id, rule.severity.value, looks_at(rule), rule.since, rule.title, rule.fix, _body(rule))
    return Section(
        table=Table(PAGE_COLUMNS, (row,)),
        heading=(Row((*facts, f"configured: {configured}") if configured else facts), Row((rule.title,))),
        text=tuple(_text(rule)),
        closing=tuple(_closing(rule)),
        title=f"{rule.id}: {rule.title}",
        markdown=markdown_page(rule),
    )


def _text(rule: AnyRule) -> Iterator[Row]:
    """Paragraphs, each one line for a terminal of any width; what is indented keeps its lines."""
    paragraphs = re.split(r"\n{2,}", _body(rule))
    for number, paragraph in enumerate(paragraphs):
        if number > 0:
            yield Row()
        if paragraph.startswith("    "):
            yield from (Row((line.strip(),), "", 4) for line in paragraph.splitlines())
        else:
            yield Row((" ".join(paragraph.split()),))


def _closing(rule: AnyRule) -> Iterator[Row]:
    for option in rule.options:
        yield Row((f"option {option.name}", f"{option.about} {_expected(option)}"), "option")
    yield Row(("fix", rule.fix), "option")
    for reference in rule.references:
        yield Row(("see", reference), "option")


def _expected(option: Option[object]) -> str:
    return f"Default {_default(option)}; {option.expected}."


def markdown_page(rule: AnyRule) -> str:
    """The page as Markdown, for docs/rules/ and for `-o md`. Without a line end."""
    blocks = [
        f"# {rule.id}: {rule.title}",
        f"Severity {rule.severity.value}. Looks at the {looks_at(rule)}. Since version {rule.since}.",
        _body(rule),
        *_markdown_options(rule),
        f"To mend it: {_code(rule.fix)}",
        *([f"See also: {', '.join(map(_link, rule.references))}."] if rule.references else []),
    ]
    return "\n\n".join(blocks)


def _markdown_options(rule: AnyRule) -> Iterable[str]:
    if not rule.options:
        return
    rows = (
        f"| `{option.name}` | {_default(option)} | {option.about} Written as {option.expected}. |"
        for option in rule.options
    )
    yield f"## Options, under `policy.rules.{rule.id}.options`"
    yield "\n".join(("| option | default | meaning |", "|---|---|---|", *rows))


def _code(fix: str) -> str:
    return f"`{fix}`" if fix.startswith("hveadmin ") else f"{fix}."


def _link(reference: str) -> str:
    if reference.startswith("docs/"):
        name = reference.removeprefix("docs/")
        return f"[{name.removesuffix('.md')}](../{name})"
    return f"<{reference}>"
