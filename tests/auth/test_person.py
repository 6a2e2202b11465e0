"""What is kept of a person's sign-in: who it was and no token, for one application on one sign-in host."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AuthenticationRecord, AuthenticationRequiredError
from pytest import param

from hveadmin.auth.person import Kept, PersonCredential, refuse_incurable
from hveadmin.domain.ids import ClientId

CLIENT = ClientId("3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01")
TENANT = "0a5f0000-0000-4000-8000-00000000000a"
SCOPE = "https://outlook.office365.com/.default"
LOGIN = "https://login.example:8443"
RECORD = AuthenticationRecord(TENANT, CLIENT.value, "sts.example", "uid.utid", "anna@contoso.com")


@dataclass
class Reply:
    """What Entra answered."""

    body: str

    def text(self) -> str:
        return self.body

    status_code: int = 400
    reason: str = "Bad Request"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Inner:
    """azure-identity's credential as it behaves: silent first, and `authenticate` asks."""

    signed_in: bool = False
    answer: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get_token(self, *scopes: str, **options: Any) -> str:
        self.calls.append(("get_token", options))
        if not self.signed_in:
            response = Reply(json.dumps({"error": "invalid_grant", "error_description": self.answer}))
            raise AuthenticationRequiredError(scopes, response=response if self.answer else None)
        return "a token"

    def authenticate(self, **options: Any) -> AuthenticationRecord:
        self.calls.append(("authenticate", options))
        self.signed_in = True
        return RECORD

    def close(self) -> None:
        """Nothing is open."""


class TestAsking:
    def test_who_is_signed_in_is_not_asked_and_the_token_may_be_challenged(self) -> None:
        inner, kept = Inner(signed_in=True), list[AuthenticationRecord]()
        PersonCredential(inner, may_ask=True, keep=kept.append).get_token(SCOPE)
        assert inner.calls == [("get_token", {"claims": None, "enable_cae": True})]
        assert kept == []

    def test_who_is_not_is_asked_once_and_kept(self) -> None:
        inner, kept = Inner(), list[AuthenticationRecord]()
        PersonCredential(inner, may_ask=True, keep=kept.append).get_token(SCOPE, claims="{}")
        assert [name for name, _ in inner.calls] == ["get_token", "authenticate", "get_token"]
        assert inner.calls[1][1] == {"scopes": (SCOPE,), "claims": "{}", "enable_cae": True}
        assert kept == [RECORD]

    def test_who_may_not_be_asked_is_not(self) -> None:
        inner = Inner()
        with pytest.raises(AuthenticationRequiredError):
            PersonCredential(inner, may_ask=False, keep=lambda record: None).get_token(SCOPE)
        assert [name for name, _ in inner.calls] == ["get_token"]

    @pytest.mark.parametrize(
        ("answer", "asked"),
        [
            param("", True, id="nothing was kept"),
            param("AADSTS700082: The refresh token has expired.", True, id="too old"),
            param("AADSTS50076: use multi-factor authentication", True, id="more proof"),
            param("no number at all", True, id="something unknown"),
            param("AADSTS65002: Consent between first party application", False, id="never granted"),
            param("AADSTS53003: Access has been blocked by Conditional Access", False, id="a policy"),
        ],
    )
    def test_somebody_is_asked_only_where_that_can_help(self, answer: str, asked: bool) -> None:
        inner = Inner(answer=answer)
        person = PersonCredential(inner, may_ask=True, keep=lambda record: None)
        if asked:
            person.get_token(SCOPE)
        else:
            with pytest.raises(ClientAuthenticationError, match=answer.split(":")[0]):
                person.get_token(SCOPE)
        assert ("authenticate" in [name for name, _ in inner.calls]) is asked

    @pytest.mark.parametrize("body", ["", "<html>", "[]", "[" * 100_000, '{"error_description": 5}'])
    def test_an_answer_that_is_not_entras_forbids_nothing(self, body: str) -> None:
        refuse_incurable(AuthenticationRequiredError([SCOPE], response=Reply(body)))


class TestKept:
    def kept(self, folder: Path) -> Kept:
        return Kept(folder / "sign-ins" / "mine.json", LOGIN, CLIENT)

    def test_what_was_saved_is_loaded_for_the_profiles_own_host(self, tmp_path: Path) -> None:
        kept = self.kept(tmp_path)
        kept.save(RECORD)
        found = kept.load()
        assert found is not None
        assert (found.home_account_id, found.username, found.tenant_id) == ("uid.utid", "anna@contoso.com", TENANT)
        assert found.authority == LOGIN
        assert kept.username() == "anna@contoso.com"
        assert list(kept.path.parent.iterdir()) == [kept.path]

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps its rights elsewhere")
    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        kept = self.kept(tmp_path)
        kept.save(RECORD)
        assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600

    def test_for_another_application_or_host_nobody_is_kept(self, tmp_path: Path) -> None:
        kept = self.kept(tmp_path)
        kept.save(RECORD)
        assert replace(kept, login="https://other.example").load() is None
        assert replace(kept, client_id=ClientId(TENANT)).load() is None

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}', "\x00", "[" * 100_000])
    def test_a_damaged_file_is_nobody(self, tmp_path: Path, text: str) -> None:
        kept = self.kept(tmp_path)
        kept.path.parent.mkdir()
        kept.path.write_text(text)
        assert kept.load() is None

    @pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is closed to root")
    def test_a_folder_that_cannot_be_written_is_no_failure(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        self.kept(tmp_path).save(RECORD)
        tmp_path.chmod(0o700)
        assert self.kept(tmp_path).load() is None
