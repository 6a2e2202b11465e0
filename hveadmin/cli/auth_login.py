"""hveadmin auth login"""

from __future__ import annotations

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    Sign in with a profile, and say as whom.

    A person is asked to sign in where nothing that is kept does (device_code, browser); every other kind is tried as
    it is. With CI=true nobody is asked. Exit codes: 0 signed in; 1 the sign-in host did not answer; 2 the profile lacks
    something; 5 not signed in.
    """
    from hveadmin.cli.auth_status import report_sign_ins
    from hveadmin.cli.run import Run

    with Run(options) as run:
        report_sign_ins(run, ask=run.environ.get("CI", "").lower() != "true")
