"""Send as an application would, and tell what the server's answer means."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "test": Entry(
        "hveadmin.cli.smtp_test", "Try to send as an application would, and tell what the server's answer means."
    ),
}
