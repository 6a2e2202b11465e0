"""
The Transport over any wire that carries PowerShell.

One session at a time, opened late: at the first cmdlet. It is opened again before a read that found it gone, once; a
cmdlet that writes is sent once, and where its answer is lost the error says `outcome_unknown`. Threads may share it,
and take turns.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hveadmin.domain.ports import Clock
from hveadmin.errors import SessionLost, TimedOut, UnreadableReply
from hveadmin.exchange.cmdlet import Cmdlet, Record
from hveadmin.exchange.powershell import errors
from hveadmin.exchange.powershell.errors import Reported, reported, without_secrets
from hveadmin.exchange.powershell.quiet import quiet_libraries
from hveadmin.exchange.powershell.runspace import Broken, NoAnswer, Runspace, Said, Wire
from hveadmin.exchange.powershell.session import (
    Connecting,
    HostCommand,
    Step,
    judge_tenant,
    names_of,
    refusal,
    which_commands,
)
from hveadmin.exchange.powershell.values import record
from hveadmin.exchange.replies import MORE_RESULTS
from hveadmin.exchange.transport import Outcome, one_by_one
from hveadmin.wire.deadline import Deadline
from hveadmin.wire.retry import Policy, Wait, decide
from hveadmin.wire.session import no_waiting

# The module on the host tries again by itself, up to five times [F]; this is for what is left.
_POLICY = Policy(tries=3)
_ASKED = "GetCommandCommand"
"""How the ids of Get-Command's own errors end."""
_RANDOM = random.SystemRandom()


@dataclass(slots=True)
class _Open:
    """A session, and whether a cmdlet has got through it yet."""

    runspace: Runspace
    used: bool = False


