"""A valid configuration is said to be valid, with what is in it."""

from __future__ import annotations

import json

from builders import entry, grant, tenant

from hveadmin.domain.desired import DesiredState, Mode
from hveadmin.report.render import render
from hveadmin.report.validation import validation_report

TENANTS = {"contoso": tenant({"a": entry(Mode.ENFORCE, grant(1)), "b": entry(Mode.OBSERVE)})}
DESIRED = DesiredState(apps={"app-1": grant(1).app}, tenants=TENANTS, files=("hve.yaml",))


def test_what_is_valid_is_counted_in_one_sentence() -> None:
    sentence = "hve.yaml is valid: 1 tenant, 2 accounts, 0 selectors, 1 application, 0 warnings.\n"
    assert render(validation_report(DESIRED), "table") == sentence


def test_warnings_come_first() -> None:
    shown = render(validation_report(DESIRED, ["hve.yaml:9: application named by its display name"]), "table")
    assert shown.startswith("Warning: hve.yaml:9: application named by its display name\n")
    assert "1 warning." in shown


def test_the_machine_form_names_files_tenants_and_applications() -> None:
    data = json.loads(render(validation_report(DESIRED, ["w"]), "json"))
    assert data["files"] == [{"file": "hve.yaml"}]
    assert data["tenants"][0]["accounts_declared"] == 2
    assert data["applications"][0]["name"] == "app-1"
    assert data["warnings"] == [{"warning": "w"}]
