"""What is printed for PowerShell is PowerShell, whatever an address holds."""

from __future__ import annotations

import pytest
from builders import app, client
from powershell_grammars import GRAMMARS, nodes, parsed, text_of

from hveadmin.domain.ids import Address
from hveadmin.policy import powershell

HOSTILE = Address("o'hara\u2019;$(calc)`n\"@contoso.com")


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize(
    ("script", "names"),
    [
        (powershell.restore(app(1)), ["Restore-MgDirectoryDeletedItem"]),
        (powershell.enable(app(1)), ["Update-MgServicePrincipal"]),
        (powershell.block_basic_authentication(HOSTILE), ["New-AuthenticationPolicy", "Set-User"]),
        (powershell.set_billing_policy(HOSTILE), ["Get-BillingPolicy", "Set-HVEAccountBillingPolicy"]),
    ],
)
def test_no_address_makes_another_command_of_it(script: str, names: list[str], grammar: str) -> None:
    root = parsed(grammar, script)
    assert not root.has_error, script
    assert [text_of(each) for each in nodes(root, "command_name")] == names


def test_new_credentials_are_made_beside_the_old_ones() -> None:
    assert "--append" in powershell.new_secret(client(1))
    assert "--append" in powershell.new_certificate(client(1))
