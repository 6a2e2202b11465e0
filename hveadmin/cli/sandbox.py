"""Serve, seed and reset the embedded tenant."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "serve": Entry("hveadmin.cli.sandbox_serve", "Answer on loopback until Ctrl-C, and print a ready profile."),
    "seed": Entry("hveadmin.cli.sandbox_seed", "Forget everything and fill it anew."),
    "reset": Entry("hveadmin.cli.sandbox_reset", "Put it back to how its seed left it."),
}
