"""
HVE407: an application is named by its display name.

`apps` says `name:` where it could say `client_id:` or `object_id:`.

Why it matters: display names in Entra ID are not unique, and whoever may register an application chooses one. A
configuration that grants by name can be made to grant to a stranger: by a second application of that name, every plan
stops; by a rename, another application takes the first one's place.

How to mend it: `hveadmin app whatis NAME` says which application bears the name. Write its `client_id` in place of
`name`, and keep the name as the entry's own.

`hve.lock.yaml` limits the danger, because an application that is pinned is not replaced silently (HVE208), but the
first `hveadmin app pin` still believes the name.
"""

from __future__ import annotations

from collections.abc import Iterator

from hveadmin.domain.desired import ByName
from hveadmin.domain.finding import Severity
from hveadmin.policy import commands
from hveadmin.policy.engine import ConfigRule, ConfigView, Judgement
from hveadmin.policy.written import application


def judge(view: ConfigView) -> Iterator[Judgement]:
    """One judgement an application."""
    for name, app in view.desired.apps.items():
        if isinstance(app.ref, ByName):
            message = f"{name} is named by its display name, which anybody may give an application"
            yield application(app).fails(message, commands.whatis("", app.ref.name))
        else:
            yield application(app).passes(f"named by its {app.ref}")


RULE = ConfigRule(
    id="HVE407",
    severity=Severity.LOW,
    since="0.1",
    page=__doc__,
    fix="hveadmin app whatis NAME",
    references=("docs/lock-file.md",),
    judge=judge,
)
