"""How text for people is drawn: what the terminal can show. Colour only underlines what the words already say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Tone(Enum):
    """How loud a piece of text is; the value is its SGR parameter, empty for plain."""

    PLAIN = ""
    STRONG = "1"
    ADDED = "32"
    REMOVED = "31"
    WARNING = "33"
    LOUD = "1;97;41"
    """For accounts that are open to every application."""


@dataclass(frozen=True, slots=True)
class Style:
    """What the place the text goes to can show."""

    color: bool = False
    ascii: bool = False
    """Nothing outside ASCII: our symbols have ASCII forms, other characters are shown as escapes."""
    width: int = 0
    """Columns of the terminal; 0 where nothing limits them (a file, a pipe)."""

    def paint(self, text: str, tone: Tone) -> str:
        """`text` in its tone; the text itself where there is no colour."""
        if not self.color or tone is Tone.PLAIN or text == "":
            return text
        return f"\x1b[{tone.value}m{text}\x1b[0m"


PLAIN = Style()
