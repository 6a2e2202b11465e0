"""Who is who in the seed `contoso`, what the service saw and holds, and configurations that start a story there."""

from __future__ import annotations

from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Running, Sandbox

PAYROLL = "7d0e5c1a-4b2f-4e86-9a3d-6c8b0f2e41aa"
PAYROLL_CLIENT_ID = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
PAYROLL_V1 = "11a2f7c3-58d4-4b0e-a6c1-3e9d7b5f90c3"
MONITORING = "d2a4c6e8-1b3f-4d5a-8c7e-9f10a2b30e71"
MONITORING_CLIENT_ID = "9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102"
SHOP = guid_of("contoso", "principal", "Shop Orders")
INVOICE = guid_of("contoso", "principal", "Invoice Bot")
INVOICE_REGISTRATION = guid_of("contoso", "registration", "Invoice Bot")
DUNNING = guid_of("contoso", "principal", "Dunning Letters")
FORBIDDEN = guid_of("contoso", "principal", "Bulk Blaster")
ANNA = guid_of("contoso", "user", "anna.holm@contoso.com")
NOBODY = "deadbeef-dead-4eef-8eef-deadbeef0001"
"""An id that means nothing in the tenant."""

SHOP_ACCOUNT = "hve-shop@contoso.com"
"""One application on its list: SHOP."""
OPEN_ACCOUNT = "hve-alert-db@contoso.com"
"""Nothing on its list."""
FULL_ACCOUNT = "hve-full@contoso.com"
"""Ten applications on its list."""

WRONG_SECRET = "not-the-secret-that-was-agreed"
"""What the profile `wrong-secret` signs in with."""

ADD, REMOVE = "Add-HVEAppAccess", "Remove-HVEAppAccess"


def sent(running: Running) -> dict[str, int]:
    """The calls that change something, as the service counted them."""
    return {name: number for name, number in running.calls.cmdlets().items() if name in (ADD, REMOVE)}


def listed(sandbox: Sandbox, account: str, tenant: str = "contoso") -> set[str]:
    """An account's list as the service has it."""
    return set(sandbox.tenant(tenant).account(account).allowed_apps)


APPS = f"""\
apps:
  monitoring:   {{object_id: {MONITORING}, tenant: contoso, reason: Alert mail}}
  payroll:      {{object_id: {PAYROLL}, tenant: contoso, reason: Monthly payslips}}
  payroll-v1:   {{object_id: {PAYROLL_V1}, tenant: contoso, reason: Monthly payslips}}
  dunning:      {{object_id: {DUNNING}, tenant: contoso, reason: Letters}}
  bulk-blaster: {{object_id: {FORBIDDEN}, tenant: contoso, reason: Being retired}}
  by-client-id: {{client_id: {MONITORING_CLIENT_ID}, reason: Alert mail}}
"""


def configuration(*accounts: str, selectors: str = "", limits: str = "", profile: str = "operator") -> str:
    """A configuration of contoso with these lines below `accounts:`; what it does not name is let alone."""
    lines = [
        "version: 1",
        "defaults: {mode: enforce, owner: messaging@contoso.com, unmanaged_accounts: ignore}",
        *([f"limits: {limits}"] if limits else []),
        APPS + "tenants:",
        "  contoso:",
        f"    tenant_id: {CONTOSO}",
        "    domain: contoso.onmicrosoft.com",
        f"    profile: {profile}",
        *(["    accounts:", *(f"      {each}" for each in accounts)] if accounts else []),
        *([f"    selectors: {selectors}"] if selectors else []),
    ]
    return "\n".join(lines) + "\n"


CLOSES_ONE = configuration(f"{OPEN_ACCOUNT}: {{apps: [monitoring]}}")
"""One change: an open account is closed."""

CHANGES_ALL = configuration(
    f"{FULL_ACCOUNT}: {{mode: absent, apps: [bulk-blaster]}}",
    selectors='[{match: "*", mode: additive, apps: [dunning]}]',
)
"""Fourteen changes, which is over the limit of ten."""

OPENS_ONE = configuration(
    f"{SHOP_ACCOUNT}: {{mode: unrestricted, reason: Cut-over, owner: shop@contoso.com, expires: 2999-12-31}}"
)
"""One change: an account is opened to every application."""
