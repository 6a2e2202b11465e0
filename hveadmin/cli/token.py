"""A sending application's token: get one, and tell what one is good for."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "get": Entry("hveadmin.cli.token_get", "Get a token for a sending application, for SMTP."),
    "inspect": Entry("hveadmin.cli.token_inspect", "Tell what a token is good for, offline."),
}
