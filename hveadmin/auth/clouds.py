"""
Microsoft's clouds as data: where to sign in, whom to ask, and what tokens are asked for.

Sources: exchange.md section 5 and entra.md section 3.5. [D] documented, [F] found in third-party code, [G] a guess.
A cloud that is not in the table, or an address that is wrong in it, is a matter of a profile: `endpoints` and
`audiences` override what is written here, field by field.

Every address is https, loopback included: tokens travel to all of them, and azure-identity and msal refuse anything
else for the sign-in host [O].
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from hveadmin.domain.profile import Audiences, Endpoints, Profile
from hveadmin.errors import UsageError

CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud: its addresses, and whom tokens are asked for."""

    name: str
    endpoints: Endpoints
    audiences: Audiences

    @property
    def is_well_known(self) -> bool:
        """
        Whether Microsoft's instance discovery knows this sign-in host.

        Asked about any other host it would call login.microsoftonline.com first [O], which a private cloud may not
        reach and need not be told about.
        """
        return any(self.endpoints.login == known.endpoints.login for known in CLOUDS.values())


CLOUDS: Mapping[str, Cloud] = MappingProxyType(
    {
        cloud.name: cloud
        for cloud in (
            Cloud(
                "worldwide",  # GCC too [D]
                Endpoints(
                    login="https://login.microsoftonline.com",
                    graph="https://graph.microsoft.com",
                    exchange="https://outlook.office365.com",
                    smtp="smtp.hve.mx.microsoft:587",
                ),
                Audiences(
                    exchange="https://outlook.office365.com",
                    graph="https://graph.microsoft.com",
                    smtp="https://outlook.office.com",
                ),
            ),
            Cloud(
                "gcc-high",  # whether HVE exists here is not documented, so no SMTP endpoint is named
                Endpoints(
                    login="https://login.microsoftonline.us",
                    graph="https://graph.microsoft.us",
                    exchange="https://outlook.office365.us",
                ),
                Audiences(
                    exchange="https://outlook.office365.us",
                    graph="https://graph.microsoft.us",
                    smtp="https://outlook.office365.us",  # [F]
                ),
            ),
            Cloud(
                "dod",
                Endpoints(
                    login="https://login.microsoftonline.us",
                    graph="https://dod-graph.microsoft.us",
                    exchange="https://outlook-dod.office365.us",
                ),
                Audiences(
                    exchange="https://outlook-dod.office365.us",
                    graph="https://dod-graph.microsoft.us",
                    smtp="https://outlook-dod.office365.us",  # [G]
                ),
            ),
            Cloud(
                "china",  # operated by 21Vianet; outlook.office365.cn is the other name that is documented for Exchange
                Endpoints(
                    login="https://login.chinacloudapi.cn",
                    graph="https://microsoftgraph.chinacloudapi.cn",
                    exchange="https://partner.outlook.cn",
                ),
                Audiences(
                    exchange="https://partner.outlook.cn",
                    graph="https://microsoftgraph.chinacloudapi.cn",
                    smtp="https://partner.outlook.cn",  # [G]
                ),
            ),
        )
    }
)


def cloud_of(profile: Profile) -> Cloud:
    """
    The cloud that a profile means, its own endpoints and audiences put over the table's.

    A custom cloud has no endpoints but its own (they may share one host and port) and keeps the worldwide audiences.
    Raises UsageError for an unknown cloud, a missing endpoint or an address that is not https://host[:port].
    """
    if profile.cloud == CUSTOM:
        base = Cloud(CUSTOM, Endpoints("", "", "", ""), CLOUDS["worldwide"].audiences)
    else:
        base = _named(profile)
    own = profile.endpoints or Endpoints("", "", "")
    given = profile.audiences or Audiences("", "", "")
    return Cloud(
        base.name,
        Endpoints(
            login=_address(profile, "login", own.login or base.endpoints.login),
            graph=_address(profile, "graph", own.graph or base.endpoints.graph),
            exchange=_address(profile, "exchange", own.exchange or base.endpoints.exchange),
            smtp=own.smtp or base.endpoints.smtp,
        ),
        Audiences(
            exchange=_audience(given.exchange or base.audiences.exchange),
            graph=_audience(given.graph or base.audiences.graph),
            smtp=_audience(given.smtp or base.audiences.smtp),
        ),
    )


def scope_of(audience: str) -> str:
    """The scope that asks for every permission granted for an audience."""
    return f"{audience}/.default"


def _named(profile: Profile) -> Cloud:
    known = CLOUDS.get(profile.cloud)
    if known is not None:
        return known
    names = (*CLOUDS, CUSTOM)
    close = difflib.get_close_matches(profile.cloud.casefold(), names, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"{_where(profile)}: there is no cloud {profile.cloud!r}",
        hint=f"{guess}the clouds are {', '.join(names)}",
    )


def _address(profile: Profile, name: str, text: str) -> str:
    """`https://host[:port]` without anything after it. Raises UsageError."""
    if not text:
        raise UsageError(
            f"{_where(profile)}: the cloud {profile.cloud!r} needs the endpoint {name!r}",
            hint=f"endpoints: {{{name}: https://host[:port], …}}",
        )
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a broken IPv6 address
        complete = False
    if not complete or parts.scheme != "https" or "@" in parts.netloc or parts.path not in ("", "/"):
        complete = False
    if not complete or parts.query or parts.fragment:
        raise UsageError(
            f"{_where(profile)}: the endpoint {name!r} is {text!r}, which is not https://host[:port]",
            hint="tokens are sent there, so it must be https, loopback included; a private CA is named with ca: FILE",
        )
    return f"https://{parts.netloc.lower()}"


def _audience(text: str) -> str:
    return text.removesuffix("/.default").rstrip("/")


def _where(profile: Profile) -> str:
    return f"{profile.source}: profile {profile.name}" if profile.source else f"profile {profile.name}"
