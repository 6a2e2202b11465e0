"""
Signing in a person: what is kept of a sign-in, and when somebody is asked.

- Tokens of a person are worth as much as the person. They are kept encrypted by the operating system (DPAPI, Keychain,
  libsecret) or in memory, and in a plain file only where the profile says so (`allow_unencrypted_cache`).
- Who signed in is kept beside them, a file a profile without any token, so that the next command finds the tokens.
- Nobody is asked unless they may be: a job without a person would wait for a quarter of an hour.
- A person's sign-in always asks for tokens that know continuous access evaluation: they are kept apart from the
  others [O], and a challenge in the middle of a command must find the refresh token without asking anybody.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hveadmin.auth.connection import causes
from hveadmin.auth.refusals import CURABLE, number_in
from hveadmin.auth.sign_in import Asked, Granted, SignIn, client_id_of, tenant_of
from hveadmin.domain.ids import ClientId
from hveadmin.domain.profile import AuthSettings
from hveadmin.errors import AuthError, HveAdminError

if TYPE_CHECKING:
    from azure.identity import AuthenticationRecord, AuthenticationRequiredError, TokenCachePersistenceOptions

EXCHANGE_MODULE = ClientId("fb78d390-0c51-40cd-8e17-fdbfab77341b")
"""The public application of Microsoft's Exchange module, which may manage Exchange in a person's name [F]."""
CACHE = "hveadmin"
"""The name of the token cache in the operating system's keeping."""
ALLOW_PLAIN = "allow_unencrypted_cache"

_VERSION = 1

MakeCredential = Callable[[Mapping[str, Any]], Any]
"""Makes azure-identity's interactive credential of one kind."""


def prepare_person(asked: Asked, make: MakeCredential) -> SignIn:
    """What the kinds that sign in a person share. Raises UsageError."""
    client_id = _application(asked.auth)
    tenant = tenant_of(asked, asked.environ.get("HVEADMIN_TENANT_ID", ""))
    allow_plain = asked.auth.options.get(ALLOW_PLAIN, "") == "true"
    records = asked.person.records
    kept = Kept(_file(records, asked.profile), asked.login, client_id) if records is not None else None
    again = f"hveadmin auth login --profile {asked.profile}" if asked.profile else "hveadmin auth login"

    def credential(options: Mapping[str, Any]) -> PersonCredential:
        cache = cache_options(allow_plain=allow_plain)
        if cache is None and asked.person.may_be_asked:
            asked.person.show(NO_KEYRING)
        shared = {
            **options,
            "client_id": client_id.value,
            "tenant_id": tenant,
            "disable_automatic_authentication": True,
        }
        if cache is not None:
            shared["cache_persistence_options"] = cache
            record = kept.load() if kept is not None else None
            if record is not None:
                # With a record the credential takes the authority and the application from it, and refuses its own.
                shared.pop("authority")
                shared.pop("client_id")
                shared["authentication_record"] = record
        may_ask = asked.person.may_be_asked
        return PersonCredential(make(shared), may_ask=may_ask, keep=kept.save if kept and cache else _forget)

    def explain(error: BaseException) -> HveAdminError | None:
        return _explained(error, again)

    return SignIn(
        tenant,
        client_id,
        credential,
        proof=_proof(kept, client_id),
        kept_in=lambda: _kept_in(allow_plain=allow_plain),
        is_person=True,
        again=again,
        explain=explain,
    )


NO_KEYRING = (
    "note: this machine has no keyring that tokens can be kept in, so the sign-in lasts as long as this command "
    f"({ALLOW_PLAIN}: true in the profile keeps them in a plain file that only you may read)"
)


def _forget(record: AuthenticationRecord) -> None:
    """Without a cache a record leads nowhere."""


def _proof(kept: Kept | None, client_id: ClientId) -> str:
    application = "Microsoft's Exchange module" if client_id == EXCHANGE_MODULE else str(client_id)
    who = kept.username() if kept is not None else ""
    return f"a person through {application}" + (f", last {who}" if who else "")


class PersonCredential:
    """azure-identity's interactive credential; it is silent unless somebody may be asked (a `Credential`)."""

    def __init__(self, inner: Any, *, may_ask: bool, keep: Callable[[AuthenticationRecord], None]) -> None:
        self._inner = inner
        self._may_ask = may_ask
        self._keep = keep

    def get_token(self, *scopes: str, claims: str | None = None, enable_cae: bool = False) -> Granted:
        """A token out of what is kept, else from a person who may be asked."""
        from azure.identity import AuthenticationRequiredError

        try:
            found: Granted = self._inner.get_token(*scopes, claims=claims, enable_cae=True)
        except AuthenticationRequiredError as needed:
            refuse_incurable(needed)
            if not self._may_ask:
                raise
            self._keep(self._inner.authenticate(scopes=scopes, claims=claims, enable_cae=True))
            found = self._inner.get_token(*scopes, enable_cae=True)
        return found

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def refuse_incurable(needed: AuthenticationRequiredError) -> None:
    """
    Raise where Entra said why what is kept does not do, and nobody can help by signing in again.

    The library says "interactive authentication is required" of every refusal; what Entra wrote is in the response.
    """
    from azure.core.exceptions import ClientAuthenticationError

    described = _description(needed)
    number = number_in(described)
    if number is not None and number not in CURABLE:
        raise ClientAuthenticationError(message=described) from None


def _description(needed: AuthenticationRequiredError) -> str:
    """What Entra wrote, empty where it was not asked."""
    if needed.response is None:
        return ""
    try:
        body: object = json.loads(needed.response.text())
    except (ValueError, RecursionError):
        return ""
    found = body.get("error_description") if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


