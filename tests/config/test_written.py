"""Which keys of a profile somebody wrote."""

from __future__ import annotations

from pathlib import Path

from hveadmin.config.written import written_keys

TEXT = """\
profiles:
  lab:
    cloud: worldwide
    auth:
      kind: client_secret
      secret: {env: LAB_SECRET}
  other: {cloud: dod}
"""


def keys(tmp_path: Path, profile: str, text: str = TEXT) -> dict[str, int]:
    path = tmp_path / "profiles.yaml"
    path.write_text(text)
    found = written_keys({"HVEADMIN_PROFILES": str(path)}, profile)
    assert all(each.file == str(path) for each in found.values())
    return {key: each.line for key, each in found.items()}


def test_every_written_key_has_its_line(tmp_path: Path) -> None:
    expected = {"cloud": 3, "auth": 4, "auth.kind": 5, "auth.secret": 6, "auth.secret.env": 6}
    assert keys(tmp_path, "lab") == expected


def test_a_profile_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert keys(tmp_path, "nobody") == {}
    assert keys(tmp_path, "lab", "[]") == {}
    assert written_keys({"HVEADMIN_PROFILES": str(tmp_path / "missing.yaml")}, "lab") == {}
