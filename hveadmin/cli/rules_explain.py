"""hveadmin rules explain"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.options import CONFIG, OUTPUT, Options, takes
from hveadmin.errors import Outcome, UsageError

if TYPE_CHECKING:
    from hveadmin.policy.engine import AnyRule


@takes(CONFIG, OUTPUT)
def command(
    options: Options, ids: Annotated[list[str], Argument(metavar="ID...", help="Rules, such as HVE101.")]
) -> None:
    """
    Explain rules: what fails, why it matters, how to mend it.

    With -o md a page is written as Markdown. Nothing is contacted. Exit codes: 0 explained; 2 there is no such rule,
    or the configuration cannot be used.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.rules import rule_pages

    rules = tuple(map(_rule, dict.fromkeys(each.strip().upper() for each in ids)))
    with Run(options) as run:
        loaded = run.configuration_if_any()
        run.emit(rule_pages(rules, loaded.desired.policy.rules if loaded is not None else None))
        run.end(Outcome.OK)


def _rule(rule_id: str) -> AnyRule:
    """The rule of this id. Raises UsageError, with the one that was perhaps meant."""
    from hveadmin.config.problems import guess
    from hveadmin.policy.rules import ALL_RULES, RETIRED

    if rule_id in ALL_RULES:
        return ALL_RULES[rule_id]
    if rule_id in RETIRED:
        raise UsageError(f"{rule_id} was retired: {RETIRED[rule_id]}")
    meant = guess(rule_id, ALL_RULES)
    raise UsageError(
        f"there is no rule {rule_id!r}" + (f" (did you mean {meant}?)" if meant else ""),
        hint="hveadmin rules list shows them all",
    )
