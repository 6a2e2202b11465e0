"""
What Entra's refusals mean, and what to do about each: a table by AADSTS number.

By number and not by text: the texts change, are translated, and have changed their line breaks before [F]. The
numbers and their causes are Microsoft's [D]; `entra.md` section 3.1 says which were seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hveadmin.errors import AuthError

_NUMBER = re.compile(r"AADSTS(\d{4,9})\b")
_TRACE = re.compile(r"Trace ID: ([0-9A-Fa-f-]{36})")
_CORRELATION = re.compile(r"Correlation ID: ([0-9A-Fa-f-]{36})")
_SENTENCE_END = re.compile(r"\.\s|[\r\n]|\s(?:Trace|Correlation) ID:")
_MAX_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tried to sign in, where, for what: what the sentences are filled in with."""

    client_id: str
    tenant: str
    scope: str
    login: str
    secret_is_guid: bool = False
    again: str = ""
    """The command that signs in anew."""

    @property
    def resource(self) -> str:
        """Whom the token was to be for."""
        return self.scope.removesuffix("/.default")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What happened, and what to grant or fix and where. Both are filled in from an `Attempt`."""

    message: str
    hint: str


class SignInRefused(AuthError):
    """Entra said no. `number` is the AADSTS number; the two ids are for a support ticket."""

    def __init__(
        self, message: str, *, number: int = 0, hint: str = "", correlation_id: str = "", trace_id: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.number = number
        self.correlation_id = correlation_id
        self.trace_id = trace_id


_REGISTRATION = "Entra admin centre > App registrations > the application"
_ENTERPRISE = "Entra admin centre > Enterprise applications > the application"
_USER_SIGN_IN = Refusal(
    "tenant {tenant} asks for more at this sign-in: multifactor authentication, or what Conditional Access demands",
    "a person signs in anew with {again}, from a place and device that the policy accepts; where nobody can be asked, "
    "sign in as an application (client secret, certificate, federation)",
)
_SIGN_IN_ANEW = "sign in once more: {again}"
_NOT_A_MEMBER = Refusal(
    "whoever signed in is not known in tenant {tenant}",
    "sign in with an account of that tenant, or with one that is a guest or a partner (GDAP) there: {again}",
)
_NO_TENANT = Refusal(
    "there is no tenant {tenant} in the cloud of {login}",
    "check the tenant id or domain, and the profile's cloud",
)
_NO_FEDERATION = Refusal(
    "application {client_id} has no federated credential that matches this token's issuer, subject and audience",
    f"add one, or correct its subject: {_REGISTRATION} > Certificates & secrets > Federated credentials",
)

CURABLE = frozenset({50076, 50078, 50079, 50158, 50173, 65001, 70008, 70043, 700082})
"""What a person who is asked once more can put right."""

REFUSALS: Mapping[int, Refusal] = MappingProxyType(
    {
        7000215: Refusal(
            "Entra does not accept the client secret of application {client_id}",
            "it needs the secret's Value, which is shown once when the secret is made, not its Secret ID: "
            f"{_REGISTRATION} > Certificates & secrets",
        ),
        7000222: Refusal(
            "the client secret of application {client_id} has expired",
            f"make a new one: {_REGISTRATION} > Certificates & secrets",
        ),
        700016: Refusal(
            "there is no application with the client id {client_id} in tenant {tenant}",
            "either the tenant is the wrong one, or an object id was given: the Application (client) ID is the one, "
            f"{_REGISTRATION} > Overview",
        ),
        7000229: Refusal(
            "application {client_id} has no enterprise application (service principal) in tenant {tenant}",
            "an administrator of the tenant creates it by consenting: "
            "{login}/{tenant}/adminconsent?client_id={client_id}",
        ),
        7000112: Refusal(
            "application {client_id} is disabled in tenant {tenant}",
            f"enable it: {_ENTERPRISE} > Properties > Enabled for users to sign-in",
        ),
        90002: _NO_TENANT,
        900023: _NO_TENANT,
        700027: Refusal(
            "application {client_id} does not know the certificate that was used",
            f"upload its public half: {_REGISTRATION} > Certificates & secrets > Certificates; "
            "or name the certificate that is there",
        ),
        700024: Refusal(
            "the signed assertion of application {client_id} is not valid now: expired, or this machine's clock is off",
            "set the clock (an assertion is good for minutes); a federated token must be a fresh one",
        ),
        700213: _NO_FEDERATION,
        70021: _NO_FEDERATION,
        500011: Refusal(
            "tenant {tenant} does not know {resource}",
            "check the profile's cloud and audiences; the service may also not be part of the tenant's subscriptions",
        ),
        1002012: Refusal(
            "{scope} is no scope for an application: it must end in /.default",
            "check the profile's audiences: the address alone, such as https://outlook.office365.com",
        ),
        65001: Refusal(
            "nobody has consented to application {client_id} using {resource} in tenant {tenant}",
            f"grant admin consent: {_REGISTRATION} > API permissions > Grant admin consent",
        ),
        7000218: Refusal(
            "application {client_id} must prove itself with a secret or a certificate, and sent neither",
            f"name one in the profile; for sign-in by a person: {_REGISTRATION} > Authentication > "
            "Allow public client flows",
        ),
        65002: Refusal(
            "Microsoft's own application {client_id} may not ask for {resource} in a person's name",
            "register an application of your own with the delegated permissions (public client flows on) and name it"
            " in the profile as client_id",
        ),
        65004: Refusal(
            "the person who signed in did not consent to application {client_id} using {resource}",
            "consent when asked, or let an administrator consent for everybody: "
            "{login}/{tenant}/adminconsent?client_id={client_id}",
        ),
        90094: Refusal(
            "only an administrator may consent to application {client_id} using {resource}",
            "{login}/{tenant}/adminconsent?client_id={client_id}",
        ),
        50011: Refusal(
            "application {client_id} does not know the address to which the browser is sent back, http://localhost",
            f"add it: {_REGISTRATION} > Authentication > Mobile and desktop applications; or use kind: device_code",
        ),
        50105: Refusal(
            "the person who signed in is not assigned to application {client_id} in tenant {tenant}",
            f"{_ENTERPRISE} > Users and groups, or Properties > Assignment required: No",
        ),
        50020: _NOT_A_MEMBER,
        50034: _NOT_A_MEMBER,
        50126: Refusal(
            "Entra does not accept this user name and password",
            "check both; an account whose sign-in is federated, or that has multifactor authentication, cannot sign in"
            " with a password alone: use a device code or a browser",
        ),
        50053: Refusal(
            "the account is locked, after too many wrong passwords", "wait some minutes, and check the password"
        ),
        50055: Refusal("the account's password has expired", "set a new one, or use OAuth as the application itself"),
        50057: Refusal("the account of the person who signed in is disabled", "sign in with another account: {again}"),
        70016: Refusal("nobody has confirmed the device code yet", "open the page that was shown and enter the code"),
        70020: Refusal("the device code expired before anybody confirmed it", _SIGN_IN_ANEW),
        700082: Refusal("the last sign-in is too old to be renewed: its refresh token has expired", _SIGN_IN_ANEW),
        70008: Refusal("the last sign-in cannot be renewed: what is kept of it has expired", _SIGN_IN_ANEW),
        70043: Refusal("the last sign-in is older than a policy of tenant {tenant} allows", _SIGN_IN_ANEW),
        50173: Refusal("the last sign-in was revoked: the password was changed or reset since", _SIGN_IN_ANEW),
        50078: _USER_SIGN_IN,
        50076: _USER_SIGN_IN,
        50079: _USER_SIGN_IN,
        50158: _USER_SIGN_IN,
        53000: _USER_SIGN_IN,
        53001: _USER_SIGN_IN,
        53003: _USER_SIGN_IN,
    }
)


def number_in(text: str) -> int | None:
    """The AADSTS number that a text names first, None where it names none."""
    found = _NUMBER.search(text)
    return int(found.group(1)) if found else None


def refused(description: str, attempt: Attempt) -> SignInRefused:
    """The error for what Entra wrote (`error_description`), which names an AADSTS number."""
    number = number_in(description) or 0
    known = REFUSALS.get(number)
    if known is None:
        message = f"Entra did not sign in application {attempt.client_id}: {first_sentence(description)}"
        hint = f"what the number means: {attempt.login}/error?code={number}"
    else:
        message = f"{_filled(known.message, attempt)} (AADSTS{number})"
        hint = _filled(known.hint, attempt)
    if number == 7000215 and attempt.secret_is_guid:
        hint = f"what was given is a GUID, so it is most likely the Secret ID; {hint}"
    correlation, trace = _found(_CORRELATION, description), _found(_TRACE, description)
    return SignInRefused(
        message, number=number, hint=_with_ticket(hint, correlation, trace), correlation_id=correlation, trace_id=trace
    )


def first_sentence(text: str) -> str:
    """The first sentence of a text that somebody else wrote, in one line without control characters."""
    begin = _NUMBER.search(text)
    sentence = _SENTENCE_END.split(text[begin.start() if begin else 0 :].lstrip(), maxsplit=1)[0]
    printable = "".join(each if each.isprintable() else " " for each in sentence)
    return " ".join(printable.split())[:_MAX_SENTENCE]


def _filled(template: str, attempt: Attempt) -> str:
    return template.format(
        client_id=attempt.client_id,
        tenant=attempt.tenant,
        scope=attempt.scope,
        resource=attempt.resource,
        login=attempt.login,
        again=attempt.again or "hveadmin auth login",
    )


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1).lower() if found else ""


def _with_ticket(hint: str, correlation_id: str, trace_id: str) -> str:
    ids = ((" correlation id ", correlation_id), (" trace id ", trace_id))
    ticket = ",".join(f"{name}{value}" for name, value in ids if value)
    return f"{hint}; for a ticket:{ticket}" if ticket else hint
