"""From a profile's name to a tenant: whoever reads is handed nothing that writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hveadmin.errors import Refused, UsageError
from hveadmin.wiring import SANDBOX, Wiring


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[Wiring]:
    profiles = tmp_path / "profiles.yaml"
    profiles.write_text("profiles:\n  lab: {auth: {kind: environment}}\n")
    environ = {"HVEADMIN_SANDBOX": str(tmp_path / "sandbox.db"), "HVEADMIN_PROFILES": str(profiles)}
    with Wiring(environ, timeout=30, concurrency=2) as opened:
        yield opened


def test_a_connection_for_reading_has_no_writer(wiring: Wiring) -> None:
    profile = wiring.profile(SANDBOX)
    with wiring.connect(profile) as tenant, pytest.raises(Refused, match="only reads"):
        tenant.writer()
    with wiring.connect(profile, write=True) as tenant:
        assert tenant.writer() is not None


def test_the_profile_sandbox_leads_to_its_own_tenant(wiring: Wiring) -> None:
    profile = wiring.profile(SANDBOX)
    with wiring.connect(profile) as tenant:
        assert profile.auth.tenant_id == tenant.identity.tenant_id.value


def test_a_profile_that_nobody_defined_names_those_there_are(wiring: Wiring) -> None:
    with pytest.raises(UsageError) as refused:
        wiring.profile("nobody")
    assert refused.value.hint == "the profiles are lab, sandbox"
