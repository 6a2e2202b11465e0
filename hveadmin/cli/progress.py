"""A progress bar on stderr, for a person at a terminal."""

from __future__ import annotations

from contextlib import ExitStack

from hveadmin.domain.ports import Progress, no_progress


def bar(closing: ExitStack, *, wanted: bool) -> Progress:
    """A bar that lives until `closing` closes; nothing at all where it is not wanted."""
    if not wanted:
        return no_progress
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    bars = closing.enter_context(
        Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,  # the result may go to a file while the bar is on a terminal
            redirect_stderr=False,
        )
    )
    tasks = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    return show
