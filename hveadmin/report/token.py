"""
A sending application's token as it may be shown: what it claims, and what that comes to. Never the token itself.

Names in it were chosen by somebody else and are escaped like all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from hveadmin.domain.health import Check, Verdict
from hveadmin.domain.sending_token import SendingToken
from hveadmin.report.doctor import WORDS, check_data, check_rows
from hveadmin.report.document import Item, Report, Row, Section, Span, Table
from hveadmin.report.style import Tone
from hveadmin.report.words import timestamp

KIND = "token"
COLUMNS = ("application", "check", "result", "seen")


def token_report(token: SendingToken, checks: Sequence[Check], *, account: str = "") -> Report:
    """A token's claims and the checks on them. `account` is the HVE account that it was held against, if any."""
    heading = (Row((Span("token", Tone.STRONG), f"of {token.actor}", *((f"for {account}",) if account else ()))),)
    section = Section(
        Table(COLUMNS, tuple((token.actor, each.name, WORDS[each.verdict], each.seen) for each in checks)),
        heading=heading,
        text=(*_claims(token), Row(), *check_rows(checks)),
        closing=(Row((_verdict(checks),)),),
        told=("application",),
    )
    return Report(
        KIND, {"tokens": [_data(token, account)], "checks": [check_data(each) for each in checks]}, (section,)
    )


def _verdict(checks: Sequence[Check]) -> str:
    broken = [each.name for each in checks if each.failed]
    if broken:
        return f"It will not do: {', '.join(broken)}."
    if any(each.verdict is Verdict.UNKNOWN for each in checks):
        return "Nothing is wrong with it, as far as could be seen. Its signature was not checked."
    if doubtful := [each.name for each in checks if each.verdict is Verdict.WARN]:
        return f"It may do, and somebody should look at: {', '.join(doubtful)}. Its signature was not checked."
    return "Nothing is wrong with it. Its signature was not checked: only the server can do that."


def _claims(token: SendingToken) -> Iterator[Row]:
    said = (
        ("audience", token.audience),
        ("tenant", token.tenant_id),
        ("client id", token.client_id),
        ("object id", token.object_id),
        ("user", token.user),
        ("roles", ", ".join(token.roles)),
        ("scopes", ", ".join(token.scopes)),
        ("proved by", token.proof),
        ("issued", _moment(token.issued)),
        ("expires", _moment(token.expires)),
    )
    for name, value in said:
        if value:
            yield Row((name, value), "claims", 2)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else timestamp(moment)


def _data(token: SendingToken, account: str) -> Item:
    return {
        "version": token.version,
        "audience": token.audience or None,
        "tenant_id": token.tenant_id or None,
        "issuer": token.issuer or None,
        "client_id": token.client_id or None,
        "object_id": token.object_id or None,
        "application": token.application or None,
        "user": token.user or None,
        "delegated": token.is_user,
        "roles": list(token.roles),
        "scopes": list(token.scopes),
        "proved_by": token.proof or None,
        "issued": _moment(token.issued) or None,
        "not_before": _moment(token.not_before) or None,
        "expires": _moment(token.expires) or None,
        "algorithm": token.algorithm or None,
        "signature_checked": False,
        "account": account or None,
    }
