"""hveadmin sandbox reset"""

from __future__ import annotations

from hveadmin.cli.sandbox_seed import fill
from hveadmin.cli.sandbox_serve import StateOption


def command(state: StateOption = None) -> None:
    """
    Put it back to how its seed left it.

    Faults and switches that were turned on are forgotten too. Exit code: 0.
    """
    fill(state, None)
