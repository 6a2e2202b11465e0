"""
Files that hveadmin writes for itself to read again: canonical JSON (RFC 8785), written whole, read with distrust.

A saved plan and a snapshot are bound to their bytes: somebody approved them, or files them as evidence. So the same
content has the same bytes, a file appears whole or not at all, readable by its owner only, and whoever reads one gets
a sentence for whatever is not as it was written.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hveadmin.config.nodes import path_text
from hveadmin.config.problems import printable, shortened
from hveadmin.domain.ids import Address
from hveadmin.errors import HveAdminError, Refused, UsageError

MAX_BYTES = 100 * 1024 * 1024

_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file, and how it is spoken of."""

    kind: str
    """What stands under `kind` in the file."""
    noun: str
    """`plan`, `snapshot`."""
    format_version: int
    made_by: str
    """Which command writes one; a sentence's beginning: "`hveadmin snapshot -o FILE` takes one"."""
    if_edited: str
    """What to do about one that is not as it was written."""
    not_done: str
    """What was not done with such a one: `nothing was written`."""


class Part(BaseModel):
    """A part of such a file: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, use_attribute_docstrings=True)


def _is_address(text: str) -> str:
    try:
        same = Address.parse(text).value == text
    except UsageError:
        same = False
    if not same:
        raise PydanticCustomError("address", "must be a mail address in lower case")
    return text


def _is_instant(text: str) -> str:
    try:
        same = instant(datetime.fromisoformat(text)) == text
    except ValueError:
        same = False
    if not same:
        raise PydanticCustomError("instant", "must be a time in UTC like 2026-11-02T10:14:07Z")
    return text


GuidText = Annotated[str, Field(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
AddressText = Annotated[str, AfterValidator(_is_address)]
Instant = Annotated[str, AfterValidator(_is_instant), Field(json_schema_extra={"format": "date-time"})]


def instant(when: datetime) -> str:
    """A time as these files have it. Raises ValueError for one without its time zone."""
    if when.tzinfo is None:
        raise ValueError("a time without its time zone")
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes of a document. Half a surrogate pair, which no UTF-8 can hold, becomes a question mark."""
    try:
        return rfc8785.dumps(dict(document))
    except rfc8785.CanonicalizationError:
        # A display name or a file name may hold half a surrogate pair.
        return rfc8785.dumps(_encodable(dict(document)))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {key: _encodable(each) for key, each in value.items()}
        case list():
            return [_encodable(each) for each in value]
        case _:
            return value


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read; it replaces one that is there. Raises OSError."""
    # Beside the target, because a rename is atomic within one file system only.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_content(path: Path, kind: FileKind) -> tuple[Any, bytes]:
    """
    What a file of this kind holds, parsed and as bytes.

    Raises UsageError for what is no such file, or one of another format version.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the {kind.noun} {path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is no {kind.noun}: it is larger than {MAX_BYTES:,} bytes")
    content = _json(data, path, kind)
    _refuse_foreign(content, path, kind)
    return content, data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _json(data: bytes, path: Path, kind: FileKind) -> Any:
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no {kind.noun}: it is not JSON", hint=kind.made_by) from None


def _refuse_foreign(content: Any, path: Path, kind: FileKind) -> None:
    if not isinstance(content, dict) or content.get("kind") != kind.kind:
        raise UsageError(f"{path} is no {kind.noun}: its kind is not {kind.kind!r}", hint=kind.made_by)
    version = content.get("format_version")
    if isinstance(version, int) and version > kind.format_version:
        raise UsageError(
            f"{path} is a {kind.noun} of format {shortened(str(version))};"
            f" this hveadmin reads format {kind.format_version}",
            hint=f"upgrade hveadmin, or make the {kind.noun} again with this one",
        )
    if version != kind.format_version or isinstance(version, bool):
        raise UsageError(f"{path} is a {kind.noun} of no known format", hint=kind.if_edited)


def mismatch(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence."""
    message = str(error["msg"]).replace("Input should", "Must")
    return f"{path_text(error['loc'])}: {message[:1].lower()}{message[1:]}"


def not_as_written(path: Path, kind: FileKind, reasons: list[str]) -> HveAdminError:
    """The refusal of a file that somebody edited, with every objection."""
    shown = [printable(reason) for reason in reasons[:_MOST_REASONS]]
    if len(reasons) > _MOST_REASONS:
        shown.append(f"and {len(reasons) - _MOST_REASONS} more")
    return Refused(
        f"the {kind.noun} {path} is not as hveadmin wrote it; {kind.not_done}", reasons=shown, hint=kind.if_edited
    )
