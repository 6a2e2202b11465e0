"""
The sandbox's memory: JSON documents in one SQLite file.

A document is addressed by tenant, kind and key. Directory objects are stored as the JSON that Graph would answer,
so that a front end reads a document and sends it. Every write is a transaction of its own unless `transaction()`
holds several together; WAL with synchronous=FULL survives a kill -9, and several processes may share the file.

Kinds (the key in brackets):
    tenant (tenant id)                         alias, domain, display_name, region scope
    servicePrincipal, application, user, group, device (object id)
    deletedServicePrincipal, deletedApplication (object id)      with deletedDateTime
    appRoleAssignment, oauth2PermissionGrant (id)
    roleAssignment (service principal object id)                 {"wids": [directory role template ids]}
    credential (client id)                                       secrets (as salted hashes), certificates, federated
    account (account guid)                                       an HVE account and its list
    accountName (any name of an account, case folded)            {"guid": account guid}
    billingPolicy (id)                                           id, name, resourceType
    authenticationPolicy (id)                                    id, name, allowBasicAuthSmtp
    organization ("config")                                      defaultAuthenticationPolicy: a policy's name
    message (number, eight digits)                               an accepted mail's envelope and headers
    messageContent (number, eight digits)                        {"base64": the mail as it came}
    operator (name)                                              an administrators' application; tenant ""
    setting (name)                                               switches, faults, keys; tenant "" for the whole sandbox
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_BUSY_SECONDS = 30.0
"""How long one process waits for another one's write."""

_SCHEMA = """
create table if not exists document (
    tenant text not null, kind text not null, key text not null, app_id text, body text not null,
    primary key (tenant, kind, key)
) without rowid;
create index if not exists document_by_app on document (tenant, kind, app_id);
"""


class Store:
    """Documents in one SQLite file. Safe to use from several threads and several processes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        give_up = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._db.execute("pragma journal_mode = wal")
                self._db.execute("pragma synchronous = full")
                self._db.executescript(_SCHEMA)
                return
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself when two connections switch a new file to WAL at once.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                    raise
            time.sleep(0.01)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing of it; may be nested. Writers of other processes wait."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("commit")

    def get(self, tenant: str, kind: str, key: str) -> Document | None:
        with self._lock:
            row = self._db.execute(
                "select body from document where tenant = ? and kind = ? and key = ?", (tenant, kind, key)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def by_app_id(self, tenant: str, kind: str, app_id: str) -> list[Document]:
        """Documents of a kind with this appId (client id)."""
        with self._lock:
            rows = self._db.execute(
                "select body from document where tenant = ? and kind = ? and app_id = ? order by key",
                (tenant, kind, app_id),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def where(self, tenant: str, kind: str, name: str, value: str) -> list[Document]:
        """Documents of a kind whose property `name` is this text. Compared inside SQLite: fleets hold thousands."""
        with self._lock:
            rows = self._db.execute(
                "select body from document where tenant = ? and kind = ? and json_extract(body, ?) = ? order by key",
                (tenant, kind, f'$."{name}"', value),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def all(self, tenant: str, kind: str) -> list[Document]:
        """Every document of a kind, ordered by key."""
        with self._lock:
            rows = self._db.execute(
                "select body from document where tenant = ? and kind = ? order by key", (tenant, kind)
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def put(self, tenant: str, kind: str, key: str, body: Document) -> None:
        app_id = body.get("appId")
        with self.transaction():
            self._db.execute(
                "insert into document (tenant, kind, key, app_id, body) values (?, ?, ?, ?, ?)"
                " on conflict (tenant, kind, key) do update set app_id = excluded.app_id, body = excluded.body",
                (tenant, kind, key, app_id, json.dumps(body, ensure_ascii=False)),
            )

    def delete(self, tenant: str, kind: str, key: str) -> None:
        with self.transaction():
            self._db.execute("delete from document where tenant = ? and kind = ? and key = ?", (tenant, kind, key))

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._db.execute("delete from document")
