"""
The files of a configuration: read once each, with everything they include.

An include is a path or a glob, relative to the file that names it. What is read is data and never run, but it is
read: who may write the configuration decides which files are opened, and no content of a file that is not a
configuration is shown beyond the line a problem is on.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hveadmin.config import nodes
from hveadmin.config.fitting import fit
from hveadmin.config.model import ConfigFile
from hveadmin.config.nodes import Document, Scalar, Table, read_document
from hveadmin.config.problems import Problem
from hveadmin.domain.desired import SourceSpan


@dataclass(frozen=True, slots=True)
class Source:
    """One file: what was written, what fits, and the tree of what fits."""

    written: Table
    """The tree as written, with what does not fit."""
    fitted: Table
    document: Document
    shape: ConfigFile


@dataclass(slots=True)
class Sources:
    """All files that were read, in the order they were read."""

    read: list[Source] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    """False where a file could not be read: names that seem to be missing may be defined there."""
    digest: str = ""
    """sha256 over the bytes of all files."""


def read_sources(paths: Sequence[Path]) -> Sources:
    """Read these files and what they include. Problems are collected, nothing is raised."""
    reader = _Reader()
    for path in paths:
        reader.read(path, path, including=())
    reader.sources.digest = reader.hash.hexdigest()
    return reader.sources


class _Reader:
    def __init__(self) -> None:
        self.sources = Sources()
        self.hash = hashlib.sha256()
        self._seen: set[str] = set()

    def read(
        self, path: Path, shown: Path, including: tuple[str, ...], blame: Callable[[str], Problem] | None = None
    ) -> None:
        """Read one file, then what it includes. `blame` says where the file is named, for when it cannot be read."""
        identity = os.path.realpath(path)
        if identity in self._seen:
            return
        self._seen.add(identity)
        try:
            with path.open("rb") as stream:
                data = stream.read(nodes.MAX_BYTES + 1)
        except OSError as error:
            self._unreadable(shown, error.strerror or type(error).__name__, blame)
            return
        self.sources.files.append(str(shown))
        self.hash.update(data)
        document, problems = read_document(data, str(shown))
        self.sources.problems += problems
        source = self._fit(document)
        if source is None:
            self.sources.complete = False
            return
        self.sources.read.append(source)
        self._include(source, path, shown, (*including, identity))

    def _unreadable(self, shown: Path, why: str, blame: Callable[[str], Problem] | None) -> None:
        self.sources.complete = False
        if blame is not None:
            self.sources.problems.append(blame(f"{str(shown)!r} cannot be read: {why}"))
        else:
            message = f"the file cannot be read: {why}"
            self.sources.problems.append(Problem("CFG013", SourceSpan(str(shown), 1), "", message))

    def _fit(self, document: Document) -> Source | None:
        if document.root is None or document.root == Scalar(None, document.root.line, document.root.column):
            # Where there are problems the parser has said why; an empty file is nobody's intention.
            if not any(problem.span.file == document.file for problem in self.sources.problems):
                self.sources.problems.append(document.problem("003", 1, 1, "", "the file is empty"))
            return None
        fitted = fit(document, ConfigFile)
        self.sources.problems += fitted.problems
        if fitted.model is None or not isinstance(document.root, Table) or not isinstance(fitted.document.root, Table):
            return None
        if "version" not in document.root.entries:
            message = "version is missing; write `version: 1` at the head of the file"
            self.sources.problems.append(document.problem("003", document.root.line, document.root.column, "", message))
        return Source(document.root, fitted.document.root, document, fitted.model)

    def _include(self, source: Source, path: Path, shown: Path, including: tuple[str, ...]) -> None:
        entry = source.fitted.entries.get("include")
        if entry is None:
            return
        places = entry.value.items if isinstance(entry.value, nodes.Sequence) else (entry.value,)
        for pattern, place in zip(source.shape.include, places, strict=True):
            self._include_pattern(pattern, source.document, place, path, shown, including)

    def _include_pattern(
        self, pattern: str, document: Document, place: nodes.Node, path: Path, shown: Path, including: tuple[str, ...]
    ) -> None:
        def problem(message: str) -> Problem:
            return document.problem("013", place.line, place.column, "include", message)

        if not pattern.isprintable():
            self.sources.problems.append(problem(f"{pattern!r} is not a path"))
            return
        matches = sorted(glob.glob(pattern, root_dir=path.parent, recursive=True))
        if not matches:
            self.sources.complete = False
            self.sources.problems.append(problem(f"no file matches {pattern!r}, which is relative to this file"))
        for match in matches:
            found = path.parent / match
            if os.path.realpath(found) in including:
                self.sources.problems.append(problem(f"{match!r} includes itself, directly or through other files"))
                continue
            self.read(found, shown.parent / match, including, problem)
