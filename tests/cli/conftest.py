"""One sandbox for all tests of this room, on real sockets; before each test it is as new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from cli.scenes import WRONG_SECRET
from cli.terminal import Terminal, clean_environment

from hveadmin.sandbox.seed import CONTOSO
from hveadmin.sandbox.server import Running, Sandbox

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Running]]:
    with Sandbox.open(tmp_path_factory.mktemp("service") / "sandbox.db") as sandbox, sandbox.serve() as running:
        yield sandbox, running


@pytest.fixture
def reseed(served: tuple[Sandbox, Running]) -> Callable[[str], Sandbox]:
    """Fill the sandbox anew; faults, switches and what was counted are gone."""

    def fill(seed: str) -> Sandbox:
        sandbox, running = served
        # The signing key is kept: making a new one takes longer than most of these tests.
        key = sandbox.store.get("", "setting", "signing-key")
        with sandbox.store.transaction():
            sandbox.reseed(seed)
            if key is not None:
                sandbox.store.put("", "setting", "signing-key", key)
        running.calls.clear()
        return sandbox

    return fill


@pytest.fixture
def sandbox(reseed: Callable[[str], Sandbox]) -> Sandbox:
    """The seed `contoso`, without faults."""
    return reseed("contoso")


@pytest.fixture
def running(served: tuple[Sandbox, Running]) -> Running:
    return served[1]


@pytest.fixture
def terminal(tmp_path: Path, sandbox: Sandbox, running: Running) -> Terminal:
    """
    A folder of one's own, and profiles that lead to the sandbox: one for each operator of contoso, and besides them

    wrong-secret    the operator with another secret
    wrong-tenant    the operator, in a tenant that there is none of
    nobody-there    a port on which nobody answers
    """
    home = tmp_path / "home"
    folder = tmp_path / "work"
    for each in (home, folder):
        each.mkdir()
    (home / "wrong.secret").touch(mode=0o600)
    (home / "wrong.secret").write_text(WRONG_SECRET)
    (home / "profiles.yaml").write_text(yaml.safe_dump({"profiles": _profiles(sandbox, running, home)}))
    environ = clean_environment(home) | {
        "HVEADMIN_PROFILES": str(home / "profiles.yaml"),
        "HVEADMIN_STATE": str(tmp_path / "state"),
    }
    return Terminal(folder, environ)


def _profiles(sandbox: Sandbox, running: Running, home: Path) -> dict[str, object]:
    operators = sandbox.operators()
    found = {
        name: _profile(running, running.base_url, each.client_id, each.secret_path) for name, each in operators.items()
    }
    operator = operators["operator"]
    unused = "https://localhost:9"  # the port of the discard service, which nobody runs
    return {
        **found,
        "wrong-secret": _profile(running, running.base_url, operator.client_id, home / "wrong.secret"),
        "wrong-tenant": _profile(
            running, running.base_url, operator.client_id, operator.secret_path, "00000000-dead-4bad-8bad-00000000beef"
        ),
        "nobody-there": _profile(running, unused, operator.client_id, operator.secret_path),
    }


def _profile(running: Running, url: str, client_id: str, secret: Path, tenant: str = CONTOSO) -> dict[str, object]:
    return {
        "cloud": "custom",
        "endpoints": {"login": url, "graph": url, "exchange": url},
        "ca": str(running.ca_pem),
        "auth": {
            "kind": "client_secret",
            "client_id": client_id,
            "tenant_id": tenant,
            "secret": {"file": str(secret)},
        },
    }


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with the file that holds what was agreed. HVEADMIN_REFRESH_GOLDEN=1 writes the files anew."""
    refresh = bool(os.environ.get("HVEADMIN_REFRESH_GOLDEN"))

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if refresh:
            path.write_bytes(text.encode())
        assert text == path.read_bytes().decode(), f"{name} differs; HVEADMIN_REFRESH_GOLDEN=1 writes it anew"

    return compare
