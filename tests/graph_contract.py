"""Microsoft's own description of Graph (an OpenAPI subset, given to the project's CI): does a request conform to it?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema  # type: ignore[import-untyped]

SPEC_FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "graph-openapi-subset.json"
SPEC: dict[str, Any] = json.loads(SPEC_FILE.read_text(encoding="utf-8")) if SPEC_FILE.exists() else {}
"""Microsoft's own description; empty outside of CI, where the tests run without it and one of them says so."""


def conforms(value: object, schema: str) -> None:
    if not SPEC:
        return
    resolver = {**SPEC, "$ref": f"#/components/schemas/{schema}"}
    jsonschema.Draft202012Validator(resolver).validate(value)


def check_member(member: dict[str, Any]) -> None:
    """Path, method, query options and selected properties exist."""
    if not SPEC:
        return
    parts = urlsplit(member["url"])
    template = re.sub(r"/[0-9a-f-]{36}(?=/|$)", "/{id}", parts.path)
    template = re.sub(r"\(appId='[0-9a-f-]{36}'\)", "(appId='{appId}')", template)
    operation = SPEC["paths"][template][member["method"].lower()]
    options = {each["name"] for each in operation.get("parameters", ())}
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    assert set(query) <= options, f"{member['url']}: not documented"
    kind = "servicePrincipal" if "servicePrincipal" in template else "application"
    properties = SPEC["components"]["schemas"][f"microsoft.graph.{kind}"]["properties"]
    for name in query.get("$select", [""])[0].split(","):
        assert not name or name in properties, f"{name} is no property of {kind}"
    assert ("body" in member) == (member.get("headers") == {"Content-Type": "application/json"})
    if "body" in member:
        conforms(member["body"], "getByIdsRequest")


_COLLECTIONS = {
    "/appRoleAssignments": "collectionOf.appRoleAssignment",
    "/oauth2PermissionGrants": "collectionOf.oAuth2PermissionGrant",
}
_ONE = {"/servicePrincipals(": "microsoft.graph.servicePrincipal", "/applications(": "microsoft.graph.application"}


def check_answer(url: str, body: object) -> None:
    """What is said of an application's permissions is what Microsoft describes; other answers are not looked at."""
    path = urlsplit(url).path
    for end, schema in _COLLECTIONS.items():
        if path.endswith(end):
            conforms(body, schema)
    for start, schema in _ONE.items():
        if path.startswith(start):
            conforms(body, schema)
