"""Snapshot files: what was read comes back as it was, unknown as unknown, and an edit is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from builders import NOW, TENANT, account, app, client
from hypothesis import given
from hypothesis import strategies as st
from tenant_facts import facts, tenant_facts

from hveadmin.config.canonical import canonical
from hveadmin.config.schema import snapshot_schema
from hveadmin.config.snapshotfile import SnapshotFile, TenantSnapshotEntry, dumps, read, write
from hveadmin.domain.facts import TenantFacts
from hveadmin.domain.ids import TenantId
from hveadmin.domain.tenant import Credential, CredentialKind, Known, Unknown
from hveadmin.errors import Refused, UsageError

OTHER = TenantId("bbbbbbbb-0000-4000-8000-000000000002")
THROTTLED = Unknown("throttled after 5 tries")


def snapshot(*tenants: TenantSnapshotEntry) -> SnapshotFile:
    return SnapshotFile(NOW, "0.3.0", tenants)


def of(found: TenantFacts) -> SnapshotFile:
    return snapshot(TenantSnapshotEntry("contoso", found))


@given(found=tenant_facts())
def test_what_was_read_comes_back_as_it_was(found: TenantFacts, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("snapshot") / "a.json"
    write(path, of(found))
    (entry,) = read(path).tenants
    assert entry.facts == found


@given(found=tenant_facts())
def test_a_snapshot_is_what_its_schema_says(found: TenantFacts) -> None:
    jsonschema.Draft202012Validator(snapshot_schema()).validate(json.loads(dumps(of(found))))


def test_unknown_is_written_as_unknown_and_open_as_an_empty_list() -> None:
    found = facts(account("a", THROTTLED), account("b", []))
    listed = [each["allowed_apps"] for each in json.loads(dumps(of(found)))["tenants"][0]["accounts"]]
    assert listed == [{"state": "unknown", "why": "throttled after 5 tries"}, {"state": "known", "apps": []}]


def test_a_tenant_that_could_not_be_read_stands_there_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path / "a.json", snapshot(TenantSnapshotEntry("fabrikam", None, "no sign-in")))
    (entry,) = read(tmp_path / "a.json").tenants
    assert (entry.facts, entry.why_unread) == (None, "no sign-in")


def test_the_same_tenant_has_the_same_bytes_in_whatever_order_it_was_read() -> None:
    lists = [frozenset(map(app, order)) for order in ((1, 2, 3), (3, 1, 2))]
    assert len({dumps(of(facts(account("a", Known(each))))) for each in lists}) == 1


def test_the_first_characters_of_a_secret_are_not_in_it() -> None:
    secret = Credential(CredentialKind.SECRET, "key-1", hint="Xq7")
    data = dumps(of(facts(account("a", [1]), credentials={client(1): (secret,)})))
    assert b"key-1" in data
    assert b"Xq7" not in data


def test_its_owner_alone_may_read_it(tmp_path: Path) -> None:
    write(tmp_path / "a.json", of(facts(account("a", [1]))))
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


def accounts_in(document: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document["tenants"][0]["accounts"]
    return found


EDITS: list[tuple[str, Callable[[dict[str, Any]], None]]] = [
    (
        "an application more",
        lambda each: each["tenants"][0]["accounts"][0]["allowed_apps"]["apps"].append(app(9).value),
    ),
    ("an account less", lambda each: each["tenants"][0]["accounts"].clear()),
    ("another tenant id", lambda each: each["tenants"][0].update(tenant_id=OTHER.value)),
    ("an older time", lambda each: each.update(taken_at="2020-01-01T00:00:00Z")),
    ("another sha256", lambda each: each.update(sha256="0" * 64)),
    ("a key more", lambda each: each.update(note="checked")),
    ("unknown made empty", lambda each: accounts_in(each)[1].update(allowed_apps={"state": "known", "apps": []})),
]


@pytest.mark.parametrize("edit", [edit for _, edit in EDITS], ids=[what for what, _ in EDITS])
def test_an_edited_snapshot_is_refused(edit: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    document = json.loads(dumps(of(facts(account("a", [1]), account("b", THROTTLED)))))
    edit(document)
    (tmp_path / "a.json").write_bytes(canonical(document))
    with pytest.raises(Refused, match="not as hveadmin wrote it"):
        read(tmp_path / "a.json")


def test_one_that_was_only_reformatted_is_refused_too(tmp_path: Path) -> None:
    document = json.loads(dumps(of(facts(account("a", [1])))))
    (tmp_path / "a.json").write_text(json.dumps(document, indent=2))
    with pytest.raises(Refused) as refusal:
        read(tmp_path / "a.json")
    assert "reformatted" in refusal.value.reasons[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"accounts:\n", "it is not JSON"),
        (b'{"kind": "hveadmin.plan", "format_version": 1}', "its kind is not 'hveadmin.snapshot'"),
        (b'{"kind": "hveadmin.snapshot", "format_version": 2}', "this hveadmin reads format 1"),
        (b'{"kind": "hveadmin.snapshot"}', "of no known format"),
    ],
)
def test_what_is_no_snapshot_is_a_usage_error(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UsageError, match=says) as refusal:
        read(tmp_path / "a.json")
    assert refusal.value.hint


def test_a_snapshot_of_another_tenant_is_refused() -> None:
    taken = of(facts(account("a", [1])))
    with pytest.raises(Refused, match=f"the snapshot is of contoso .{TENANT}., not of contoso .{OTHER}"):
        taken.of("contoso", OTHER)


@pytest.mark.parametrize(("alias", "domain"), [("contoso", ""), ("c", "contoso.onmicrosoft.com")])
def test_without_an_id_a_tenant_is_found_by_what_it_is_called(alias: str, domain: str) -> None:
    found = facts(account("a", [1]), domain="contoso.onmicrosoft.com")
    assert of(found).of(alias, None, domain).facts == found


@pytest.mark.parametrize(
    ("alias", "domain", "of_snapshot"),
    [("contoso", "fabrikam.onmicrosoft.com", "contoso.onmicrosoft.com"), ("fabrikam", "fabrikam.onmicrosoft.com", "")],
)
def test_without_an_id_another_domain_or_another_name_is_another_tenant(
    alias: str, domain: str, of_snapshot: str
) -> None:
    with pytest.raises(Refused, match=f"not of {alias} .{domain}"):
        of(facts(account("a", [1]), domain=of_snapshot)).of(alias, None, domain)


@given(junk=st.binary(max_size=200))
def test_no_bytes_are_a_traceback(junk: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("junk") / "a.json"
    path.write_bytes(junk)
    with pytest.raises((UsageError, Refused)):
        read(path)
