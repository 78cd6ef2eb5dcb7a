"""Which restrictions of app management policies apply to an application."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.errors import Severity
from onboarding.lifecycle.policies import Policies, of_secret, of_uri

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = NOW + timedelta(days=365)
ADDITION = {"restrictionType": "passwordAddition", "state": "enabled"}
EXEMPT = {
    "excludeActors": {"customSecurityAttributes": [{"id": "Set_Name", "operator": "equals", "value": "x"}]}
}


def of_passwords(*restrictions: Any, enabled: bool = True) -> dict[str, Any]:
    """A default policy with restrictions on client secrets."""
    return {"isEnabled": enabled, "applicationRestrictions": {"passwordCredentials": list(restrictions)}}


def own(*restrictions: Any, enabled: bool = True) -> list[dict[str, Any]]:
    """A policy of the application itself."""
    return [{"isEnabled": enabled, "restrictions": {"passwordCredentials": list(restrictions)}}]


def severities(tenant: Any, created_at: datetime = NOW, **policies: Any) -> list[Severity]:
    """The severities of the conflicts of a secret that is valid for a year."""
    counting = Policies(tenant=tenant, created_at=created_at, **policies)
    return [each.severity for each in of_secret(counting, END, NOW)]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, [Severity.ERROR]),
        ({"state": "disabled"}, []),
        ({"restrictForAppsCreatedAfterDateTime": "2026-03-01T12:00:00Z"}, [Severity.ERROR]),
        ({"restrictForAppsCreatedAfterDateTime": "2026-03-01T12:00:00.0000001Z"}, [Severity.ERROR]),
        ({"restrictForAppsCreatedAfterDateTime": "2026-03-01T13:00:01+01:00"}, []),
        ({"restrictForAppsCreatedAfterDateTime": None}, [Severity.ERROR]),
        (EXEMPT, [Severity.WARNING]),
        ({"excludeActors": {"customSecurityAttributes": []}}, [Severity.ERROR]),
        ({"excludeActors": None}, [Severity.ERROR]),
    ],
)
def test_a_restriction_counts_by_state_date_and_callers(change, found):
    """A restriction applies if it is enabled, from its date, and certainly only if it exempts no caller."""
    assert severities(of_passwords(ADDITION | change)) == found


def test_a_policy_that_is_off_restricts_nothing():
    """A default policy that is disabled or unreadable is no obstacle: Graph decides."""
    assert severities(of_passwords(ADDITION, enabled=False)) == []
    assert severities(None) == []


def test_a_policy_of_the_application_replaces_the_same_type():
    """The application's own restriction replaces the tenant's of the same type; other types stay."""
    short = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D"}
    assert severities(of_passwords(short), own=own(short | {"maxLifetime": "P400D"})) == []
    assert severities(of_passwords(short), own=own(ADDITION)) == [Severity.ERROR, Severity.ERROR]
    assert severities(of_passwords(), own=own(short)) == [Severity.ERROR]
    # A policy of the application that cannot be read may allow what the tenant's forbids.
    assert severities(of_passwords(short), own=None) == [Severity.WARNING]


@pytest.mark.parametrize("restrictions", [[], [ADDITION], [ADDITION | {"state": "disabled"}]])
def test_a_policy_of_the_application_that_is_off_replaces_nothing_for_certain(restrictions):
    """The tenant's restriction is a warning: Microsoft does not document whether it stays in force."""
    assert severities(of_passwords(ADDITION), own=own(*restrictions, enabled=False)) == [Severity.WARNING]
    assert severities(of_passwords(), own=own(*restrictions, enabled=False)) == []
    uris = {"nonDefaultUriAddition": {"state": "enabled"}}
    tenant = {"isEnabled": True, "applicationRestrictions": {"identifierUris": uris}}
    off = {"isEnabled": False, "restrictions": {"applicationRestrictions": {"identifierUris": uris}}}
    found = of_uri(Policies(tenant=tenant, own=[off], created_at=NOW), "api://x")
    assert [each.severity for each in found] == [Severity.WARNING]


def test_a_restriction_of_uris_counts_the_same_way():
    """The date and the exemptions of a restriction of App ID URIs also count."""

    def found(**change: Any) -> list[Severity]:
        uris = {"nonDefaultUriAddition": {"state": "enabled", **change}}
        tenant = {"isEnabled": True, "applicationRestrictions": {"identifierUris": uris}}
        return [each.severity for each in of_uri(Policies(tenant=tenant, created_at=NOW), "api://x")]

    assert found() == [Severity.ERROR]
    assert found(restrictForAppsCreatedAfterDateTime="2027-01-01T00:00:00Z") == []
    assert found(**EXEMPT) == [Severity.WARNING]
