"""A bundle is a ZIP that anybody can open, whose manifest sha256sum checks, and whose bytes are the same each time."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from builders import NOW

from hveadmin.evidence.bundle import MANIFEST, packed

FILES = {"report.html": "<h1>été</h1>\n".encode(), "a b.json": b"{}", "empty": b""}


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert bundle.testzip() is None
        bundle.extractall(folder)
    return folder


def test_what_is_packed_is_what_is_unpacked(tmp_path: Path) -> None:
    unpacked(packed(FILES, NOW), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != MANIFEST} == FILES


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_checks_the_manifest_and_hears_of_a_changed_byte(tmp_path: Path) -> None:
    unpacked(packed(FILES, NOW), tmp_path)
    check = ["sha256sum", "--strict", "-c", MANIFEST]
    said = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.count(": OK") == len(FILES)
    (tmp_path / "report.html").write_bytes(b"<h1>forged</h1>\n")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(packed(FILES, NOW))
    subprocess.run(["unzip", "-tq", "b.zip"], cwd=tmp_path, check=True, capture_output=True)


def test_the_same_files_at_the_same_time_are_the_same_bytes_whatever_their_order() -> None:
    backwards = dict(reversed(FILES.items()))
    assert packed(FILES, NOW) == packed(backwards, NOW)
    assert packed(FILES, NOW) == packed(FILES, NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert packed(FILES, NOW) != packed(FILES, NOW + timedelta(minutes=1))


def test_nobody_else_may_read_what_is_unpacked_and_all_bear_one_time() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(FILES, NOW))) as bundle:
        assert {each.external_attr >> 16 for each in bundle.infolist()} == {0o100600}
        assert {each.date_time for each in bundle.infolist()} == {(2026, 11, 23, 10, 14, 6)}  # to two seconds
        assert bundle.namelist() == ["a b.json", "empty", "report.html", MANIFEST]


def test_a_time_before_zip_knew_any_is_its_first_year() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(FILES, datetime(1970, 1, 1, tzinfo=UTC)))) as bundle:
        assert bundle.infolist()[0].date_time[0] == 1980


@pytest.mark.parametrize("name", ["../out", "/etc/x", "a\\b", "a\nb", ".hidden", "-rf", "é", MANIFEST, ""])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    files: Mapping[str, bytes] = {name: b""}
    with pytest.raises(ValueError, match="no name"):
        packed(files, NOW)
