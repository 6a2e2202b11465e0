"""hveadmin schema"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from typer import Argument


class Which(StrEnum):
    """The file formats that have a schema."""

    CONFIG = "config"
    PLAN = "plan"
    SNAPSHOT = "snapshot"


def command(which: Annotated[Which, Argument(help="Which file format.")] = Which.CONFIG) -> None:
    """
    Print the JSON Schema of a file format.

    Editors complete and check hve.yaml with it: put `# yaml-language-server: $schema=hveadmin.schema.json` on its
    first line. Exit code: 0.
    """
    from hveadmin.cli.outputs import write_out
    from hveadmin.config.schema import config_schema, plan_schema, published, snapshot_schema

    made = {Which.CONFIG: config_schema, Which.PLAN: plan_schema, Which.SNAPSHOT: snapshot_schema}
    write_out(published(made[which]()))
