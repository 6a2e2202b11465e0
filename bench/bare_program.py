"""The smallest program of two commands that Typer's manual would have one write: what `--help` costs at the least."""

import typer

app = typer.Typer()


@app.command()
def one(name: str) -> None:
    """First."""


@app.command()
def two(name: str) -> None:
    """Second."""


if __name__ == "__main__":
    app()
