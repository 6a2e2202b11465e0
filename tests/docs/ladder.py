"""The profiles that permissions.md walks through: one for each of the sandbox's applications that sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from hveadmin.sandbox.server import Sandbox


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """Serve the tenant of the demo's folder, with ladder.yaml beside it that leads there."""
    with Sandbox.open(folder / ".hveadmin" / "sandbox.db") as sandbox, sandbox.serve() as running:
        url = running.base_url
        profiles = {
            name: {
                "cloud": "custom",
                "endpoints": {"login": url, "graph": url, "exchange": url},
                "ca": str(running.ca_pem),
                "auth": {
                    "kind": "client_secret",
                    "client_id": each.client_id,
                    "secret": {"file": str(each.secret_path)},
                },
            }
            for name, each in sandbox.operators().items()
        }
        (folder / "ladder.yaml").write_text(yaml.safe_dump({"profiles": profiles}), encoding="utf-8")
        yield
