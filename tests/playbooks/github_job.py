"""
A job of a GitHub workflow, run here: its steps in their order, their shell as GitHub's runner starts it.

What it does is what GitHub documents of its runner, as far as our templates use it: shells and their flags,
`$GITHUB_OUTPUT`, `continue-on-error` (the step's outcome is failure, its conclusion success), `if`, expressions,
and the two artifact actions, for which a folder stands in. Any other action is passed over.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKENS = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||[!(),]))")
_SHELLS = {
    None: ["bash", "-e"],
    "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
    "python": [sys.executable],
}


@dataclass
class Ended:
    """A step that was run."""

    name: str
    code: int
    said: str
    outputs: Mapping[str, str]
    continues: bool

    @property
    def conclusion(self) -> str:
        return "success" if self.code == 0 or self.continues else "failure"


@dataclass
class Job:
    """Runs the jobs of a workflow in a folder. `values` is what expressions find by name: `github.ref`."""

    folder: Path
    environ: dict[str, str]
    values: dict[str, str]
    artifacts: Path
    steps: dict[str, Ended] = field(default_factory=dict)
    ran: list[Ended] = field(default_factory=list)
    failed: bool = False
    summary: str = ""

    def run(self, workflow: Mapping[str, Any], name: str) -> Job:
        """Run one job to its end; `ran`, `failed` and `outputs` say what came of it."""
        job = workflow["jobs"][name]
        default = workflow.get("defaults", {}).get("run", {}).get("shell")
        environ = self.environ | self._all(workflow.get("env", {})) | self._all(job.get("env", {}))
        for step in job["steps"]:
            if not self._wanted(step.get("if", "success()")):
                continue
            if "uses" in step:
                self._use(step)
            else:
                self._step(step, default, environ)
        self.outputs = self._all(job.get("outputs", {}))
        return self

    def wanted(self, job: Mapping[str, Any]) -> bool:
        """Whether a job's `if` lets it run."""
        return self._wanted(job.get("if", "success()"))

    def _step(self, step: Mapping[str, Any], default: str | None, environ: Mapping[str, str]) -> None:
        number = len(self.ran)
        shell = step.get("shell", default)
        script = self.folder.parent / f"step-{number}.{'py' if shell == 'python' else 'sh'}"
        script.write_text(self.resolved(step["run"]), encoding="utf-8")
        output, summary = (self.folder.parent / f"{kind}-{number}" for kind in ("output", "summary"))
        told = {
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_ACTIONS": "true",
            "CI": "true",
        }
        for each in (output, summary):
            each.write_text("", encoding="utf-8")  # an earlier job's, of the same number, may be there
        # What the test says of the environment comes last: it leads to the sandbox.
        done = subprocess.run(
            [*_SHELLS[shell], str(script)], cwd=self.folder,
            env={**environ, **self._all(step.get("env", {})), **told, **self.environ},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", timeout=100, check=False,
        )  # fmt: skip
        self.summary += summary.read_text(encoding="utf-8")
        name = step.get("id") or step["name"]
        ended = Ended(name, done.returncode, done.stdout, outputs_in(output), step.get("continue-on-error") == "true")
        self.ran.append(ended)
        self.steps[name] = ended
        self.failed = self.failed or ended.conclusion == "failure"

    def _use(self, step: Mapping[str, Any]) -> None:
        action = step["uses"].partition("@")[0]
        given = self._all(step.get("with", {}))
        if action == "actions/upload-artifact":
            place = self.artifacts / self.values["github.run_id"] / given["name"]
            for line in given["path"].split():
                _copy(self.folder / line, place)
        if action == "actions/download-artifact":
            kept = self.artifacts / given["run-id"] / given["name"]
            shutil.copytree(kept, self.folder / given["path"], dirs_exist_ok=True)

    # Expressions

    def resolved(self, text: str) -> str:
        """A text with its expressions in place."""
        return _EXPRESSION.sub(lambda found: self._text(self.value(found[1])), text)

    def _all(self, table: Mapping[str, Any]) -> dict[str, str]:
        return {name: self.resolved(str(value)) for name, value in table.items()}

    def _wanted(self, condition: str) -> bool:
        code = (
            condition
            if re.search(r"\b(always|cancelled|failure|success)\(\)", condition)
            else f"success() && ({condition})"
        )
        return bool(self.value(code))

    def value(self, expression: str) -> Any:
        """What an expression comes to. Our own files' expressions become Python's, word by word."""
        words = []
        at = 0
        for found in _TOKENS.finditer(expression):
            assert found.start() == at, expression
            at = found.end()
            words.append(_word(found))
        assert not expression[at:].strip(), expression
        functions = {
            "v": self._value_of,
            "always": lambda: True,
            "cancelled": lambda: False,
            "success": lambda: not self.failed,
            "hashFiles": lambda path: "x" * (self.folder / path).exists(),
            "format": lambda form, *given: form.format(*given),
        }
        return eval(" ".join(words), {"__builtins__": {}}, functions)  # noqa: S307 - the expressions of our own files

    def _value_of(self, name: str) -> str:
        parts = name.split(".")
        if parts[0] == "steps":
            ended = self.steps.get(parts[1])
            return "" if ended is None else ended.outputs.get(parts[3], "")
        assert name in self.values or parts[0] in ("vars", "needs"), f"nobody says what {name} is"
        return self.values.get(name, "")

    @staticmethod
    def _text(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)


def _word(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "text":
            return repr(found["text"][1:-1].replace("''", "'"))
        case "sign":
            return {"&&": "and", "||": "or", "!": "not"}.get(found["sign"], found["sign"])
        case _:
            name = found["name"]
            return name if name in ("always", "cancelled", "success", "hashFiles", "format") else f"v({name!r})"


def outputs_in(file: Path) -> dict[str, str]:
    """What a step wrote to its $GITHUB_OUTPUT: `name=value`, or `name<<END`, lines, `END`."""
    found: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, marker, end = line.partition("<<")
        if marker and "=" not in name:
            inside = []
            while (inner := next(lines)) != end:
                inside.append(inner)
            found[name] = "\n".join(inside)
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def _copy(source: Path, place: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, place, dirs_exist_ok=True)
    elif source.exists():
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)


def path_with(folder: Path) -> str:
    """A PATH that finds the programs of a folder first."""
    return f"{folder}{os.pathsep}{os.environ['PATH']}"
