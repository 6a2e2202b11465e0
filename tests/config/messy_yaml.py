"""Configurations as people leave them: any order, any style, comments and blank lines in every place there is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

NAMES = [
    "payroll",
    "Payroll 2",
    "crm.sync",
    "a-b",
    "_x",
    "été",
    "no",
    "1e3",
    "Ünïcode (x)",
    "scanner+",
    "z@z",
    "B",
    "b",
]
TEXTS = [
    "Monthly payslips", "a, b", "it's", 'say "x"', "# no comment", "trailing: colon", "- dash", "[x]", "null", "yes",
    "ends:", "two\nlines\n", "*", "a #b", "  blanks  ", "x" * 130, "é…", "@home", "%x", "tab\there", "{x}",
    "\u2028x", "emoji 🙂", "one\n\nthree", "last\nno end", "'", "`x`", "!x", "&x", "? x",
]  # fmt: skip
WHY = {"owner": "it@contoso.com", "reason": None, "ticket": "CHG1", "expires": "2031-06-30"}


def configuration(rng: Random) -> dict[str, Any]:
    """What a valid configuration says, as data, in no particular order."""
    apps = rng.sample(NAMES, rng.randint(1, 8))
    sets = {
        f"set {name}": rng.sample(apps, rng.randint(1, len(apps))) for name in rng.sample("abcd", rng.randint(0, 3))
    }
    data: dict[str, Any] = {
        "version": 1,
        "apps": {name: {"client_id": _guid(rng), **_why(rng)} for name in apps},
        "tenants": {f"t{number}": _tenant(rng, apps, sets) for number in range(rng.randint(1, 2))},
    }
    if sets:
        data["sets"] = sets
    if rng.random() < 0.5:
        data["defaults"] = {"mode": "observe", "expiry_warning": "30d"}
    if rng.random() < 0.5:
        data["limits"] = {"accounts_opened": 1, "grants_removed": {"percent": 12.5, "max": 3}}
    if rng.random() < 0.6:
        data["policy"] = _policy(rng)
    return _shuffled(data, rng)


def messy(data: dict[str, Any], rng: Random) -> str:
    """A text that says it."""
    lines = _comments(rng, "", rng.choice([0, 0, 0.6]))
    if rng.random() < 0.3:
        lines.insert(0, "# yaml-language-server: $schema=hveadmin.schema.json")
    if rng.random() < 0.1:
        lines.append("---")
    noise = rng.choice([0.0, 0.1, 0.4])
    lines += _block(data, 0, rng, noise) + _comments(rng, "", noise)
    return "\n".join(lines) + ("\n" if rng.random() < 0.9 else "")


def _tenant(rng: Random, apps: Sequence[str], sets: dict[str, list[str]]) -> dict[str, Any]:
    accounts = {
        rng.choice([f"hve-{letter}@contoso.com", f"HVE-{letter}@Contoso.com"]): _list(rng, apps, sets)
        for letter in rng.sample("abcdef", rng.randint(0, 5))
    }
    selectors = [
        {"match": rng.choice(["*", "hve-[ab]*", "HVE-*@contoso.com"]), "except": ["b*", "a*"], "mode": "observe"}
        for _ in range(rng.randint(0, 3))
    ]
    return _shuffled({"tenant_id": _guid(rng), "accounts": accounts, "selectors": selectors, "profile": "p"}, rng)


def _list(rng: Random, apps: Sequence[str], sets: dict[str, list[str]]) -> dict[str, Any]:
    if sets and rng.random() < 0.3:
        return {"use": rng.sample(list(sets), rng.randint(1, len(sets))), "mode": "additive"}
    chosen = rng.sample(list(apps), rng.randint(1, len(apps)))
    grants = [name if rng.random() < 0.6 else _shuffled({"app": name, **_why(rng)}, rng) for name in chosen]
    return _shuffled({"mode": "enforce", "apps": grants, "reason": _text(rng)}, rng)


def _policy(rng: Random) -> dict[str, Any]:
    waivers = [
        _shuffled({"rule": f"HVE{rng.randint(201, 203)}", **_why(rng, all_of_it=True), "app": _guid(rng)}, rng)
        for _ in range(rng.randint(0, 3))
    ]
    rules = {
        "HVE402": {"enabled": False},
        "HVE207": {"severity": "high", "options": {"approved_tenants": [_guid(rng), _guid(rng)], "approved_apps": []}},
        "HVE401": {"options": {"warn_at": 9}},
    }
    forbidden = [{"reason": _text(rng), "client_id": _guid(rng)} for _ in range(rng.randint(0, 2))]
    return _shuffled({"require": [], "waivers": waivers, "rules": rules, "forbidden_apps": forbidden}, rng)


def _why(rng: Random, *, all_of_it: bool = False) -> dict[str, Any]:
    chosen = [key for key in WHY if all_of_it or rng.random() < 0.5]
    return {key: WHY[key] or _text(rng) for key in chosen}


def _text(rng: Random) -> str:
    return rng.choice(TEXTS)


def _guid(rng: Random) -> str:
    text = str(UUID(int=rng.getrandbits(128)))
    return rng.choice([text, text.upper(), f"{{{text}}}"])


def _shuffled(data: dict[str, Any], rng: Random) -> dict[str, Any]:
    keys = list(data)
    rng.shuffle(keys)
    return {key: data[key] for key in keys}


# Writing


def _block(value: Any, indent: int, rng: Random, noise: float) -> list[str]:
    blanks = " " * indent
    lines: list[str] = []
    for key, each in value.items() if isinstance(value, dict) else ((None, item) for item in value):
        lines += _comments(rng, blanks, noise)
        lines += _entry(key, each, indent, rng, noise)
    return lines + _comments(rng, blanks + " " * rng.randint(0, 3), noise)


def _entry(key: str | None, value: Any, indent: int, rng: Random, noise: float) -> list[str]:
    blanks = " " * indent
    start = f"{blanks}-" if key is None else f"{blanks}{_scalar(key, rng, key=True)}{rng.choice(['', '', ' '])}:"
    gap = " " * rng.choice([1, 1, 1, 4])
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.3:
        return _flow_or_scalar(start, gap, value, indent, rng, noise)
    deeper = indent + rng.choice([1, 2, 2, 4])
    if isinstance(value, list) and key is not None and rng.random() < 0.3:
        deeper = indent
    inner = _block(value, deeper, rng, noise)
    if key is None and inner[0].strip() and not inner[0].strip().startswith("#") and rng.random() < 0.7:
        dash = start + " " * (deeper - indent - 1)
        return [dash + inner[0][deeper:], *inner[1:]] if deeper - indent >= 2 else [start, *inner]
    return [start + _beside(rng, noise), *inner]


def _flow_or_scalar(start: str, gap: str, value: Any, indent: int, rng: Random, noise: float) -> list[str]:
    if isinstance(value, str) and "\n" in value and rng.random() < 0.7 and "\u2028" not in value:
        return _literal(start, gap, value, indent)
    if isinstance(value, (dict, list)) and value and noise and rng.random() < 0.3:
        return _flow_over_lines(start, gap, value, indent, rng, noise)
    if rng.random() < 0.1 * (noise > 0):
        between = [line for line in _comments(rng, "   ", noise) if line.strip()]
        return [start + _beside(rng, noise), *between, " " * (indent + 1) + _flow(value, rng) + _beside(rng, noise)]
    return [start + gap + _flow(value, rng) + _beside(rng, noise)]


def _literal(start: str, gap: str, value: str, indent: int) -> list[str]:
    sign = "" if value.endswith("\n") else "-"
    inner = " " * (indent + 3)
    return [f"{start}{gap}|{sign}", *(inner + line if line else "" for line in value.removesuffix("\n").split("\n"))]


def _flow_over_lines(start: str, gap: str, value: Any, indent: int, rng: Random, noise: float) -> list[str]:
    inner = " " * (indent + 2)
    pairs = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    parts = [("" if key is None else f"{_scalar(key, rng, key=True)}: ") + _flow(each, rng) for key, each in pairs]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    lines = [start + gap + opening + _beside(rng, noise)]
    for part in parts:
        lines += [*_comments(rng, inner, noise), f"{inner}{part}," + _beside(rng, noise)]
    return [*lines, *_comments(rng, inner, noise), inner + closing + _beside(rng, noise)]


def _flow(value: Any, rng: Random) -> str:
    blank = rng.choice(["", " "])
    match value:
        case dict():
            inside = ", ".join(f"{_scalar(key, rng, key=True)}: {_flow(each, rng)}" for key, each in value.items())
            return f"{{{blank}{inside}{blank}}}"
        case list():
            return f"[{blank}{', '.join(_flow(each, rng) for each in value)}{blank}]"
        case _:
            return _scalar(value, rng)


def _scalar(value: Any, rng: Random, *, key: bool = False) -> str:
    if value is None:
        return rng.choice(["null", "~"])
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    bare = value.replace("-", "").replace("@", "").replace(".", "")
    if bare.isalnum() and bare.isascii() and value[0].isalnum() and (key or not bare[0].isdigit() or len(bare) > 8):
        return (
            rng.choice([value, value, f"'{value}'", f'"{value}"'])
            if value not in ("null", "yes", "no")
            else f"'{value}'"
        )
    if "'" not in value and value.isprintable() and rng.random() < 0.5:
        return f"'{value}'"
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value) + '"'


def _comments(rng: Random, blanks: str, noise: float) -> list[str]:
    lines: list[str] = []
    while rng.random() < noise:
        lines += [""] * rng.choice([0, 0, 1, 2])
        lines.append(f"{blanks}# {rng.choice(['above', 'ü', 'key: value', '- x', '# deep'])} {rng.randint(0, 99)}")
    return lines + [""] * (rng.random() < noise / 2)


def _beside(rng: Random, noise: float) -> str:
    return f"{' ' * rng.choice([1, 2, 9])}# beside {rng.randint(0, 99)}" if rng.random() < noise else ""
