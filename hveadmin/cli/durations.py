"""How a length of time is written on the command line: 90s, 30m, 24h, 7d."""

from __future__ import annotations

import re

from hveadmin.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WRITTEN = re.compile(r"([0-9]{1,6})([smhd])")


def seconds_of(text: str, flag: str) -> float:
    """The seconds in a length of time. Raises UsageError, naming the flag it was given with."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{flag} {text!r} is no length of time", hint="write it like 90s, 30m, 24h or 7d")
    return float(int(found[1]) * _SECONDS[found[2]])
