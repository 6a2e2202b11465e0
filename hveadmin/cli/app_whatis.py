"""hveadmin app whatis"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import Incomplete, Outcome

if TYPE_CHECKING:
    from hveadmin.cli.run import Target
    from hveadmin.domain.ids import Guid
    from hveadmin.report.document import Report
    from hveadmin.wiring import Tenant


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(
    options: Options, ids: Annotated[list[str], Argument(metavar="ID...", help="Whatever somebody pasted.")]
) -> None:
    """
    Tell what an id is, and what to use instead.

    A service principal, a client id, an app registration's object id, a user, a group, deleted, or nothing of this
    tenant: one question to Entra ID if all is right, two if not. No account is read. Exit codes: 0 answered; 5 no
    sign-in or no right; 7 the directory could not be read.
    """
    from hveadmin.cli.run import Run
    from hveadmin.domain.tenant import Unreadable
    from hveadmin.report.apps import WHATIS_KIND, unread, whatis

    with Run(options) as run:
        loaded = run.configuration_if_any()

        def work(target: Target, tenant: Tenant) -> tuple[Report, Outcome]:
            view = tenant.directory.look_up(guids_in(ids))
            if isinstance(view, Unreadable):
                raise Incomplete(f"the directory could not be read: {view.why}")
            return whatis(target.alias, tenant.identity.tenant_id, ids, view), Outcome.OK

        run.each(run.targets(loaded.desired if loaded else None), work, lambda *why: unread(WHATIS_KIND, *why))


def guids_in(texts: list[str]) -> list[Guid]:
    """Those of the texts that are GUIDs; the report says of the others that they are not."""
    from hveadmin.domain.ids import Guid, NotAGuid

    found: list[Guid] = []
    for text in texts:
        try:
            found.append(Guid.parse(text))
        except NotAGuid:
            continue
    return found
