"""List the configuration's tenants; test the way to them."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "list": Entry("hveadmin.cli.tenant_list", "List the tenants of the configuration."),
    "test": Entry("hveadmin.cli.tenant_test", "Sign in and try one harmless read of everything."),
}
