"""Sign in a person with this machine's browser, which is sent back to a port of this machine (PKCE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hveadmin.auth.person import prepare_person
from hveadmin.auth.sign_in import Asked, SignIn

TIMEOUT = 300
"""Seconds for the person to sign in."""


def prepare(asked: Asked) -> SignIn:
    """Get ready to open a browser. Raises UsageError for whatever is missing."""

    def make(options: Mapping[str, Any]) -> Any:
        from azure.identity import InteractiveBrowserCredential

        return _Announced(InteractiveBrowserCredential(timeout=TIMEOUT, **options), asked)

    return prepare_person(asked, make)


class _Announced:
    """Says that a browser opens before it does."""

    def __init__(self, inner: Any, asked: Asked) -> None:
        self._inner = inner
        self._asked = asked

    def get_token(self, *scopes: str, **options: Any) -> Any:
        return self._inner.get_token(*scopes, **options)

    def authenticate(self, **options: Any) -> Any:
        self._asked.person.show(f"to sign in, go on in the browser (within {TIMEOUT} s)")
        return self._inner.authenticate(**options)

    def close(self) -> None:
        self._inner.close()
