"""List and show applications; tell what an id is."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "list": Entry("hveadmin.cli.app_list", "List every id on any account's list."),
    "show": Entry("hveadmin.cli.app_show", "Show applications and the accounts that list them."),
    "whatis": Entry("hveadmin.cli.app_whatis", "Tell what an id is, and what to use instead."),
}
