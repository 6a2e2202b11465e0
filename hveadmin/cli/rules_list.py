"""hveadmin rules list"""

from __future__ import annotations

from hveadmin.cli.options import CONFIG, OUTPUT, Options, takes
from hveadmin.errors import Outcome


@takes(CONFIG, OUTPUT)
def command(options: Options) -> None:
    """
    List every policy rule.

    With what the configuration says of each, where there is a configuration. Nothing is contacted. Exit codes: 0
    listed; 2 the configuration cannot be used.
    """
    from hveadmin.cli.run import Run
    from hveadmin.policy.rules import ALL_RULES
    from hveadmin.report.rules import rule_list

    with Run(options) as run:
        loaded = run.configuration_if_any()
        run.emit(rule_list(tuple(ALL_RULES.values()), loaded.desired.policy.rules if loaded is not None else None))
        run.end(Outcome.OK)
