"""Microsoft's pages that several rules rest on. They redirect to the reader's language."""

from __future__ import annotations

OAUTH = "https://learn.microsoft.com/exchange/mail-flow-best-practices/oauth-high-volume-mails-m365"
ADD_HVE_APP_ACCESS = "https://learn.microsoft.com/powershell/module/exchangepowershell/add-hveappaccess"
