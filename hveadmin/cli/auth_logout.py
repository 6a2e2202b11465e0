"""hveadmin auth logout"""

from __future__ import annotations

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import Outcome


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    Forget who signed in with a profile.

    Removes the record of the person and their tokens for the profile's application from this machine; nobody is
    contacted. Exit codes: 0 nothing is kept any more; 1 it could not be removed; 2 there is no such profile.
    """
    from hveadmin.cli.run import Run
    from hveadmin.report.auth import SignedOut, auth_logout

    with Run(options) as run:
        loaded = run.configuration_if_any()
        profiles = {each.profile.name: each.profile for each in run.targets(loaded.desired if loaded else None)}
        outs = []
        for profile in profiles.values():
            forgotten = run.wiring.sign_out(profile)
            outs.append(SignedOut(profile.name, profile.auth.kind.value, forgotten.username, forgotten.tokens))
        run.emit(auth_logout(outs))
        run.end(Outcome.OK)
