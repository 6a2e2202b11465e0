"""A sending application with a secret, and everything that can be wrong between it and a sent mail."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from cli.terminal import Ran, Terminal
from smtp_senders import SECRET, client_id_of, give_secret

from hveadmin.sandbox.credentials import add_secret
from hveadmin.sandbox.seed import CONTOSO, EXCHANGE_APP_ID, guid_of
from hveadmin.sandbox.server import Running, Sandbox

SHOP_ACCOUNT, SCAN_ACCOUNT, NOC_ACCOUNT = (f"hve-{name}@contoso.com" for name in ("shop", "scan", "noc"))
SHOP = client_id_of("Shop Orders")
SHOP_PRINCIPAL = guid_of("contoso", "principal", "Shop Orders")
PAYROLL = "3f6c2b1e-6a55-4c0e-9d43-0d7f6a1b2c01"
DUNNING = client_id_of("Dunning Letters")
SEND_AS_APP = "7146a1f0-8703-45b3-9eae-527a64c00995"


@dataclass(frozen=True)
class Sending:
    """A terminal with the profile `lab`, which knows the SMTP endpoint too."""

    terminal: Terminal
    sandbox: Sandbox
    running: Running

    def type(self, *words: str | Path, **environ: str) -> Ran:
        """Type a command about the lab."""
        return self.terminal.hveadmin(*words, "-p", "lab", **environ)

    def type_line(self, line: str, *words: str) -> Ran:
        """Type a command as it was printed, with these words after it."""
        program, *arguments = shlex.split(line)
        assert program == "hveadmin", line
        return self.terminal.hveadmin(*arguments, *words)

    def secret_file(self, text: str = SECRET, name: str = "sender.secret") -> str:
        file = self.terminal.write(name, text)
        file.chmod(0o600)
        return file.name

    def listed(self, account: str, *apps: str) -> None:
        """Put ids on an account's list that the service would not take today, and let none of them be new."""
        tenant = self.sandbox.tenant("contoso")
        self.sandbox.set_switches(replace(self.sandbox.switches, validate_ids=False))
        tenant.add_apps(account, list(apps))
        self.sandbox.set_switches(replace(self.sandbox.switches, validate_ids=True))

    def principal(self, client_id: str) -> dict[str, Any]:
        return dict(self.sandbox.store.by_app_id(CONTOSO, "servicePrincipal", client_id)[0])

    def put_principal(self, client_id: str, **changes: object) -> None:
        found = self.principal(client_id)
        self.sandbox.store.put(CONTOSO, "servicePrincipal", found["id"], {**found, **changes})

    def assignments(self, client_id: str) -> list[dict[str, Any]]:
        principal = self.principal(client_id)["id"]
        return [dict(each) for each in self.sandbox.store.where(CONTOSO, "appRoleAssignment", "principalId", principal)]


def sending(terminal: Terminal, sandbox: Sandbox, running: Running) -> Sending:
    """A lab in the terminal's profiles."""
    operator = sandbox.operator
    lab = {
        "cloud": "custom",
        "endpoints": {
            **dict.fromkeys(("login", "graph", "exchange"), running.base_url),
            "smtp": running.endpoints.smtp,
        },
        "ca": str(running.ca_pem),
        "auth": {
            "kind": "client_secret",
            "client_id": operator.client_id,
            "tenant_id": CONTOSO,
            "secret": {"file": str(operator.secret_path)},
        },
    }
    path = Path(terminal.environ["HVEADMIN_PROFILES"])
    profiles = yaml.safe_load(path.read_text())
    profiles["profiles"]["lab"] = lab
    path.write_text(yaml.safe_dump(profiles))
    return Sending(terminal, sandbox, running)


@dataclass(frozen=True)
class Breakage:
    """One way to be refused, and what the doctor calls it."""

    spoil: Callable[[Sending], None]
    account: str
    client_id: str
    link: str
    """The first broken link."""
    says: str
    sender: tuple[str, ...] = ("--secret-file", "sender.secret")
    mends: str = "hveadmin"
    """Which of the remedy's commands are typed: those of `hveadmin` or of `azure_cli`."""
    wait: float = 0.0
    """Seconds to wait, as the remedy says, before its command is typed."""
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def nothing(by: Sending) -> None:
    """All is well."""


