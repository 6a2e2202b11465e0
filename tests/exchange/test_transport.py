from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from builders import address, apps

from hveadmin.errors import AuthError, NotFound, Refused, ServiceError
from hveadmin.exchange.cmdlet import Cmdlet, Record, grant, list_accounts, revoke, settings_of
from hveadmin.exchange.transport import Outcome, ReadOnly, one_by_one

PAYROLL, SCAN = address("payroll"), address("scan")


class Memory:
    """A transport that answers from a table, by the cmdlet's words, and remembers what it ran."""

    def __init__(self, answers: Mapping[str, Sequence[Record] | ServiceError | AuthError]) -> None:
        self._answers = answers
        self.ran: list[Cmdlet] = []
        self.closed = False

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        self.ran.append(cmdlet)
        answer = self._answers[str(cmdlet)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        return one_by_one(self, cmdlets)

    def describe(self) -> Mapping[str, str]:
        return {"transport": "memory"}

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("cmdlet", [grant(PAYROLL, apps(1)), revoke(PAYROLL, apps(1))])
def test_a_reading_connection_sends_nothing_that_writes(cmdlet: Cmdlet) -> None:
    memory = Memory({})
    with pytest.raises(Refused):
        ReadOnly(memory).run(cmdlet)
    with pytest.raises(Refused):
        ReadOnly(memory).run_many([settings_of(PAYROLL), cmdlet])
    assert memory.ran == []


def test_and_everything_that_reads() -> None:
    memory = Memory({"Get-MailUser": [{"A": 1}], str(settings_of(SCAN)): []})
    reading = ReadOnly(memory)
    assert reading.run(list_accounts()) == [{"A": 1}]
    assert list(reading.run_many([settings_of(SCAN)])) == [(0, [])]
    assert reading.describe() == {"transport": "memory", "access": "read only"}
    reading.close()
    assert memory.closed


def test_one_by_one_a_failure_is_its_own_cmdlets_alone() -> None:
    lost = NotFound("gone", cmdlet="Get-HVEAccountSettings")
    memory = Memory({str(settings_of(PAYROLL)): lost, str(settings_of(SCAN)): [{"A": 1}]})
    assert list(one_by_one(memory, [settings_of(PAYROLL), settings_of(SCAN)])) == [(0, lost), (1, [{"A": 1}])]


def test_one_by_one_nobody_signed_in_ends_it() -> None:
    memory = Memory({str(settings_of(PAYROLL)): AuthError("no")})
    with pytest.raises(AuthError):
        list(one_by_one(memory, [settings_of(PAYROLL), settings_of(SCAN)]))
    assert len(memory.ran) == 1
