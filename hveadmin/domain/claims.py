"""
The parts of a JSON Web Token, and its claims one by one. Pure; nothing is verified here.

A claim that is not there and one of the wrong type are the same: nothing was said. Whoever needs it says so.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime

Claims = Mapping[str, object]


class NotClaims(Exception):
    """A part that holds no claims. Its text says what is wrong, as the end of a sentence, and nothing of the part."""


def decoded(part: str) -> Claims:
    """One part of a token (the first two hold claims). Raises NotClaims."""
    try:
        # Python's decoder skips what is not base64 unless told otherwise, and then says nothing.
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        found: object = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        raise NotClaims("is not JSON in base64url") from None
    if not isinstance(found, dict):
        raise NotClaims("holds no claims")
    return found


def text(claims: Claims, name: str) -> str:
    """A claim that is text; empty where it is none."""
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def texts(claims: Claims, name: str) -> tuple[str, ...]:
    """A claim that is a list; what is no text in it is left out."""
    value = claims.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def time(claims: Claims, name: str) -> datetime | None:
    """A claim that is seconds since 1970, in UTC; None where it is none, or no calendar reaches so far."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
