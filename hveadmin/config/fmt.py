"""
The canonical form of a configuration file: text in, text out.

    keys           in one order: what it is, then owner, reason, ticket, expires; sections as in the documentation
    apps, sets, accounts, rules          by name
    the applications and sets of a list  by name; they are sets
    waivers        by rule, tenant, account, application
    tenants        as written: a run goes through them in this order
    selectors      as written: the first match wins; so are include and forbidden_apps
    ids, accounts  as they are compared: lower case, no braces or blanks around them

Layout is `yaml_text`, what a comment belongs to is `commented`. Aliases are kept; where an alias would come before
its anchor, the two change places.

`FILE` below is the grammar of the file once more, with what order each part has; a test holds it against the models.
Whatever is written was held against what was read first: the same data and the same comments, or nothing is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hveadmin.config.commented import (
    Alias,
    AnchorTwice,
    Group,
    Leaf,
    Node,
    Slot,
    comments_of,
    meant,
    read_commented,
)
from hveadmin.config.nodes import Plain, plain, read_document
from hveadmin.config.problems import InvalidConfiguration
from hveadmin.config.yaml_text import text_of
from hveadmin.domain.ids import Guid, NotAGuid
from hveadmin.errors import HveAdminError

Rank: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """Something that is left as it is."""


@dataclass(frozen=True, slots=True)
class Id:
    """A GUID."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account's address."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A mapping whose keys are known; they come in this order."""

    forms: Mapping[str, Form]


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping whose keys are names."""

    form: Form
    key: Form = field(default_factory=Value)
    sorted: bool = True


@dataclass(frozen=True, slots=True)
class Listed:
    """A list; `rank` is what its items are sorted by, None where their order means something."""

    form: Form
    rank: Callable[[Node], Rank] | None = None


Form: TypeAlias = Value | Id | Account | Keys | Named | Listed


def _name(node: Node) -> Rank:
    """A name, or the name that a mapping is about."""
    text = _text(node) or _text(_at(node, "app"))
    return text.casefold(), text


def _place_in_require(node: Node) -> Rank:
    text = _text(node)
    return (_WHY.index(text) if text in _WHY else len(_WHY),)


def _waiver(node: Node) -> Rank:
    return tuple(_text(_at(node, key)).casefold() for key in ("rule", "tenant", "account", "app"))


_WHY = ("owner", "reason", "ticket", "expires")
_VALUE, _ID, _ACCOUNT, _NAMES = Value(), Id(), Account(), Listed(Value(), _name)


def _keys(*before: str, **forms: Form) -> Keys:
    """Plain keys first, then those with a form of their own, in the order given."""
    return Keys({**dict.fromkeys(before, _VALUE), **forms})


def _with_why(keys: Keys) -> Keys:
    return Keys({**keys.forms, **dict.fromkeys(_WHY, _VALUE)})


_BOUND = _keys("max", "percent")
_APP = _with_why(_keys(client_id=_ID, object_id=_ID, name=_VALUE, tenant=_VALUE))
_LIST = _keys("mode", apps=Listed(_with_why(_keys("app")), _name), use=_NAMES)
FILE = _keys(
    "version",
    include=Listed(_VALUE),
    defaults=_keys("mode", "owner", "unmanaged_accounts", "expiry_warning"),
    limits=_keys(accounts_changed=_BOUND, grants_removed=_BOUND, accounts_opened=_VALUE),
    apps=Named(_APP),
    sets=Named(_NAMES),
    policy=_keys(
        "unknown_apps",
        forbidden_apps=Listed(_keys(client_id=_ID, object_id=_ID, reason=_VALUE)),
        require=Listed(_VALUE, _place_in_require),
        rules=Named(_keys("severity", "enabled", options=Named(_VALUE, sorted=False))),
        waivers=Listed(_with_why(_keys("rule", "tenant", account=_ACCOUNT, app=_ID)), _waiver),
    ),
    tenants=Named(
        _keys(
            tenant_id=_ID,
            domain=_VALUE,
            profile=_VALUE,
            unmanaged_accounts=_VALUE,
            accounts=Named(_with_why(_LIST), key=_ACCOUNT),
            selectors=Listed(_with_why(Keys({"match": _VALUE, "except": _NAMES, **_LIST.forms}))),
        ),
        sorted=False,
    ),
)


