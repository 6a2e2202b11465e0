"""
What can be asked of Graph, each question a member of a $batch. Pure.

The least privileged permission of most of them is Application.Read.All [D]. Two need Directory.Read.All, and their
refusal does no harm: `ANYTHING` (users, groups and devices then stay invisible) and `CONSENTS_OF` (delegated consent
does). Whose an address is takes User.ReadBasic.All and GroupMember.Read.All; it is asked by itself.

A filter takes at most 15 values [F: "Too many child clauses … Max allowed: 15"], getByIds 1,000 ids [D], a batch 20
members [D].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import TypeVar
from urllib.parse import quote

VALUES = 15
IDS = 1000
MEMBERS = 20
PAGE = 999
"""The largest page of a listing [D]."""

_PRINCIPAL = (
    "id,appId,displayName,accountEnabled,servicePrincipalType,appOwnerOrganizationId,disabledByMicrosoftStatus,"
    "verifiedPublisher"
)
# keyCredentials come only where they are selected, and Graph throttles who does that to 150 requests a minute and
# tenant [D]; at 15 ids a question that is far off.
_APPLICATION = "id,appId,displayName,passwordCredentials,keyCredentials"
_DELETED = "id,appId,displayName,deletedDateTime"
_TAKE_SEVERAL = frozenset({"id", "appId", "mail", "userPrincipalName"})

Each = TypeVar("Each")


class Topic(Enum):
    """What a question is about: the collection, the property that is compared, and the properties that come back."""

    PRINCIPAL_BY_ID = ("/servicePrincipals", "id", _PRINCIPAL)
    PRINCIPAL_BY_CLIENT_ID = ("/servicePrincipals", "appId", _PRINCIPAL)
    PRINCIPAL_BY_NAME = ("/servicePrincipals", "displayName", _PRINCIPAL)
    REGISTRATION_BY_ID = ("/applications", "id", _APPLICATION)
    REGISTRATION_BY_CLIENT_ID = ("/applications", "appId", _APPLICATION)
    # The cast in the path is mandatory [D].
    DELETED_PRINCIPAL_BY_CLIENT_ID = ("/directory/deletedItems/microsoft.graph.servicePrincipal", "appId", _DELETED)
    DELETED_REGISTRATION_BY_CLIENT_ID = ("/directory/deletedItems/microsoft.graph.application", "appId", _DELETED)
    # One object by its path, of whatever type; its properties differ by type, so none are selected.
    DELETED_BY_ID = ("/directory/deletedItems", "", "")
    # A POST with the ids in its body; "do not rely on $select" [F].
    ANYTHING = ("/directoryObjects/getByIds", "", "")
    # Whose address it is. The answer holds no more than what was compared.
    USER_BY_MAIL = ("/users", "mail", "id,mail")
    USER_BY_SIGN_IN_NAME = ("/users", "userPrincipalName", "id,userPrincipalName")
    GROUP_BY_MAIL = ("/groups", "mail", "id,mail")
    USER_BY_OTHER_ADDRESS = ("/users", "proxyAddresses", "id")
    GROUP_BY_OTHER_ADDRESS = ("/groups", "proxyAddresses", "id")
    # From here on: what one application may do. `{}` is the one value.
    API = ("/servicePrincipals(appId='{}')", "", "id,appId,appRoles,oauth2PermissionScopes")
    API_ID = ("/servicePrincipals(appId='{}')", "", "id,appId")
    ROLES_OF = ("/servicePrincipals/{}/appRoleAssignments", "", "")
    CONSENTS_OF = ("/servicePrincipals/{}/oauth2PermissionGrants", "", "")
    REGISTRATION_OF = (
        "/applications(appId='{}')",
        "",
        "id,appId,requiredResourceAccess,passwordCredentials,keyCredentials",
    )

    def __init__(self, path: str, compared: str, select: str) -> None:
        self.path = path
        self.compared = compared
        self.select = select

    @property
    def is_about_one(self) -> bool:
        """Answered with one object, or with 404 where it is not there; the others with a list, which may be empty."""
        return self in (Topic.DELETED_BY_ID, Topic.API, Topic.API_ID, Topic.REGISTRATION_OF)


@dataclass(frozen=True, slots=True)
class Question:
    """One question about some ids (or one name)."""

    topic: Topic
    values: tuple[str, ...]
    spelled_out: bool = False
    """`appId eq 'a' or appId eq 'b'` in place of `appId in ('a','b')`, which not every collection documents [D]."""

    def request(self) -> Mapping[str, object]:
        """The member of a batch, all but its id."""
        match self.topic:
            case Topic.ANYTHING:
                headers = {"Content-Type": "application/json"}  # a member with a body needs its own [D]
                return {"method": "POST", "url": self.topic.path, "headers": headers, "body": {"ids": [*self.values]}}
            case Topic.DELETED_BY_ID:
                return {"method": "GET", "url": f"{self.topic.path}/{self.values[0]}"}
            case Topic.API | Topic.API_ID | Topic.REGISTRATION_OF:
                url = f"{self.topic.path.format(self.values[0])}?$select={self.topic.select}"
                return {"method": "GET", "url": url}
            case Topic.ROLES_OF | Topic.CONSENTS_OF:
                return {"method": "GET", "url": f"{self.topic.path.format(self.values[0])}?$top={PAGE}"}
            case _:
                return {"method": "GET", "url": self._listing()}

    def _listing(self) -> str:
        topic = self.topic
        if topic is Topic.PRINCIPAL_BY_NAME:
            condition = f"displayName eq {_literal(self.values[0])}"
            return f"{topic.path}?$filter={condition}&$select={topic.select}&$top={PAGE}"
        if topic.compared == "proxyAddresses":
            # Only `any` is to be had for it [D]. The prefix is the protocol's; the first address has it in capitals.
            condition = f"proxyAddresses/any(p:p eq {_literal(f'smtp:{self.values[0]}')})"
        elif self.spelled_out:
            condition = " or ".join(f"{topic.compared} eq {_literal(value)}" for value in self.values)
        else:
            condition = f"{topic.compared} in ({','.join(map(_literal, self.values))})"
        return f"{topic.path}?$filter={condition}&$select={topic.select}"


def ask(topic: Topic, values: Iterable[str]) -> list[Question]:
    """The questions that ask one thing about all these values, as few as the limits allow."""
    limit = IDS if topic is Topic.ANYTHING else VALUES if topic.compared in _TAKE_SEVERAL else 1
    return [Question(topic, tuple(some)) for some in chunks(list(values), limit)]


def chunks(things: Sequence[Each], size: int) -> Iterator[Sequence[Each]]:
    """Pieces of at most `size`, in order."""
    remaining = iter(things)
    while piece := list(islice(remaining, size)):
        yield piece


def _literal(text: str) -> str:
    """
    A text inside a filter inside a URL: quotes doubled, then percent-encoded.

    The filter's own blanks, commas and quotes stay as they are, which is how a batch member's url is written [D]; a
    name may hold & # + % and anything else.
    """
    return "'" + quote(text.replace("'", "''"), safe="") + "'"
