"""Sign in a person on any device: a page to open and a code to enter there, shown on stderr."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hveadmin.auth.person import prepare_person
from hveadmin.auth.sign_in import Asked, SignIn


def prepare(asked: Asked) -> SignIn:
    """Get ready to show a code. Raises UsageError for whatever is missing."""

    def prompt(address: str, code: str, expires: datetime) -> None:
        asked.person.show(f"to sign in, open {address} and enter the code {code} (good until {expires:%H:%M}Z)")

    def make(options: Mapping[str, Any]) -> Any:
        from azure.identity import DeviceCodeCredential

        return DeviceCodeCredential(prompt_callback=prompt, **options)

    return prepare_person(asked, make)
