"""
hveadmin demo

The story is told by the commands themselves: what is shown is what the same words show when they are typed.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from hveadmin.errors import Outcome, UsageError

CONFIG = "hve.yaml"
LOOK_ALIKES = ("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01", "a51228f3-9b4d-5592-b750-050c900c527f")

INTRODUCTION = """\
contoso has 14 High Volume Email accounts. Each has a list of the applications that may send through it; an empty
list lets EVERY application in. The tenant is embedded: Entra ID, Microsoft Graph and Exchange answer on loopback.
"""
CHAPTERS = (
    ("1. The tenant as it was found", ("account", "list")),
    ("2. Two of the ids on those lists are not what an account's list may hold", ("app", "whatis", *LOOK_ALIKES)),
    ("3. hve.yaml says how it should be; what would change?", ("plan", "--out", ".")),
    ("4. Make exactly that plan happen", ("apply", "contoso.plan.json", "--yes", "--quiet")),
    ("5. Plan again: nothing is left to do", ("plan", "--detailed-exitcode")),
)
NEXT = """\
{folder} stays and works; its tenant lives in {folder}/.hveadmin. What to try next:

  cd {folder}
  hveadmin account show 'hve-scan@*'            who may send through it, id by id
  hveadmin account grant hve-shop@contoso.com 3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01
                                                a client id: refused, with the right id
  hveadmin account revoke hve-shop@contoso.com 1bd39b26-c74d-5862-b750-862b2b7bc8e6
                                                the last application: refused
  $EDITOR hve.yaml; hveadmin plan               change what should be
  hveadmin sandbox serve                        the tenant as a server, for tools of your own
"""


def command(
    folder: Annotated[
        Path | None, Option("--dir", metavar="DIR", help="Where to put it. Default: a new folder, hveadmin-demo.")
    ] = None,
) -> None:
    """
    Tell the whole story on an embedded tenant; nothing to sign in to.

    The tenant as found, the configuration, the plan, the apply, and the second plan with nothing to do. DIR stays
    and works. Exit codes: 0 told; 2 DIR is not empty.
    """
    here = _make(folder)
    print(INTRODUCTION)
    with _inside(here):
        for title, words in CHAPTERS:
            if words[0] == "plan" and "--out" in words:
                print(f"{_excerpt()}\n")
            _tell(title, words)
    print(NEXT.format(folder=here), end="")


def _make(folder: Path | None) -> Path:
    """A folder with the configuration and its schema in it. Raises UsageError."""
    from hveadmin.config.schema import config_schema, published

    if folder is None:
        folder = next(each for each in _names() if not each.exists())
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder", hint="name a new one, or leave --dir out")
    text = Path(__file__).with_name("demo_hve.yaml").read_text(encoding="utf-8")
    legacy_ends = date.today() + timedelta(days=60)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(text.replace("LEGACY_ENDS", legacy_ends.isoformat()), encoding="utf-8")
        (folder / "hveadmin.schema.json").write_text(published(config_schema()), encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"{folder} cannot be written: {problem.strerror}") from None
    return folder


def _names() -> Iterator[Path]:
    yield Path("hveadmin-demo")
    number = 2
    while True:
        yield Path(f"hveadmin-demo-{number}")
        number += 1


def _excerpt() -> str:
    """The part of the configuration that the story is about."""
    lines = Path(CONFIG).read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip() == "accounts:")
    return "\n".join(["From hve.yaml:", "", "    …", *(f"    {line}" for line in lines[start:])])


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in the folder, with nothing in the environment that would lead elsewhere."""
    before, environment = Path.cwd(), dict(os.environ)
    for name in _elsewhere(environment):
        del os.environ[name]
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.update(environment)


def _elsewhere(environment: Mapping[str, str]) -> list[str]:
    return [name for name in environment if name.startswith("HVEADMIN_")]


def _tell(title: str, words: tuple[str, ...]) -> None:
    from hveadmin.cli.app import run

    print(f"── {title} ".ljust(100, "─"))
    print(f"$ hveadmin {shlex.join(words)}\n", flush=True)
    code = run(list(words))
    print(flush=True)
    if code != Outcome.OK:
        raise Exit(code)
