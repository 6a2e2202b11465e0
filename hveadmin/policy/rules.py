"""
Every rule, in the order of their ids. Adding one is a file `hveNNN_subject.py`, an import and a line here.

    1xx open accounts   2xx applications on lists   3xx configuration against tenant   4xx what the configuration says
    5xx waivers         6xx whether it can send     9xx what could not be found out
"""

from __future__ import annotations

from collections.abc import Mapping

from hveadmin.policy import (
    hve101_open,
    hve102_exception_ended,
    hve103_exception_unbacked,
    hve104_opened_after_run,
    hve105_restricted_anyway,
    hve106_basic_authentication,
    hve201_unknown_app,
    hve202_forbidden_app,
    hve203_client_id,
    hve204_registration_id,
    hve205_dead_id,
    hve206_disabled_app,
    hve207_foreign_app,
    hve208_changed_pin,
    hve209_cannot_send,
    hve210_credential_life,
    hve301_missing_app,
    hve302_extra_app,
    hve303_account_without_entry,
    hve304_account_not_found,
    hve305_idle_selector,
    hve401_nearly_full,
    hve402_without_owner_or_reason,
    hve403_grant_ended,
    hve404_ends_soon,
    hve405_app_on_many_accounts,
    hve406_unused_app,
    hve407_named_by_display_name,
    hve501_waiver_past_its_end,
    hve502_idle_waiver,
    hve601_billing,
    hve901_unread_account,
    hve902_account_list_incomplete,
    hve903_unread_directory,
    hve904_old_data,
)
from hveadmin.policy.engine import AnyRule, ConfigRule, TenantRule, WaiverRule

CONFIG_RULES: tuple[ConfigRule, ...] = (
    hve402_without_owner_or_reason.RULE,
    hve404_ends_soon.RULE,
    hve406_unused_app.RULE,
    hve407_named_by_display_name.RULE,
)
"""About the configuration alone: they run with --config-only too."""

TENANT_RULES: tuple[TenantRule, ...] = (
    hve101_open.RULE,
    hve102_exception_ended.RULE,
    hve103_exception_unbacked.RULE,
    hve104_opened_after_run.RULE,
    hve105_restricted_anyway.RULE,
    hve106_basic_authentication.RULE,
    hve201_unknown_app.RULE,
    hve202_forbidden_app.RULE,
    hve203_client_id.RULE,
    hve204_registration_id.RULE,
    hve205_dead_id.RULE,
    hve206_disabled_app.RULE,
    hve207_foreign_app.RULE,
    hve208_changed_pin.RULE,
    hve209_cannot_send.RULE,
    hve210_credential_life.RULE,
    hve301_missing_app.RULE,
    hve302_extra_app.RULE,
    hve303_account_without_entry.RULE,
    hve304_account_not_found.RULE,
    hve305_idle_selector.RULE,
    hve401_nearly_full.RULE,
    hve403_grant_ended.RULE,
    hve405_app_on_many_accounts.RULE,
    hve601_billing.RULE,
    hve901_unread_account.RULE,
    hve902_account_list_incomplete.RULE,
    hve903_unread_directory.RULE,
    hve904_old_data.RULE,
)  # fmt: skip
"""About a tenant and the configuration."""

OFFLINE_RULES: tuple[ConfigRule, ...] = (
    hve103_exception_unbacked.OFFLINE,
    hve202_forbidden_app.OFFLINE,
)
"""What tenant rules can say of the configuration alone: they stand in for them with --config-only."""

WAIVER_RULES: tuple[WaiverRule, ...] = (
    hve501_waiver_past_its_end.RULE,
    hve502_idle_waiver.RULE,
)
"""About what became of the waivers: they run last."""

_EVERY: tuple[AnyRule, ...] = (*CONFIG_RULES, *TENANT_RULES, *WAIVER_RULES)
ALL_RULES: Mapping[str, AnyRule] = {rule.id: rule for rule in sorted(_EVERY, key=lambda rule: rule.id)}
"""By id, in order."""

RETIRED: Mapping[str, str] = {}
"""Ids that are never used again, each with what came of the rule."""