def client_id_on_the_list(by: Sending) -> None:
    give_secret(by.sandbox, PAYROLL)
    # The seed has it so: its client id is on the list of hve-scan, its service principal is not.


def not_on_the_list(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)


def no_permission(by: Sending) -> None:
    give_secret(by.sandbox, DUNNING)
    by.listed(SHOP_ACCOUNT, by.principal(DUNNING)["id"])


def on_graph_instead(by: Sending) -> None:
    report = client_id_of("report-sender-b")
    give_secret(by.sandbox, report)
    by.listed(SHOP_ACCOUNT, by.principal(report)["id"])


def no_consent(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    for each in by.assignments(SHOP):
        by.sandbox.store.delete(CONTOSO, "appRoleAssignment", each["id"])


def for_mailboxes(by: Sending) -> None:
    """SMTP.SendAsApp in place of Mail.Send, granted and requested."""
    give_secret(by.sandbox, SHOP)
    for each in by.assignments(SHOP):
        by.sandbox.store.put(CONTOSO, "appRoleAssignment", each["id"], {**each, "appRoleId": SEND_AS_APP})
    registration = by.sandbox.store.by_app_id(CONTOSO, "application", SHOP)[0]
    wanted = [{"resourceAppId": EXCHANGE_APP_ID, "resourceAccess": [{"id": SEND_AS_APP, "type": "Role"}]}]
    by.sandbox.store.put(CONTOSO, "application", registration["id"], {**registration, "requiredResourceAccess": wanted})


def secret_expired(by: Sending) -> None:
    ended = by.sandbox.clock() - timedelta(days=2)
    add_secret(by.sandbox.store, CONTOSO, SHOP, SECRET, expires=ended)


def secret_id_pasted(by: Sending) -> None:
    lasts = by.sandbox.clock() + timedelta(days=30)
    key_id = add_secret(by.sandbox.store, CONTOSO, SHOP, SECRET, expires=lasts)
    by.secret_file(key_id)


def disabled(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    by.put_principal(SHOP, accountEnabled=False)


SETTLES = 4
"""Seconds that a change takes to bind, in the scene of a young one."""


def changed_a_moment_ago(by: Sending) -> None:
    give_secret(by.sandbox, SHOP)
    by.sandbox.set_switches(replace(by.sandbox.switches, propagation_seconds=SETTLES))
    by.type("account", "grant", NOC_ACCOUNT, SHOP_PRINCIPAL, "--yes", "--quiet").ends_with(0)


BREAKAGES = {
    "the client id on the list": Breakage(
        client_id_on_the_list, SCAN_ACCOUNT, PAYROLL, "on the list", f"the list has {PAYROLL} in place of 7d0e5c1a"
    ),
    "not on the list": Breakage(not_on_the_list, NOC_ACCOUNT, SHOP, "on the list", f"{SHOP_PRINCIPAL} is not among"),
    "no permission": Breakage(no_permission, SHOP_ACCOUNT, DUNNING, "permission", "neither requested nor granted"),
    "Mail.Send on Microsoft Graph": Breakage(
        on_graph_instead, SHOP_ACCOUNT, client_id_of("report-sender-b"), "permission", "Microsoft Graph's permission"
    ),
    "no consent": Breakage(no_consent, SHOP_ACCOUNT, SHOP, "permission", "admin consent is missing"),
    "the permission for mailboxes": Breakage(for_mailboxes, SHOP_ACCOUNT, SHOP, "permission", "for mailboxes"),
    "the secret has expired": Breakage(secret_expired, SHOP_ACCOUNT, SHOP, "credentials", "all have expired"),
    "the secret's id pasted": Breakage(secret_id_pasted, SHOP_ACCOUNT, SHOP, "token", "most likely the Secret ID"),
    "the service principal disabled": Breakage(
        disabled, SHOP_ACCOUNT, SHOP, "enabled", "it is disabled", mends="azure_cli"
    ),
    "changed a moment ago": Breakage(
        changed_a_moment_ago, NOC_ACCOUNT, SHOP, "settled", "minutes ago", wait=SETTLES
    ),
}  # fmt: skip
