"""hveadmin auth status"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hveadmin.cli.options import CONFIG, CONNECT, OUTPUT, SELECT_TENANT, Options, takes
from hveadmin.errors import AuthError, HveAdminError, Outcome, worst

if TYPE_CHECKING:
    from hveadmin.auth.claims import TokenClaims
    from hveadmin.auth.clouds import Cloud
    from hveadmin.auth.tokens import AzureTokenSource
    from hveadmin.cli.run import Run, Target
    from hveadmin.domain.profile import AuthSettings
    from hveadmin.report.auth import Failure, FoundTenant, SignInState, Token, Tried


@takes(CONFIG, SELECT_TENANT, OUTPUT, CONNECT)
def command(options: Options) -> None:
    """
    Tell who is signed in, and what they may do.

    Nobody is asked anything: a person's sign-in counts where a token can be had of what is kept. Exit codes: 0 signed
    in; 1 the sign-in host did not answer; 2 the profile lacks something; 5 not signed in.
    """
    from hveadmin.cli.run import Run

    with Run(options) as run:
        report_sign_ins(run, ask=False)


def report_sign_ins(run: Run, *, ask: bool) -> None:
    """Try every tenant of the run, report, and end. `ask`: whether a person may be asked to sign in."""
    from hveadmin.report.auth import auth_status
    from hveadmin.report.document import together

    loaded = run.configuration_if_any()
    looks = [_Look(run, target, ask=ask) for target in run.targets(loaded.desired if loaded else None)]
    run.emit(together([auth_status(look.state()) for look in looks]))
    run.end(worst(look.outcome for look in looks))


class _Look:
    """One tenant's sign-in: prepared, tried for Exchange and for Graph, and looked up in public."""

    def __init__(self, run: Run, target: Target, *, ask: bool) -> None:
        self._run = run
        self._target = target
        self._ask = ask
        self.outcome = Outcome.OK

    def state(self) -> SignInState:
        """What came of it. Raises UsageError for a profile whose cloud cannot be meant."""
        from hveadmin.report.auth import SignInState, Tried

        profile = self._target.profile
        cloud = self._run.wiring.cloud(profile)
        try:
            source = self._run.wiring.sign_in(profile, self._target.tenant, ask=self._ask)
        except HveAdminError as error:
            self.outcome = error.outcome
            asked = self._target.tenant or profile.auth.tenant_id
            tried: tuple[Tried, ...] = (Tried("Exchange", _failure(error)),)
            client_id, credential, kept_in = profile.auth.client_id, _named(profile.auth), ""
        else:
            with source:
                tried = self._try_both(source, cloud)
                signing = source.sign_in
                asked = signing.tenant
                client_id = signing.client_id.value if signing.client_id is not None else ""
                credential, kept_in = signing.proof, signing.kept_in()
        found = self._found(asked)
        return SignInState(
            tenant=self._target.alias,
            profile=profile.name,
            kind=profile.auth.kind.value,
            client_id=client_id,
            asked_tenant=asked,
            cloud=cloud.name,
            login=cloud.endpoints.login,
            credential=credential,
            kept_in=kept_in,
            tried=tried,
            found=found,
            warnings=_warnings(found, cloud),
        )

    def _try_both(self, source: AzureTokenSource, cloud: Cloud) -> tuple[Tried, ...]:
        from hveadmin.report.auth import Tried

        tried = []
        for service, audience in (("Exchange", cloud.audiences.exchange), ("Graph", cloud.audiences.graph)):
            try:
                tried.append(Tried(service, self._token(source, audience, for_exchange=service == "Exchange")))
            except HveAdminError as error:
                if service == "Exchange":
                    # Without Graph ids cannot be checked, and everything else works.
                    self.outcome = AuthError.outcome if error.outcome is Outcome.REFUSED else error.outcome
                tried.append(Tried(service, _failure(error)))
        return tuple(tried)

    def _token(self, source: AzureTokenSource, audience: str, *, for_exchange: bool) -> Token:
        from hveadmin.auth.claims import read_claims
        from hveadmin.auth.clouds import scope_of
        from hveadmin.auth.guarded import refuse_token_for_graph
        from hveadmin.wiring import refuse_another_tenant

        claims = read_claims(source.token(scope_of(audience)))
        refuse_another_tenant(claims.identity, self._target.tenant)
        if for_exchange:
            refuse_token_for_graph(claims)
        return _shown(claims)

    def _found(self, asked: str) -> FoundTenant | Failure | None:
        from hveadmin.report.auth import Failure, FoundTenant

        if not asked:
            return None
        try:
            seen = self._run.wiring.find_tenant(self._target.profile, asked)
        except HveAdminError as error:
            return Failure("what it is was not found out", error.message)
        if seen is None:
            return Failure("there is no such tenant in this cloud", "check the tenant id or domain, and the cloud")
        return FoundTenant(seen.tenant_id, seen.cloud, seen.region)


def _warnings(found: FoundTenant | Failure | None, cloud: Cloud) -> tuple[str, ...]:
    from hveadmin.auth.clouds import CLOUDS
    from hveadmin.report.auth import FoundTenant

    if not isinstance(found, FoundTenant) or cloud.name not in CLOUDS or found.cloud in ("", cloud.name):
        return ()
    return (f"the tenant is in the cloud {found.cloud}, and the profile says {cloud.name}: set cloud: {found.cloud}",)


def _failure(error: HveAdminError) -> Failure:
    from hveadmin.report.auth import Failure

    return Failure(error.message, error.hint)


def _shown(claims: TokenClaims) -> Token:
    from hveadmin.domain.health import ROLE_NAMES
    from hveadmin.report.auth import Role, Token

    return Token(
        actor=claims.actor,
        tenant_id=claims.tenant_id.value,
        audience=claims.audience,
        expires=claims.expires,
        client_id=claims.app_id.value if claims.app_id is not None else "",
        object_id=claims.object_id.value if claims.object_id is not None else "",
        is_user=bool(claims.scopes),
        roles=claims.roles,
        scopes=claims.scopes,
        directory_roles=tuple(Role(wid, ROLE_NAMES.get(wid.lower(), "")) for wid in claims.wids),
    )


def _named(auth: AuthSettings) -> str:
    """Where the profile says that the secret or certificate is, when it could not be had there."""
    if auth.secret is not None:
        return f"client secret in {auth.secret}"
    return f"certificate in file {auth.certificate}" if auth.certificate else ""
