"""hveadmin sandbox mail"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from typer import Argument

from hveadmin.cli.options import OUTPUT, Options, takes
from hveadmin.cli.sandbox_serve import StateOption

if TYPE_CHECKING:
    from hveadmin.report.document import Report
    from hveadmin.report.mailbox import Mail
    from hveadmin.sandbox.mailbox import Mailbox, Received


@takes(OUTPUT)
def command(
    options: Options,
    number: Annotated[int | None, Argument(metavar="[NUMBER]", help="Show this message.", show_default=False)] = None,
    state: StateOption = None,
) -> None:
    """
    List the mail that its SMTP endpoint accepted, or show one message.

    Nothing is delivered anywhere else. Exit codes: 0 shown; 2 there is no such sandbox; 6 there is no such message.
    """
    from hveadmin.cli.run import Run
    from hveadmin.errors import Outcome, UsageError
    from hveadmin.report.mailbox import mail_list
    from hveadmin.sandbox.server import Sandbox
    from hveadmin.wiring import sandbox_path

    with Run(options) as run:
        path = (state or sandbox_path(run.environ)).absolute()
        # Opening one that is not there would make it.
        if not path.exists():
            raise UsageError(f"there is no sandbox in {path}", hint="start one: hveadmin sandbox serve")
        with Sandbox.open(path) as sandbox:
            if number is None:
                run.emit(mail_list([_mail(each) for each in sandbox.mailbox.messages()]))
            else:
                run.emit(_shown(sandbox.mailbox, number))
        run.end(Outcome.OK)


def _shown(mailbox: Mailbox, number: int) -> Report:
    from hveadmin.errors import Refused
    from hveadmin.report.mailbox import mail_show
    from hveadmin.sandbox.mailbox import attachments_of, parsed, text_of

    received = mailbox.find(number)
    if received is None:
        raise Refused(f"there is no message {number}", hint="hveadmin sandbox mail lists them")
    message = parsed(mailbox.content(received))
    return mail_show(_mail(received), text_of(message), attachments_of(message))


def _mail(received: Received) -> Mail:
    from hveadmin.report.mailbox import Mail, SentBy

    sender, headers = received.sender, received.headers
    return Mail(
        number=received.number,
        received_at=received.received_at,
        tenant_id=received.tenant_id,
        account=received.account,
        sent_by=SentBy(sender.kind.value, sender.client_id, sender.object_id, sender.display_name),
        mail_from=received.mail_from,
        recipients=received.recipients,
        from_header=headers.sender,
        to_header=headers.to,
        subject=headers.subject,
        date=headers.date,
        message_id=headers.message_id,
        size=received.size,
    )
