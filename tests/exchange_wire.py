"""
A client of the sandbox's Exchange surface that knows nothing of our own client: plain HTTP over TLS, tokens signed
with the sandbox's key. Clocks are set by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from hveadmin.sandbox.cmdlets import EXCHANGE_ADMINISTRATOR
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

# Object ids of contoso, as its documentation names them.
PAYROLL = "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa"
PAYROLL_CLIENT_ID = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
PAYROLL_V1 = "11a2f7c3-58d4-4b0e-a6c1-3e9d7b5f90c3"
MONITORING = "d2a4c6e8-1b3f-4d5a-8c7e-9f10a2b30e71"
SCANNER = "5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03"


@dataclass
class HandClock:
    """A clock that stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True)
class Wire:
    """One caller of Exchange in contoso. `replace` makes another one."""

    sandbox: Sandbox
    running: Running
    http: httpx2.Client
    clock: HandClock
    claims: dict[str, Any] = field(default_factory=dict)
    tenant: str = CONTOSO
    accept: str = "application/json"

    def as_caller(self, **claims: Any) -> Wire:
        """The same, with a token that says this too."""
        return replace(self, claims={**self.claims, **claims})

    def token(self) -> str:
        now = int(self.clock.now.timestamp())
        claims: dict[str, Any] = {
            "aud": "https://outlook.office365.com",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "tid": CONTOSO,
            "oid": "caller",
            "roles": ["Exchange.ManageAsApp"],
            "wids": [EXCHANGE_ADMINISTRATOR],
        }
        return SigningKeys(self.sandbox.store).sign({**claims, **self.claims})

    def headers(self, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}", "Accept": self.accept, **more}

    def invoke(
        self, cmdlet: str, parameters: object = None, *, url: str = "", headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        """POST of InvokeCommand, or of the same to `url`."""
        body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": {} if parameters is None else parameters}}
        return self.post(url or f"/adminapi/beta/{self.tenant}/InvokeCommand", body, headers=headers)

    def post(self, url: str, body: object, *, headers: dict[str, str] | None = None) -> httpx2.Response:
        return self.http.post(url, json=body, headers=self.headers() if headers is None else headers)

    def batch(self, *cmdlets: tuple[str, dict[str, Any]], headers: dict[str, str] | None = None) -> httpx2.Response:
        """POST of `$batch` with these calls, numbered from 0."""
        requests = [self.item(str(number), *each) for number, each in enumerate(cmdlets)]
        return self.post(f"/adminapi/beta/{self.tenant}/$batch", {"requests": requests}, headers=headers)

    def item(self, item_id: str, cmdlet: str, parameters: dict[str, Any], **headers: str) -> dict[str, Any]:
        return {
            "id": item_id,
            "method": "POST",
            "url": f"{self.running.base_url}/adminapi/beta/{self.tenant}/InvokeCommand",
            "headers": headers,
            "body": {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}},
        }

    def apps(self, account: str) -> list[str]:
        """What the service itself has on an account's list, read past all wires."""
        return list(self.sandbox.tenant(CONTOSO).account(account).allowed_apps)


def by_id(reply: httpx2.Response) -> dict[str, dict[str, Any]]:
    """The answers of a JSON batch by their ids."""
    return {each["id"]: each for each in reply.json()["responses"]}


def raw(reply: httpx2.Response) -> bytes:
    """The body as it was sent, whatever its Content-Encoding claims."""
    return b"".join(reply.iter_raw())


def dumps(value: object) -> str:
    return json.dumps(value, sort_keys=True)
