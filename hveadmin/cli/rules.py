"""What the policy rules are, and why each matters."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "list": Entry("hveadmin.cli.rules_list", "List every policy rule."),
    "explain": Entry("hveadmin.cli.rules_explain", "Explain rules: what fails, why it matters, how to mend it."),
}
