"""
Text from a tenant is hostile until a sink has made it harmless. One function for each sink.

Anyone who may register an application chooses its display name, and it ends up in terminals, CI logs, spreadsheets
and pull requests. What can act there is shown as a visible escape (`\\x1b`, `\\u202e`, `\\n`):

    every sink      control characters, line ends of all kinds, characters that turn the reading direction or are
                    invisible, lone surrogates, and the log commands of GitHub Actions (`::` at the start of a line)
                    and Azure Pipelines (`##vso[` and `##[` anywhere)
    for_markdown    what would become markup, a link, an image, a mention or a reference
    for_csv         what a spreadsheet would calculate
    for_html, for_xml, for_rich   what would become a tag
    for_github_message, for_github_property, for_azure_message, for_azure_property
                    what would end a log command of our own, or a part of it
    for_sarif       what SARIF would take for a link or a placeholder

for_json and for_yaml are the exception: they take finished JSON or YAML and write those characters in its own
escapes, so that a program reads back exactly what the tenant holds.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

# Unicode categories Cc, Cf, Cs, Zl and Zp (a test compares), and beyond them the Hangul fillers, which are blank, and
# the noncharacters that XML forbids. Ranges, because asking unicodedata for each character is too slow for lists.
_UNSAFE_CHARACTERS = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
UNSAFE = re.compile(f"[{_UNSAFE_CHARACTERS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")

# Azure Pipelines looks for its commands anywhere in a line, GitHub's older form too; GitHub's newer form counts after
# leading blanks, and where text is wrapped any word may begin a line.
_LOG_COMMAND = re.compile(r"##(?=\[|vso\[)|(?<!\S):(?=:)", re.IGNORECASE)
_AZURE_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# The symbols of our own texts. Anything else outside ASCII is a name, and is shown as escapes.
_ASCII_FORMS = str.maketrans({"→": "->", "…": "...", "−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'"})


def _visible_escape(found: re.Match[str]) -> str:
    character = found[0]
    return _NAMED.get(character) or _backslashed(ord(character))


def _backslashed(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _defused(text: str) -> str:
    """One line that no terminal and no log reader obeys."""
    # The first character of a log command gives way to its escape: `##vso[` is shown as `\x23#vso[`.
    broken = _LOG_COMMAND.sub(lambda found: _backslashed(ord(found[0][0])) + found[0][1:], text)
    return UNSAFE.sub(_visible_escape, broken)


def for_console(text: str, *, ascii_only: bool = False) -> str:
    """One line for a terminal or a log, exact but for what is dangerous there."""
    safe = _defused(text)
    return safe.translate(_ASCII_FORMS).encode("ascii", "backslashreplace").decode() if ascii_only else safe


_MARKDOWN = re.compile(
    r"(?P<punctuation>[\\`*_\[\]|~$])|(?P<tag>[&<>])|(?P<link>:(?=//)|(?<=www)\.)|(?P<reference>(?<!\w)@|\#(?=\d))",
    re.IGNORECASE,
)
# At the start of a paragraph: lists, headings, rules, numbered items.
_MARKDOWN_BLOCK = re.compile(r"\A\s*(?:\d+(?=[.)])|(?=[-+=#]))")


def for_markdown(text: str) -> str:
    """
    Text for a cell or a paragraph of GitHub's and GitLab's Markdown, shown as it is.

    Mentions and references are found after escapes are resolved, so a zero-width space, written as an entity, parts
    the sign from the name. Addresses are left whole: an `@` inside a word mentions nobody.
    """
    return _MARKDOWN_BLOCK.sub(r"\g<0>\\", _MARKDOWN.sub(_markdown_escape, _defused(text)))


def _markdown_escape(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "tag":
            return html.escape(found[0])
        case "reference":
            return f"{found[0]}&#8203;"
        case _:
            return f"\\{found[0]}"


# Spreadsheets skip blanks and quotes before they look for a formula, and know full-width signs. Where the list
# separator is a semicolon (much of Europe) a comma-separated file is split there, whatever is quoted.
_FORMULA = re.compile(r"(\A|;)([\s'\"]*)(?=[=+\-@＝＋－＠])")


def for_csv(text: str) -> str:
    """Text for a cell of a CSV file that a spreadsheet takes for text: an apostrophe stands before a formula."""
    return _FORMULA.sub(r"\1'\2", _defused(text))


def for_html(text: str) -> str:
    """Text for an HTML element or attribute."""
    return html.escape(_defused(text))


def for_xml(text: str) -> str:
    """Text for an XML 1.0 element or attribute; no character that XML forbids is left."""
    return html.escape(_defused(text))


# `%` first, or the escapes would be escaped. Line ends are visible escapes by then: `%0A` is only ever ours.
def for_github_message(text: str) -> str:
    """Text after the second `::` of a workflow command of GitHub Actions."""
    return _defused(text).replace("%", "%25")


def for_github_property(text: str) -> str:
    """Text for a property of a workflow command: `file=…,title=…`."""
    return for_github_message(text).replace(":", "%3A").replace(",", "%2C")


def for_azure_message(text: str) -> str:
    """Text after the bracket of a logging command of Azure Pipelines."""
    return _defused(text).replace("%", "%AZP25")


def for_azure_property(text: str) -> str:
    """Text for a property of a logging command: `sourcepath=…;code=…`."""
    return for_azure_message(text).replace(";", "%3B").replace("]", "%5D")


# SARIF 2.1.0, 3.11.5 and 3.11.6: `{0}` is a placeholder and `[text](target)` a link, in plain text too.
_SARIF_SYNTAX = re.compile(r"\](?=\()|\{(?=\d+\})")


def for_sarif(text: str) -> str:
    """Text for a message of SARIF, or for any other string of it that somebody is shown."""
    return _SARIF_SYNTAX.sub(lambda found: _backslashed(ord(found[0])), _defused(text))


_RICH_BRACKET = re.compile(r"(\\*)(\[|\Z)")


def for_rich(text: str) -> str:
    """
    Text for a place where Rich reads markup. Rich itself is not imported here; a test holds the two together.

    Every bracket is escaped, not only those of a whole tag: what follows in the template could complete one.
    Backslashes before a bracket, or before whatever follows, may show doubled.
    """
    return _RICH_BRACKET.sub(lambda found: found[1] * 2 + ("\\[" if found[2] else ""), _defused(text))


def for_json(document: str) -> str:
    """Finished JSON, in which what is dangerous on a screen is written as JSON's own escapes. The value is the same."""
    # Outside its strings JSON holds nothing of this but line ends.
    return _machine_escaped(document, _json_escape)


def for_yaml(document: str) -> str:
    """
    Finished YAML, in which what is dangerous on a screen is written as YAML's own escapes. The value is the same.

    Every string for which `needs_quotes` holds must stand in double quotes.
    """
    return _machine_escaped(document, lambda character: _backslashed(ord(character)))


def needs_quotes(text: str) -> bool:
    """Whether a YAML string must stand in double quotes, the only kind that knows escapes."""
    return bool(UNSAFE.search(text) or _LOG_COMMAND.search(text))


def without_surrogates(text: str) -> str:
    """Lone surrogates as visible escapes, for YAML, which has no way to write them."""
    return _SURROGATE.sub(_visible_escape, text)


_MACHINE = re.compile(f"(?!\n)[{_UNSAFE_CHARACTERS}]")


def _machine_escaped(document: str, escape: Callable[[str], str]) -> str:
    broken = _AZURE_COMMAND.sub(lambda found: escape("#") + "#", document)
    return _MACHINE.sub(lambda found: escape(found[0]), broken)


def _json_escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