def formatted(text: str, file: str) -> str:
    """
    The canonical form of a configuration file that the loader accepts by itself; `file` is its name for messages.

    Lines end as the first one of `text` does, \\n or \\r\\n; a byte order mark is left out. Raises InvalidConfiguration
    for what is not YAML as the loader reads it, and for the one thing that the loader accepts and a sorted file cannot
    keep: an anchor whose name is given twice.
    """
    document, problems = read_document(text.encode(), file)
    if problems:
        raise InvalidConfiguration(problems)
    try:
        tree = read_commented(text)
    except AnchorTwice as twice:
        message = f"the anchor &{twice.name} is given twice, so that the order decides what an alias means; rename one"
        raise InvalidConfiguration([document.problem("001", twice.line, twice.column, "", message)]) from None
    _arrange(tree.root, FILE, set())
    _settle(tree.root, set())
    made = text_of(tree)
    _same_or_nothing(text, made, file)
    return made.replace("\n", "\r\n") if _ends_in_crlf(text) else made


def _ends_in_crlf(text: str) -> bool:
    first = text.find("\n")
    return first > 0 and text[first - 1] == "\r"


# Order


def _arrange(node: Node, form: Form, seen: set[tuple[int, int]]) -> None:
    """Order a value and everything in it. What aliases stand for is ordered for every place it stands in."""
    node = meant(node)
    if (id(node), id(form)) in seen:
        return
    seen.add((id(node), id(form)))
    match form, node:
        case ((Id() | Account()), Leaf()):
            _as_compared(node, form)
        case Keys(forms), Group(mapping=True):
            places = {key: place for place, key in enumerate(forms)}
            _sort(node, lambda slot: (places.get(_key(slot), len(places)),))
            for slot in node.slots:
                _arrange(slot.value, forms.get(_key(slot), _VALUE), seen)
        case Named(), Group(mapping=True):
            for slot in node.slots:
                if slot.key is not None:
                    _arrange(slot.key, form.key, seen)
                _arrange(slot.value, form.form, seen)
            if form.sorted:
                _sort(node, lambda slot: (_key(slot).casefold(), _key(slot)))
        case Listed(inner, rank), Group(mapping=False):
            for slot in node.slots:
                _arrange(slot.value, inner, seen)
            if rank is not None:
                _sort(node, lambda slot: rank(slot.value))
        case _:
            pass  # a value, or one item where a list may stand


def _as_compared(leaf: Leaf, form: Id | Account) -> None:
    try:
        value = Guid.parse(leaf.value).value if isinstance(form, Id) else leaf.value.strip().lower()
    except NotAGuid:
        return
    if value != leaf.value:
        leaf.value, leaf.style = value, "new"


def _sort(group: Group, rank: Callable[[Slot], Rank]) -> None:
    """Sort entries, comments with them. A blank line above an entry goes with it, but the first entry has none."""
    before = group.slots[:1]
    group.slots.sort(key=rank)
    if before and group.slots[0] is not before[0]:
        first = group.slots[0].before
        if first[:1] == [""]:
            del first[0]
            before[0].before.insert(0, "")


def _settle(node: Node, written: set[int]) -> None:
    """Let the first of the places that share a value have it, and the others an alias: the order may be another now."""
    if not isinstance(node, Group):
        return
    for slot in node.slots:
        value = meant(slot.value)
        if value.anchor and id(value) in written:
            slot.value = Alias(value)
            continue
        if value.anchor:
            written.add(id(value))
        slot.value = value
        _settle(value, written)


def _key(slot: Slot) -> str:
    return slot.key.value if slot.key is not None else ""


def _text(node: Node | None) -> str:
    value = None if node is None else meant(node)
    return value.value if isinstance(value, Leaf) else ""


def _at(node: Node, key: str) -> Node | None:
    group = meant(node)
    slots = group.slots if isinstance(group, Group) else []
    return next((slot.value for slot in slots if _key(slot) == key), None)


# Nothing is lost


def _same_or_nothing(text: str, made: str, file: str) -> None:
    """Raise where what was made does not say what was read: a mistake here must not cost anybody a comment."""
    if _data(text, file) == _data(made, file) and Counter(comments_of(text)) == Counter(comments_of(made)):
        return
    raise HveAdminError(
        f"{file} cannot be brought into canonical form without a loss; it is left as it is",
        hint="this is a mistake in hveadmin: please report it, with the file if you can",
    )


def _data(text: str, file: str) -> object:
    document, problems = read_document(text.encode(), file)
    return None if problems or document.root is None else _regardless(plain(document.root))


_ORDERED = frozenset({"selectors", "include", "forbidden_apps", "options"})


def _regardless(value: Plain, *, ordered: bool = False) -> object:
    """A value without the order of what has none, and without the case and braces that ids may have."""
    match value:
        case dict():
            entries = [
                (key.strip().lower(), _regardless(each, ordered=ordered or key in _ORDERED))
                for key, each in value.items()
            ]
            return ("mapping", sorted(entries, key=repr))
        case list():
            items = [_regardless(each) for each in value]
            return items if ordered else sorted(items, key=repr)
        case str():
            return value.strip().lower().removeprefix("{").removesuffix("}")
        case _:
            return type(value).__name__, value
