"""List and show HVE accounts; grant and revoke single applications."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "list": Entry("hveadmin.cli.account_list", "List every HVE account and who may send through it."),
    "show": Entry("hveadmin.cli.account_show", "Show accounts with each application on their lists."),
    "grant": Entry("hveadmin.cli.account_grant", "Let applications send through an account."),
    "revoke": Entry("hveadmin.cli.account_revoke", "Take applications off an account's list."),
}