def _explained(error: BaseException, again: str) -> HveAdminError | None:
    said = str(error)
    if "Interactive authentication is required" in said:
        return AuthError("nobody is signed in, and nobody can be asked here", hint=again)
    if "Timed out" in said and "authenticate" in said:
        return AuthError("nobody completed the sign-in in time", hint=again)
    if any("Failed to open a browser" in str(each) for each in causes(error)):
        return AuthError(
            "no browser could be opened here", hint="sign in on another device: kind: device_code in the profile"
        )
    return None


# What is kept


def cache_options(*, allow_plain: bool) -> TokenCachePersistenceOptions | None:
    """How azure-identity is to keep tokens on this machine; None for in memory only, where nothing encrypts them."""
    from azure.identity import TokenCachePersistenceOptions

    options = TokenCachePersistenceOptions(name=CACHE, allow_unencrypted_storage=allow_plain)
    return options if _open(options) is not None else None


def _kept_in(*, allow_plain: bool) -> str:
    """Where a person's tokens are kept on this machine, in words."""
    from azure.identity import TokenCachePersistenceOptions

    cache = _open(TokenCachePersistenceOptions(name=CACHE, allow_unencrypted_storage=allow_plain))
    if cache is None:
        return "memory only: this machine has no keyring"
    return "encrypted by the operating system" if cache.is_encrypted else "a plain file"


def _open(options: TokenCachePersistenceOptions) -> Any:
    """
    The token cache that the options mean, None where this machine has none.

    azure-identity has no public way to ask whether tokens can be kept, nor to forget them: its own loader is used, so
    that it is the same place.
    """
    from azure.identity._persistent_cache import _load_persistent_cache

    try:
        return _load_persistent_cache(options, is_cae=True)
    except (ValueError, NotImplementedError, ImportError):
        return None


@dataclass(frozen=True, slots=True)
class Kept:
    """Who signed in last with a profile: a file without any token."""

    path: Path
    login: str
    client_id: ClientId

    def load(self) -> AuthenticationRecord | None:
        """None where nobody is kept, or somebody for another application or sign-in host."""
        found = self.read()
        if found is None:
            return None
        from azure.identity import AuthenticationRecord

        # The host is the profile's own and not the one in the file: tokens are sent there.
        return AuthenticationRecord(
            tenant_id=found["tenant_id"],
            client_id=self.client_id.value,
            authority=self.login,
            home_account_id=found["home_account_id"],
            username=found["username"],
        )

    def save(self, record: AuthenticationRecord) -> None:
        """Keep it, for the owner's eyes. A folder that cannot be written means that the next command asks again."""
        text = json.dumps(
            {
                "version": _VERSION,
                "login": self.login,
                "client_id": self.client_id.value,
                "tenant_id": record.tenant_id,
                "home_account_id": record.home_account_id,
                "username": record.username,
            },
            indent=2,
        )
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text + "\n")
            os.replace(new, self.path)

    def username(self) -> str:
        """Who it is, empty for nobody."""
        found = self.read()
        return found["username"] if found is not None else ""

    def read(self) -> dict[str, str] | None:
        """What the file says; None where it is not there, damaged, or about somebody else."""
        try:
            found: object = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        names = ("login", "client_id", "tenant_id", "home_account_id", "username")
        if not isinstance(found, dict) or any(not isinstance(found.get(name), str) for name in names):
            return None
        same = found.get("version") == _VERSION and found["login"] == self.login
        return {name: found[name] for name in names} if same and found["client_id"] == self.client_id.value else None


def _file(folder: Path, profile: str) -> Path:
    return folder / f"{quote(profile or 'environment', safe='')}.json"


def _application(auth: AuthSettings) -> ClientId:
    return client_id_of(auth.client_id, "auth.client_id") if auth.client_id else EXCHANGE_MODULE


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a sign-out found and removed."""

    username: str
    """Empty where nobody was kept."""
    tokens: int
    """How many entries of the token cache were removed."""


def sign_out(folder: Path, profile: str, login: str, auth: AuthSettings) -> Forgotten:
    """
    Forget who signed in with a profile, and their tokens for its application. Nobody is contacted.

    Another profile that signs in the same person through the same application is signed out with it. Raises
    UsageError for a client id that is none, HveAdminError where the record cannot be removed.
    """
    kept = Kept(_file(folder, profile), login, _application(auth))
    found = kept.read()
    allow_plain = auth.options.get(ALLOW_PLAIN, "") == "true"
    removed = _forget_tokens(found, kept.client_id, allow_plain=allow_plain) if found is not None else 0
    try:
        kept.path.unlink(missing_ok=True)
    except OSError as error:
        raise HveAdminError(f"{kept.path} cannot be removed: {error.strerror}") from None
    return Forgotten(found["username"] if found is not None else "", removed)


def _forget_tokens(found: Mapping[str, str], client_id: ClientId, *, allow_plain: bool) -> int:
    from azure.identity import TokenCachePersistenceOptions

    cache = _open(TokenCachePersistenceOptions(name=CACHE, allow_unencrypted_storage=allow_plain))
    if cache is None:
        return 0
    kinds = cache.CredentialType
    removers = {
        kinds.REFRESH_TOKEN: cache.remove_rt,
        kinds.ACCESS_TOKEN: cache.remove_at,
        kinds.ID_TOKEN: cache.remove_idt,
    }
    owner = {"home_account_id": found["home_account_id"], "client_id": client_id.value}
    removed = 0
    for kind, remove in removers.items():
        for entry in list(cache.search(kind, query=owner)):
            remove(entry)
            removed += 1
    return removed
