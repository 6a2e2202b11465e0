"""What an auditor files: who can send as whom, since when, why, and on whose word. The findings change no exit code."""

from hveadmin.cli.lazy import Entry

COMMANDS = {
    "inventory": Entry("hveadmin.cli.report_inventory", "Every account, who may send as it, and on whose word."),
    "exposure": Entry("hveadmin.cli.report_exposure", "Who can send as whom, open accounts first."),
    "apps": Entry("hveadmin.cli.report_apps", "Every application on a list: what it may, and who answers for it."),
    "changes": Entry("hveadmin.cli.report_changes", "What our runs did, and what differs from an earlier snapshot."),
    "exceptions": Entry("hveadmin.cli.report_exceptions", "What is let be otherwise, by whom, and until when."),
}
