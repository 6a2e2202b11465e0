"""List and show applications; tell what an id is."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "list": Entry("hveadmin.cli.app_list", "List every id on any account's list."),
    "show": Entry(
        "hveadmin.cli.app_show", "Show applications: whether they may send, what they sign in with, who lists them."
    ),
    "pin": Entry("hveadmin.cli.app_pin", "Pin every application to the service principal it is today."),
    "whatis": Entry("hveadmin.cli.app_whatis", "Tell what an id is, and what to use instead."),
    "register": Entry("hveadmin.cli.app_register", "Make an application that may send, whole."),
}
