"""
What an auditor files in one piece: a ZIP of reports with a MANIFEST.sha256 that `sha256sum -c` reads.

The same files at the same time make the same bytes: entries are ordered by name, and all bear the time that is given.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime

MANIFEST = "MANIFEST.sha256"

_REGULAR_FILE, _UNIX = 0o100600, 3
_LEVEL = 9
_EARLIEST = 1980
"""ZIP knows no earlier year."""


def packed(files: Mapping[str, bytes], at: datetime) -> bytes:
    """
    A ZIP of these files, by their names, and of the manifest, which comes last.

    `at` is when they were made, with its time zone; ZIP keeps it in UTC and to two seconds. Raises ValueError for a
    name that is not a plain one: whoever unpacks it must get just these files, in the folder they chose.
    """
    for name in files:
        if (
            name in ("", MANIFEST)
            or not name.isascii()
            or name.startswith((".", "-"))
            or not set(name).isdisjoint("/\\\n\r")
        ):
            raise ValueError(f"{name!r} is no name for a file of a bundle")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as bundle:
        for name in sorted(files):
            bundle.writestr(_entry(name, at), files[name], compresslevel=_LEVEL)
        bundle.writestr(_entry(MANIFEST, at), manifest(files), compresslevel=_LEVEL)
    return out.getvalue()


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The sha256 of each file, as sha256sum writes and checks it."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode()


def _entry(name: str, at: datetime) -> zipfile.ZipInfo:
    moment = at.astimezone(UTC)
    year = max(moment.year, _EARLIEST)
    entry = zipfile.ZipInfo(name, (year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = _REGULAR_FILE << 16
    return entry
