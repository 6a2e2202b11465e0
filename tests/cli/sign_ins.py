"""Every way to sign in, set up against the sandbox: profiles, what stands in the environment, and a stand-in `az`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cli.terminal import Ran, Terminal

from hveadmin.sandbox.cmdlets import EXCHANGE_ADMINISTRATOR
from hveadmin.sandbox.entra import EXCHANGE_APP_ID, GRAPH_APP_ID, TokenEndpoint, find_tenant
from hveadmin.sandbox.identity_endpoints import (
    GITHUB_ISSUER,
    PIPELINES_ISSUER,
    IdentityEndpoints,
    Issuer,
    Machine,
)
from hveadmin.sandbox.keys import SigningKeys
from hveadmin.sandbox.seed import CONTOSO, guid_of
from hveadmin.sandbox.server import Running, Sandbox
from hveadmin.sandbox.user_flows import Person, give_role, write_person

ANNA = "anna.holm@contoso.com"
ANNA_ID = guid_of("contoso", "user", ANNA)
TOOL = "5e1f0ad0-0000-4000-8000-0000000000c1"
"""A public application of contoso with delegated permissions on Exchange and Graph."""


@dataclass
class SignIns:
    """The operator of contoso with every proof it can have, and Anna Holm, an Exchange administrator."""

    terminal: Terminal
    sandbox: Sandbox
    running: Running
    identity: IdentityEndpoints
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def operator(self) -> str:
        return self.sandbox.operator.client_id

    def profile(self, name: str, *, url: str = "", ca: str = "", audiences: Any = None, **auth: object) -> None:
        """Add a profile to the file that the terminal uses; the tenant is contoso unless said otherwise."""
        path = Path(self.terminal.environ["HVEADMIN_PROFILES"])
        profiles = yaml.safe_load(path.read_text())
        url = url or self.running.base_url
        profiles["profiles"][name] = {
            "cloud": "custom",
            "endpoints": {"login": url, "graph": self.running.base_url, "exchange": self.running.base_url},
            "ca": ca or str(self.running.ca_pem),
            **({"audiences": audiences} if audiences else {}),
            "auth": {"tenant_id": CONTOSO, **auth},
        }
        path.write_text(yaml.safe_dump(profiles))

    def type(self, *words: str, answer: str | None = None) -> Ran:
        """Type a command with what stands in the environment."""
        return self.terminal.hveadmin(*words, answer=answer, **self.environ)

    def child(self, *words: str) -> Ran:
        """The same in a process of its own."""
        return self.terminal.child(*words, **self.environ)

    def someone(self, **changes: Any) -> None:
        """Who sits before the browser."""
        write_person(self.sandbox.store, Person(**{"name": ANNA, **changes}))

    def job_token_file(self) -> Path:
        """A federated token of the operator, as Kubernetes puts it into a pod."""
        issuer = Issuer("https://kubernetes.example/contoso", "system:serviceaccount:mail:hveadmin")
        issuer.trust(self.sandbox.store, CONTOSO, self.operator)
        path = self.terminal.folder / "federated.token"
        path.write_text(issuer.sign("api://AzureADTokenExchange", datetime.now(UTC).timestamp()))
        return path

    def stand_in_for_az(self, *, prints: str = "", complains: str = "") -> None:
        """An `az` on the PATH that has tokens for Exchange and Graph, or prints or complains something else."""
        tokens = {} if prints or complains else self._operators_tokens()
        data = self.terminal.folder / "az.json"
        data.write_text(json.dumps({"tokens": tokens, "prints": prints, "complains": complains}))
        folder = self.terminal.folder / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "az"
        script.write_text(_AZ.format(python=sys.executable, data=str(data)))
        script.chmod(0o700)
        self.environ["PATH"] = f"{folder}:{self.terminal.environ['PATH']}"

    def _operators_tokens(self) -> Mapping[str, Mapping[str, object]]:
        tenant = find_tenant(self.sandbox.store, CONTOSO)
        assert tenant is not None
        keys = SigningKeys(self.sandbox.store)
        endpoint = TokenEndpoint(self.sandbox.store, keys, datetime.now(UTC), self.running.base_url)
        application = endpoint.application(tenant, self.operator)
        found = {}
        for resource in ("https://outlook.office365.com", "https://graph.microsoft.com"):
            answer = endpoint.app_only(application, resource, "1")
            expires = datetime.now(UTC).timestamp() + answer["expires_in"]
            found[resource] = {"accessToken": answer["access_token"], "expires_on": int(expires)}
        return found


_AZ = """#!{python}
import json, sys
said = json.load(open({data!r}))
if said["complains"]:
    sys.exit(said["complains"])
options = dict(zip(sys.argv, sys.argv[1:]))
assert sys.argv[1:3] == ["account", "get-access-token"], sys.argv
found = said["prints"] or json.dumps({{**said["tokens"][options["--resource"]], "tokenType": "Bearer"}})
print(found)
"""


def sign_ins(terminal: Terminal, sandbox: Sandbox, running: Running, identity: IdentityEndpoints) -> SignIns:
    """Everything set up but the profiles."""
    give_role(sandbox.store, CONTOSO, ANNA_ID, EXCHANGE_ADMINISTRATOR)
    _public_tool(sandbox)
    for issuer in (identity.machine.github, identity.machine.pipelines):
        issuer.trust(sandbox.store, CONTOSO, sandbox.operator.client_id)
    found = SignIns(terminal, sandbox, running, identity)
    found.someone()
    return found


def machine(sandbox: Sandbox) -> Machine:
    """A machine whose identity is the operator."""
    return Machine(
        CONTOSO,
        (sandbox.operator.client_id,),
        github=Issuer(GITHUB_ISSUER, "repo:contoso/mail:ref:refs/heads/main"),
        pipelines=Issuer(PIPELINES_ISSUER, "sc://contoso/mail/hveadmin"),
    )


def _public_tool(sandbox: Sandbox) -> None:
    """Registered with public client flows on, and consented to for everybody."""
    store = sandbox.store
    template = store.by_app_id(CONTOSO, "application", sandbox.operator.client_id)[0]
    principal = store.by_app_id(CONTOSO, "servicePrincipal", sandbox.operator.client_id)[0]
    names = {"displayName": "hveadmin for people", "appId": TOOL}
    registered, enterprise = guid_of("tool", "registration"), guid_of("tool", "principal")
    store.put(
        CONTOSO, "application", registered, {**template, **names, "id": registered, "isFallbackPublicClient": True}
    )
    store.put(CONTOSO, "servicePrincipal", enterprise, {**principal, **names, "id": enterprise})
    for api, scope in ((EXCHANGE_APP_ID, "Exchange.Manage"), (GRAPH_APP_ID, "Application.Read.All Directory.Read.All")):
        resource = store.by_app_id(CONTOSO, "servicePrincipal", api)[0]["id"]
        consent = {"clientId": enterprise, "consentType": "AllPrincipals", "principalId": None, "scope": scope}
        key = guid_of("tool", "consent", api)
        store.put(CONTOSO, "oauth2PermissionGrant", key, {**consent, "id": key, "resourceId": resource})
