"""
Continuous access evaluation: a service that wants a newer token than the one it was shown.

Exchange has its own in `adminapi`; this is Graph's. Who was challenged is remembered a caller, in the store.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hveadmin.sandbox.faults import CHALLENGED
from hveadmin.sandbox.store import Store


def is_challenged(store: Store, mode: str, claims: Mapping[str, Any], token: str) -> bool:
    """Whether Graph challenges this token: with `always` each, with `once` a caller's first until another is shown."""
    if mode == "off":
        return False
    caller, shown = f"graph/{claims.get('oid', '')}", hashlib.sha256(token.encode()).hexdigest()
    with store.transaction():
        challenged = store.get("", "setting", CHALLENGED) or {}
        if caller not in challenged:
            challenged[caller] = shown
            store.put("", "setting", CHALLENGED, challenged)
    return mode == "always" or challenged[caller] == shown


def demand(now: datetime) -> str:
    """The end of a WWW-Authenticate header: come back with a token that was made after this."""
    claims = {"access_token": {"nbf": {"essential": True, "value": str(int(now.timestamp()))}}}
    return f'error="insufficient_claims", claims="{base64.b64encode(json.dumps(claims).encode()).decode()}"'
