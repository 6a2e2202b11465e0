"""A tenant on loopback, a repository with a configuration, and a PATH with hveadmin and GitHub's own program on it."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from cli.scenes import CLOSES_ONE
from cli.terminal import clean_environment
from playbooks.github_job import path_with

from hveadmin.config.fmt import formatted
from hveadmin.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Place:
    """A checkout to run a pipeline in, and what leads from there to the tenant."""

    checkout: Path
    environ: dict[str, str]
    replies: Path
    """What GitHub answers, a file a path."""
    sandbox: Sandbox | None = None

    def with_profile(self, name: str) -> dict[str, str]:
        """The environment of a job that signs in with this profile."""
        return self.environ | {"HVEADMIN_PROFILE": name}

    def listed(self, account: str) -> set[str]:
        """An account's list as the service has it."""
        assert self.sandbox is not None
        return set(self.sandbox.tenant("contoso").account(account).allowed_apps)


@pytest.fixture
def desk(tmp_path: Path) -> Place:
    """A checkout whose hve.yaml closes an open account, and nobody to talk to."""
    checkout, home, programs, replies = (tmp_path / name for name in ("checkout", "home", "bin", "replies"))
    for each in (checkout, home, programs, replies):
        each.mkdir()
    (checkout / "hve.yaml").write_text(formatted(CLOSES_ONE, "hve.yaml"), encoding="utf-8")
    _program(programs / "hveadmin", f'exec "{sys.executable}" -m hveadmin "$@"')
    _program(programs / "gh", f'exec "{sys.executable}" "{Path(__file__).with_name("gh.py")}" "$@"')
    environ = clean_environment(home) | {
        "PATH": path_with(programs),
        "HVEADMIN_PROFILES": str(home / "profiles.yaml"),
        "PYTHONPATH": str(ROOT),
        "GH_REPLIES": str(replies),
    }
    return Place(checkout, environ, replies)


@pytest.fixture
def place(desk: Place, tmp_path: Path) -> Iterator[Place]:
    """The same, and the seed `contoso` to sign in to: a profile for each of its operators."""
    with Sandbox.open(tmp_path / "service" / "sandbox.db") as sandbox, sandbox.serve() as running:
        profiles = {
            name: {
                "cloud": "custom",
                "endpoints": dict.fromkeys(("login", "graph", "exchange"), running.base_url),
                "ca": str(running.ca_pem),
                "auth": {
                    "kind": "client_secret",
                    "client_id": each.client_id,
                    "secret": {"file": str(each.secret_path)},
                },
            }
            for name, each in sandbox.operators().items()
        }
        Path(desk.environ["HVEADMIN_PROFILES"]).write_text(yaml.safe_dump({"profiles": profiles}), encoding="utf-8")
        yield replace(desk, sandbox=sandbox)


def _program(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
