"""
The Exchange admin API, the way in that the official module takes: cmdlets over HTTPS.

    POST {exchange}/adminapi/beta/{tenant}/InvokeCommand     one cmdlet
    POST {exchange}/adminapi/beta/{tenant}/$batch            up to ten, for reads
    GET  {exchange}/adminapi/v1.0/{tenant}/EXOModuleFile     which cmdlets the caller may run

It is what Microsoft's module calls, but it is not documented for others; the other transports run the module itself.

A listing is whole or an error. The next page is asked for with the same body and headers as the first, the anchor
mailbox among them, because the link names a back end and the anchor leads there [O]. Members of a $batch are told
apart by their id alone: their order means nothing, and one without an answer has failed.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace

from hveadmin.domain.ids import TenantId
from hveadmin.errors import ServiceError, UnreadableReply
from hveadmin.exchange.cmdlet import Cmdlet, Record
from hveadmin.exchange.failures import Question, as_text
from hveadmin.exchange.replies import Page, read_batch, read_page, refusal
from hveadmin.exchange.transport import Outcome, one_by_one
from hveadmin.wire.retry import Wait
from hveadmin.wire.session import Reply, Session, WithAuthorization, as_answer

BATCH = 10
"""Members of one $batch: what the module and other clients send; the server's own limit is not documented [F]."""

MAX_PAGES = 100
"""Pages of one listing, at up to 1,000 records each."""

# A system mailbox that every tenant has. Only a routing hint, but it must be the same on every page.
_ANCHOR = "APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{tenant}"
_PAGE_SIZE = "odata.maxpagesize=1000"
_MODULE_VERSION = "3.9.0"


