"""Serve, seed and reset the embedded tenant, and read its mail."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "serve": Entry("hveadmin.cli.sandbox_serve", "Answer on loopback until Ctrl-C, and print a ready profile."),
    "seed": Entry("hveadmin.cli.sandbox_seed", "Forget everything and fill it anew."),
    "reset": Entry("hveadmin.cli.sandbox_reset", "Put it back to how its seed left it."),
    "pwsh": Entry("hveadmin.cli.sandbox_pwsh", "Serve PowerShell remoting on stdin and stdout, once."),
    "mail": Entry("hveadmin.cli.sandbox_mail", "List the mail that its SMTP endpoint accepted, or show one message."),
}
