"""
What to say where a part of the facts is not there.

Some rules look at more than lists and the directory, and for that need a right that hveadmin can otherwise do without.
Where nobody gave it, the rule has nothing to say, says so, and names the right: a check would else end in `unknown`
every night. Where the right is there and the read failed, it is unknown.
"""

from __future__ import annotations

from hveadmin.domain.tenant import Unreadable
from hveadmin.policy.about import About
from hveadmin.policy.engine import Judgement


def not_read(about: About, what: str, unread: Unreadable) -> Judgement:
    """The judgement on `what` (`whether …`), which nobody could read."""
    if unread.grant:
        return about.not_applicable(
            f"{what} was not looked at: {unread.why}. To have it looked at, grant {unread.grant}"
        )
    return about.unknown(f"{what} is not known: {unread.why}", "")
