from __future__ import annotations

import pytest

from onboarding.cloud import rbac

REGISTER = "Microsoft.KeyVault/register/action"
CONTRIBUTOR = {
    "actions": ["*"],
    "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
}


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([CONTRIBUTOR], True),
        ([{"actions": ["*/register/action"], "notActions": []}], True),
        ([{"actions": ["*/register/action"]}], True),
        ([{"actions": ["microsoft.keyvault/REGISTER/action"], "notActions": []}], True),
        ([{"actions": ["Microsoft.KeyVault/*"], "notActions": []}], True),
        ([{"actions": ["Microsoft.*/register/*"], "notActions": []}], True),
        ([{"actions": ["*/read"], "notActions": []}], False),
        ([{"actions": ["Microsoft.Key/register/action"], "notActions": []}], False),
        ([{"actions": ["Microsoft.KeyVault/register"], "notActions": []}], False),
        ([{"actions": ["Microsoft_KeyVault/register/action"], "notActions": []}], False),
        ([{"actions": ["Microsoft.KeyVault/register/actionX"], "notActions": []}], False),
        # what one assignment excludes, ...
        ([{"actions": ["*"], "notActions": ["Microsoft.KeyVault/*"]}], False),
        ([{"actions": ["*"], "notActions": ["*/REGISTER/action"]}], False),
        # ... another one can allow; the two are evaluated separately
        ([{"actions": ["*"], "notActions": ["Microsoft.KeyVault/*"]}, CONTRIBUTOR], True),
        ([{"actions": ["*/read"]}, {"actions": [], "notActions": [REGISTER]}], False),
        ([{"actions": None, "notActions": None}], False),
        ([{}], False),
        ([], False),
    ],
)
def test_an_action_is_allowed_by_one_assignment_as_a_whole(permissions, allowed):
    """Wildcards match as in Azure, in any case; exclusions apply only to their own assignment."""
    assert rbac.allows(permissions, REGISTER) is allowed


def test_a_contributor_may_not_assign_roles():
    """The notActions of Contributor apply."""
    assert not rbac.allows([CONTRIBUTOR], "Microsoft.Authorization/roleAssignments/write")
