"""What the tests of this room share: the example of the specification, and a folder to write files into."""

from pathlib import Path

import pytest

EXAMPLE = """\
# yaml-language-server: $schema=hveadmin.schema.json
version: 1
defaults:
  mode: enforce
  owner: messaging@contoso.com
  unmanaged_accounts: fail
  expiry_warning: 30d
limits:
  accounts_changed: {max: 10, percent: 50}
  grants_removed:   {max: 10, percent: 30}
  accounts_opened:  0
apps:
  payroll-mailer:
    client_id: 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01
    owner: hr-it@contoso.com
    reason: Monthly payslips
    ticket: CHG0041207
    expires: 2027-06-30
  monitoring: {client_id: 9a1d0c44-2f0b-4b7a-8a35-5e2f7c9d1102, owner: noc@contoso.com, reason: Alert mail}
  old-scanner:
    object_id: 5b77e0c2-1d1f-4a0d-b9f0-6c1e2a3d4e03
    tenant: contoso
    owner: facilities@contoso.com
    reason: Scan to mail, being retired
    expires: 2026-12-31
sets:
  baseline: [monitoring]
policy:
  unknown_apps: deny
  forbidden_apps: [{client_id: 00000000-1111-4222-8333-444444444404, reason: "Decommissioned, INC0090117"}]
  require: [owner, reason]
  rules: {HVE205: {severity: high}, HVE402: {enabled: false}}
  waivers:
    - {rule: HVE201, tenant: contoso, account: hve-lab@contoso.com, app: 7c0b9a11-8f0e-4a57-8c33-2d1e0f9a8b05,
       reason: Vendor trial, owner: lab@contoso.com, ticket: RISK-221, expires: 2026-12-15}
tenants:
  contoso:
    tenant_id: 8f1c6d20-93a4-4e0b-b1b7-2f4d5e6a7b06
    domain: contoso.onmicrosoft.com
    profile: contoso-prod
    accounts:
      hve-payroll@contoso.com: {apps: [payroll-mailer]}
      hve-scan@contoso.com:    {mode: additive, apps: [old-scanner]}
      hve-legacy@contoso.com:  {mode: unrestricted, reason: ERP cut-over, owner: erp@contoso.com, expires: 2026-12-31}
    selectors:
      - {match: "hve-alert-*@contoso.com", except: [hve-alert-lab@contoso.com], use: [baseline]}
      - {match: "*", mode: observe}
"""


@pytest.fixture
def example() -> str:
    """The configuration of the specification."""
    return EXAMPLE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that messages name files without their folders."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
