"""hveadmin sandbox seed"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

from typer import Argument

from hveadmin.cli.app import complain
from hveadmin.cli.sandbox_serve import StateOption


def command(
    seed: Annotated[str, Argument(help="contoso, or fleet:TENANTSxACCOUNTSxAPPS.")] = "contoso",
    state: StateOption = None,
) -> None:
    """
    Forget everything and fill it anew.

    contoso is 14 accounts that show every story; fleet:2x100x10 is 2 tenants of 100 accounts with 10 applications
    each. Exit codes: 0 filled; 2 no such seed.
    """
    fill(state, seed)


def fill(state: Path | None, seed: str | None) -> None:
    """Fill the sandbox from a seed, or from the one it has, and forget its journals."""
    from hveadmin.sandbox.server import Sandbox
    from hveadmin.wiring import journals_of, sandbox_path

    path = (state or sandbox_path(os.environ)).absolute()
    with Sandbox.open(path, seed=seed or "contoso") as sandbox:
        sandbox.reseed(seed or sandbox.seed)
        shutil.rmtree(journals_of(path), ignore_errors=True)
        complain(f"{path}: filled with {sandbox.seed}")
