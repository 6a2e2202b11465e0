"""hveadmin validate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument

from hveadmin.cli.options import CONFIG, OUTPUT, Options, takes
from hveadmin.errors import Outcome


@takes(CONFIG, OUTPUT)
def command(
    options: Options,
    files: Annotated[list[Path] | None, Argument(metavar="[FILE]...", help="Default: hve.yaml.")] = None,
) -> None:
    """
    Check the configuration, offline.

    Syntax, schema, names, limits and dates; nobody signs in and nothing is contacted. All problems are printed at
    once, as file:line:column. Exit codes: 0 it can be used; 2 it cannot.
    """
    from dataclasses import replace

    from hveadmin.cli.run import Run
    from hveadmin.report.validation import validation_report

    with Run(replace(options, config=(*options.config, *(files or ())))) as run:
        loaded = run.configuration()
        run.emit(validation_report(loaded.desired, [str(each) for each in loaded.warnings]))
        run.end(Outcome.OK)
