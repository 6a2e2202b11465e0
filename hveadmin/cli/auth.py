"""Sign in, sign out, and tell who is signed in."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "login": Entry("hveadmin.cli.auth_login", "Sign in with a profile, and say as whom."),
    "logout": Entry("hveadmin.cli.auth_logout", "Forget who signed in with a profile."),
    "status": Entry("hveadmin.cli.auth_status", "Tell who is signed in, and what they may do."),
}