class PowerShellTransport:
    """Runs cmdlets in a PowerShell session on a host."""

    def __init__(
        self,
        wire: Wire,
        connecting: Connecting,
        *,
        clock: Clock,
        deadline: Deadline,
        on_wait: Callable[[str, float], None] = no_waiting,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        quiet_libraries()
        self._wire = wire
        self._connecting = connecting
        self._clock = clock
        self._deadline = deadline
        self._on_wait = on_wait
        self._jitter = jitter
        self._turn = threading.RLock()
        self._session: _Open | None = None
        self._secrets: set[str] = set(wire.secrets)

    def describe(self) -> Mapping[str, str]:
        """See Transport. What the host says of itself is in it once a session is open."""
        said = {} if self._session is None else self._session.runspace.describe()
        facts = {"transport": self._wire.transport, **self._wire.facts, "connect": self._connecting.by.value}
        return {**facts, **said, "tenant": self._connecting.tenant.value}

    def close(self) -> None:
        """See Transport: also the session on the host."""
        with self._turn:
            self._drop()

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        """See Transport. Raises Refused, before anything is sent, where the session is another tenant's (rail 7)."""
        with self._turn:
            said = self._answered(cmdlet, dict(cmdlet.parameters))
        return [] if cmdlet.writes else _records(cmdlet, said)

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        """See Transport: one after the other."""
        if any(cmdlet.writes for cmdlet in cmdlets):
            raise ValueError("cmdlets that write are run one by one, in order, each verified")
        return one_by_one(self, cmdlets)

    def exported_cmdlets(self) -> frozenset[str]:
        """
        Those of our cmdlets that the session has: what roles allow, and the endpoint shows.

        Raises AuthError, Refused or a ServiceError.
        """
        step = which_commands()
        with self._turn:
            said = self._call(step, step.parameters)
        # Names that are not there are no failure; that it could not be asked is one.
        not_asked = [each for each in said.troubles if not each.error_id.endswith(_ASKED)]
        if len(said.output) == 0 and len(not_asked) > 0:
            told = self._scrubbed(reported(not_asked[0]))
            raise UnreadableReply(
                f"the session on {self._wire.host} does not say which cmdlets it has: {told.fault.text}"
            )
        return names_of(_records(step, said))

    def reach(self) -> Mapping[str, str]:
        """Open a session unless one is open, and say what it is. Raises as `run` does."""
        with self._turn:
            self._opened(str(HostCommand.CONNECT))
        return self.describe()

    # One cmdlet, with patience

    def _answered(self, cmdlet: Cmdlet, parameters: dict[str, object]) -> Said:
        """What a cmdlet that succeeded said. Raises the error of one that did not, after the tries that make sense."""
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in parameters.items()}
        given["ErrorAction"] = "Stop"
        for attempt in itertools.count(1):
            said = self._call(cmdlet, given)
            if len(said.troubles) == 0:
                return said
            told = reported(said.troubles[0])
            if not self._worth_another_try(cmdlet, told, attempt):
                break
        raise errors.error(cmdlet, self._scrubbed(told), tries=attempt)

    def _worth_another_try(self, cmdlet: Cmdlet, told: Reported, attempt: int) -> bool:
        """Wait before another try; False where there is to be none."""
        decision = decide(
            attempt,
            told.answer,
            safe=not cmdlet.writes,
            policy=_POLICY,
            now=self._clock.now(),
            jitter=self._jitter(),
        )
        if not isinstance(decision, Wait) or not self._deadline.allows(decision.seconds):
            return False
        self._on_wait(decision.why, decision.seconds)
        self._clock.sleep(decision.seconds)
        return True

    def _call(self, asked: Cmdlet | Step, parameters: Mapping[str, object]) -> Said:
        """Run one command; a read that finds the session gone opens another, once."""
        for last in (False, True):
            session = self._opened(str(asked))
            was_used = session.used
            try:
                return self._through(session, asked, parameters)
            except Broken as broken:
                self._drop()
                may_go_again = not asked.writes and was_used and not last
                if not may_go_again:
                    raise self._lost(asked, broken) from None
        raise AssertionError  # the second time is the last

    def _through(self, session: _Open, asked: Cmdlet | Step, parameters: Mapping[str, object]) -> Said:
        """Raises Broken, and TimedOut."""
        self._deadline.check(str(asked))
        try:
            said = session.runspace.call(asked.title, parameters, self._deadline.remaining())
        except NoAnswer as nothing:
            if not nothing.usable:
                self._drop()
            raise self._timed_out(asked, nothing) from None
        except BaseException:
            # Whatever it was, nobody can say what the session is worth: Ctrl-C is the usual one.
            self._drop()
            raise
        session.used = True
        return said

    def _timed_out(self, asked: Cmdlet | Step, nothing: NoAnswer) -> TimedOut:
        over = self._deadline.remaining() <= 1
        why = f"the deadline of {self._deadline.seconds:g} s ran out" if over else f"silent for {nothing.seconds:.0f} s"
        words = f": {self._clean(nothing.why)}" if nothing.why else ""
        return TimedOut(
            f"{asked}: {self._wire.host} did not answer, {why}{words}",
            hint="allow more with --timeout",
            outcome_unknown=asked.writes,
        )

    def _lost(self, asked: Cmdlet | Step, broken: Broken) -> SessionLost:
        return SessionLost(
            f"{asked}: the session on {self._wire.host} was lost: {self._clean(broken.why)}",
            outcome_unknown=asked.writes and broken.sent,
        )

    # The session

    def _opened(self, what: str) -> _Open:
        """The session that is open, or a new one that is connected to the right tenant."""
        if self._session is not None:
            return self._session
        self._deadline.check(what)
        self._session = _Open(self._wire.open(self._deadline.remaining()))
        try:
            for step in self._connecting.steps():
                self._take(step)
        except BaseException:
            self._drop()
            raise
        return self._session

    def _take(self, step: Step) -> None:
        """One step of connecting. Raises AuthError, ConnectFailed, Refused, TimedOut or SessionLost."""
        assert self._session is not None  # noqa: S101 — it was opened just now
        token = step.parameters.get("AccessToken")
        if isinstance(token, str):
            self._secrets.add(token)
        try:
            said = self._through(self._session, step, step.parameters)
        except Broken as broken:
            raise self._lost(step, broken) from None
        if len(said.troubles) > 0:
            raise refusal(step, self._scrubbed(reported(said.troubles[0])), self._wire.host)
        if step.name is HostCommand.WHOSE:
            judge_tenant(_records(step, said), self._connecting.tenant, self._wire.host)
        self._session.used = False

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.runspace.close()

    # Words

    def _clean(self, text: str) -> str:
        return without_secrets(text, self._secrets)

    def _scrubbed(self, told: Reported) -> Reported:
        return told.with_text(self._clean(told.fault.text))


def _records(asked: Cmdlet | Step, said: Said) -> list[Record]:
    """Raises UnreadableReply for what is no record, and for a listing that was cut short."""
    if any(MORE_RESULTS in warning.lower() for warning in said.warnings):
        raise UnreadableReply(f"{asked}: the service says that there are more results than came")
    try:
        found = [record(each) for each in said.output if each is not None]
    except RecursionError:
        raise UnreadableReply(f"{asked}: the session answered with an object that contains itself") from None
    if any(each is None for each in found):
        raise UnreadableReply(f"{asked}: the session answered with something that has no properties")
    return [each for each in found if each is not None]