class RestTransport:
    """
    Runs cmdlets over one session. Threads may share it.

    `concurrency` is how many batches are on the wire at once; requests of a tenant share a limit of the service.
    """

    def __init__(self, session: Session, *, tenant: TenantId, concurrency: int = 3) -> None:
        self._session = session
        self._tenant = tenant
        self._concurrency = max(1, concurrency)
        self._connection_id = str(uuid.uuid4())
        self._batch_works = True

    def describe(self) -> Mapping[str, str]:
        """See Transport."""
        return {"transport": "rest", "endpoint": self._session.base_url, "tenant": self._tenant.value}

    def close(self) -> None:
        """See Transport."""
        self._session.close()

    def run(self, cmdlet: Cmdlet) -> Sequence[Record]:
        """See Transport."""
        reply = self._post(cmdlet, self._path("InvokeCommand"))
        return self._with_next_pages(cmdlet, read_page(cmdlet, reply))

    def run_many(self, cmdlets: Sequence[Cmdlet]) -> Iterator[Outcome]:
        """See Transport."""
        if any(cmdlet.writes for cmdlet in cmdlets):
            raise ValueError("cmdlets that write are run one by one, in order, each verified")
        places = range(len(cmdlets))
        groups = [{place: cmdlets[place] for place in places[start : start + BATCH]} for start in places[::BATCH]]
        if len(groups) <= 1 or self._concurrency == 1:
            for group in groups:
                yield from self._run_group(group)
            return
        with ThreadPoolExecutor(max_workers=self._concurrency, thread_name_prefix="exchange") as pool:
            futures = [pool.submit(self._run_group, group) for group in groups]
            try:
                for future in as_completed(futures):
                    yield from future.result()
            finally:
                _cancel(futures)

    def exported_cmdlets(self) -> frozenset[str]:
        """
        The names of the cmdlets that whoever is signed in may run, as Exchange's roles have it.

        Raises AuthError, Denied or another ServiceError where the service does not say.
        """
        reply = self._session.send(
            "GET",
            f"/adminapi/v1.0/{self._tenant}/EXOModuleFile?Version={_MODULE_VERSION}",
            headers={**self._headers(None), "CommandName": "*"},
            safe=True,
        )
        records = read_page(_MODULE_FILE, reply).records
        names = as_text(records[0].get("exportedCmdlets")) if len(records) > 0 else ""
        if not names:
            raise UnreadableReply("the list of permitted cmdlets came without one", request_id=reply.request_id)
        return frozenset(name.strip() for name in names.split(",") if name.strip())

    # One cmdlet, over as many pages as it takes.

    def _post(self, cmdlet: Cmdlet, path_or_url: str) -> Reply:
        return self._session.send(
            "POST", path_or_url, json=_body(cmdlet), headers=self._headers(cmdlet), safe=not cmdlet.writes
        )

    def _with_next_pages(self, cmdlet: Cmdlet, page: Page) -> Sequence[Record]:
        records = list(page.records)
        followed: set[str] = set()
        while page.next_link and not cmdlet.writes:
            if page.next_link in followed or len(followed) >= MAX_PAGES:
                raise UnreadableReply(f"{cmdlet}: the pages do not end")
            followed.add(page.next_link)
            page = read_page(cmdlet, self._post(cmdlet, page.next_link))
            records += page.records
        return records

    # Several at once.

    def _run_group(self, group: Mapping[int, Cmdlet]) -> list[Outcome]:
        together = len(group) > 1 and self._batch_works
        return list(self._together(group) if together else self._singly(group))

    def _singly(self, group: Mapping[int, Cmdlet]) -> Iterator[Outcome]:
        places = list(group)
        for index, outcome in one_by_one(self, list(group.values())):
            yield places[index], outcome

    def _together(self, group: Mapping[int, Cmdlet]) -> Iterator[Outcome]:
        """One $batch, and again for those members, and only those, that another try may help."""
        pending = group
        for attempt in itertools.count(1):
            try:
                answers = self._ask_together(pending, attempt)
            except ServiceError as error:
                yield from ((place, error) for place in pending)
                return
            if answers is None:
                self._batch_works = False
                yield from self._singly(pending)
                return
            waits = self._worth_another_try(answers, attempt)
            again = len(waits) > 0 and self._session.wait(max(waits.values(), key=lambda wait: wait.seconds))
            for place, cmdlet in pending.items():
                if not (again and place in waits):
                    yield place, self._settle(cmdlet, answers.get(place))
            if not again:
                return
            pending = {place: group[place] for place in waits}

    def _ask_together(self, pending: Mapping[int, Cmdlet], attempt: int) -> Mapping[int, Reply] | None:
        """Each member's answer by its place, those without one left out. None where $batch is not to be had."""

        def body(authorization: str) -> object:
            return {"requests": [self._member(str(p), cmdlet, authorization) for p, cmdlet in pending.items()]}

        headers = {**self._headers(next(iter(pending.values()))), "Prefer": f"{_PAGE_SIZE};odata.continue-on-error"}
        path = self._path("$batch")
        reply = self._session.send("POST", path, json=WithAuthorization(body), headers=headers, safe=True)
        if reply.status in (404, 405) or reply.headers.get("content-type", "").startswith("multipart/"):
            return None
        if not 200 <= reply.status < 300:
            raise refusal(Question(f"a batch of {next(iter(pending.values())).title}"), reply)
        members = read_batch(reply)
        return {p: replace(members[str(p)], tries=attempt) for p in pending if str(p) in members}

    def _worth_another_try(self, answers: Mapping[int, Reply], attempt: int) -> Mapping[int, Wait]:
        decisions = {p: self._session.consider(attempt, as_answer(reply), safe=True) for p, reply in answers.items()}
        return {place: decision for place, decision in decisions.items() if isinstance(decision, Wait)}

    def _settle(self, cmdlet: Cmdlet, reply: Reply | None) -> Sequence[Record] | ServiceError:
        if reply is None:
            return UnreadableReply(f"{cmdlet}: the batch came back without an answer to it")
        try:
            if reply.status == 401:
                return self.run(cmdlet)  # by itself it gets its one new token
            return self._with_next_pages(cmdlet, read_page(cmdlet, reply))
        except ServiceError as error:
            return error

    # What every request carries.

    def _path(self, endpoint: str) -> str:
        return f"/adminapi/beta/{self._tenant}/{endpoint}"

    def _headers(self, cmdlet: Cmdlet | None) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Language": "en-US",  # error texts are read
            "Prefer": _PAGE_SIZE,
            "X-AnchorMailbox": _ANCHOR.format(tenant=self._tenant),
            "X-ResponseFormat": "json",
            "client-request-id": str(uuid.uuid4()),
            "connection-id": self._connection_id,
        }
        return headers if cmdlet is None else {**headers, "X-CmdletName": cmdlet.name.value}

    def _member(self, member_id: str, cmdlet: Cmdlet, authorization: str) -> object:
        return {
            "id": member_id,
            "method": "POST",
            "url": f"{self._session.base_url}{self._path('InvokeCommand')}",
            "headers": {**self._headers(cmdlet), "Authorization": authorization},
            "body": _body(cmdlet),
        }


def _body(cmdlet: Cmdlet) -> dict[str, object]:
    return {"CmdletInput": {"CmdletName": cmdlet.name.value, "Parameters": dict(cmdlet.parameters)}}


def _cancel(futures: Sequence[Future[list[Outcome]]]) -> None:
    for future in futures:
        future.cancel()


_MODULE_FILE = Question("the list of permitted cmdlets")
