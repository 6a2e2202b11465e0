"""The ladder of permissions.md is climbed as the page says, and its ids are the real ones."""

from __future__ import annotations

import pytest
from docs.ladder import served
from docs.pages import Shell, read

from hveadmin.auth.refusals import REFUSALS
from hveadmin.exchange.cmdlet import CmdletName
from hveadmin.sandbox import cmdlets
from hveadmin.sandbox.seed import EXCHANGE_APP_ID, GRAPH_APP_ID

PAGE = "permissions.md"


def test_each_rung_of_the_ladder_is_as_the_page_shows_it(shell: Shell) -> None:
    with served(shell.folder):
        assert shell.follow(PAGE) > 5


@pytest.mark.parametrize(
    "id_",
    [
        EXCHANGE_APP_ID,
        GRAPH_APP_ID,
        cmdlets.EXCHANGE_ADMINISTRATOR,
        cmdlets.RECIPIENT_ADMINISTRATOR,
        cmdlets.GLOBAL_READER,
    ],
)
def test_the_ids_are_those_that_the_sandbox_goes_by(id_: str) -> None:
    assert f"| `{id_}` |" in read(PAGE)


def test_the_cmdlets_are_those_that_hveadmin_runs() -> None:
    used = {name.value for name in CmdletName}
    assert {name for name in used if f"`{name}`" not in read(PAGE)} == set()


def test_the_numbers_that_are_explained_are_known() -> None:
    numbers = [number for number in REFUSALS if f"| AADSTS{number} |" in read(PAGE)]
    assert len(numbers) == read(PAGE).count("| AADSTS")
