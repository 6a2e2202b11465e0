"""
`gh api`, as far as our templates use it: what is asked for is a file, what is posted goes into one.

It takes no word that it does not know, so that a template cannot use an option of gh that is not looked at here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(words: list[str]) -> None:
    """Answer as gh does."""
    replies = Path(os.environ["GH_REPLIES"])
    assert os.environ["GH_TOKEN"], "gh is not signed in"
    match words:
        case ["api", "--paginate", "--slurp", path]:
            rows = json.loads((replies / path.replace("/", "_")).read_text(encoding="utf-8"))
            # A page each, so that whoever reads only the first notices.
            print(json.dumps([[row] for row in rows]))
        case ["api", "--method", "POST", path, "--field", field, "--silent"]:
            name, _, file = field.partition("=@")
            assert name == "body", field
            posted = replies / path.replace("/", "_")
            rows = json.loads(posted.read_text(encoding="utf-8")) if posted.exists() else []
            at = f"2026-11-23T10:0{len(rows)}:00Z"
            body = Path(file).read_text(encoding="utf-8").replace("\n", "\r\n")  # as GitHub gives it back
            rows.append({"user": {"login": "github-actions[bot]"}, "body": body, "created_at": at, "updated_at": at})
            posted.write_text(json.dumps(rows), encoding="utf-8")
        case _:
            sys.exit(f"gh: {words} is not looked at here")


main(sys.argv[1:])
