"""
What is mended with Microsoft's own tools, because hveadmin writes to no directory and to no account but its list.

What somebody else chose becomes one quoted argument, so that nothing in it is obeyed.
"""

from __future__ import annotations

from hveadmin.domain.ids import Address, ClientId, Guid, ObjectId
from hveadmin.domain.powershell import quoted


def restore(deleted: Guid) -> str:
    """Bring a deleted application or enterprise application back; it keeps its id [G]."""
    return f"Restore-MgDirectoryDeletedItem -DirectoryObjectId {deleted}"


def enable(principal: ObjectId) -> str:
    """Let an enterprise application sign in again."""
    return f"Update-MgServicePrincipal -ServicePrincipalId {principal} -AccountEnabled:$true"


def block_basic_authentication(account: Address) -> str:
    """
    Give the user a policy of its own that blocks basic authentication.

    A new policy allows none of it [D]; where there is one already, the first command says so and the second one works.
    """
    name = quoted("Block Basic Auth")
    user = f"Set-User -Identity {quoted(account.value)} -AuthenticationPolicy {name}"
    return f"New-AuthenticationPolicy -Name {name}; {user}"


def set_billing_policy(account: Address) -> str:
    """Give an account a billing policy; the first command shows which there are."""
    of = quoted(account.value)
    return (
        "Get-BillingPolicy -ResourceType HVE;"
        f" Set-HVEAccountBillingPolicy -Identity {of} -BillingPolicyId 'BILLING-POLICY-ID'"
    )


def new_secret(client: ClientId) -> str:
    """Have a new secret made beside the old ones (Azure CLI). It is printed once, where the command runs."""
    return f"az ad app credential reset --id {client} --append --years 1"


def new_certificate(client: ClientId) -> str:
    """Register the public half of a new certificate beside the old ones (Azure CLI)."""
    return f"az ad app credential reset --id {client} --cert @public-half.pem --append"
