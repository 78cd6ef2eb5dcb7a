"""Bicep, scripts, guide and code use the same names for the same things."""

from __future__ import annotations

import re

from infra.azure.permissions import API_ROLES, GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE
from infra.local.cloud.settings import REGISTER
from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE
from onboarding.api.tenants import ACTIONS, PERMISSIONS
from onboarding.settings import DEFAULT_THRESHOLDS, Settings
from onboarding.storage import names
from tests.azure.templates import ROOT, keys, template

#: Built-in roles by id; https://learn.microsoft.com/azure/role-based-access-control/built-in-roles.
BUILT_IN = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}

#: Application permissions of Microsoft Graph by id; https://learn.microsoft.com/graph/permissions-reference.
GRAPH_PERMISSIONS = {
    "18a4783c-866b-4cc7-a460-3d5e5662c884": "Application.ReadWrite.OwnedBy",
    "498476ce-e0fe-48b0-b801-37ba7e2685c6": "Organization.Read.All",
    "246dd0d5-5bd0-4def-940b-0421030a5b68": "Policy.Read.All",
    "7ab1d382-f21e-4acd-a863-ba3e13f7da61": "Directory.Read.All",
    "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30": "Application.Read.All",
    "06b708a9-e830-4db3-a914-8e69da51d44f": "AppRoleAssignment.ReadWrite.All",
    "8e8e4742-1d95-4f68-9d56-6ee75648c72a": "DelegatedPermissionGrant.ReadWrite.All",
}

GUIDE = (ROOT / "docs" / "deploy.md").read_text()


def _settings_of_the_app() -> set[str]:
    """The settings that the code reads in Azure: fields of the model, and names in the triggers' %...%."""
    model = {field.alias or name for name, field in Settings.model_fields.items()}
    triggers = set(re.findall(r"%([A-Z_]+)%", (ROOT / "function_app.py").read_text()))
    assert triggers == {"EXPIRY_SCHEDULE", "SWEEP_SCHEDULE", "INSPECTION_SCHEDULE"}
    return {name for name in model | triggers if not name.startswith("LOCAL_")}


def test_bicep_sets_what_the_code_reads():
    """Azure sets every setting of the app except those for the local cloud, and no other."""
    # Instead of a connection string: the endpoints, and the identity to use for them.
    expected = _settings_of_the_app() - {"ONBOARDING_STORAGE"} | {
        "ONBOARDING_STORAGE__credential",
        "ONBOARDING_STORAGE__clientId",
    }
    bicep = template("function-app")
    assert keys(bicep.variable("app")) | keys(bicep.variable("chosen")) == expected


def test_the_host_gets_its_storage_by_identity():
    """The host's storage is set without a key, and by account name only where the host accepts that."""
    storage = keys(template("function-app").variable("hostStorage"))
    assert storage == {
        f"AzureWebJobsStorage__{part}"
        for part in (
            "credential",
            "clientId",
            "accountName",
            "blobServiceUri",
            "queueServiceUri",
            "tableServiceUri",
        )
    }
    choice = template("function-app").variable("hostStorage")["function"]["parameters"]["arg_2"]
    public = choice["operator"]["operands"]
    assert public["condition"] == "isPublicCloud"
    assert set(public["true_value"]) == {"AzureWebJobsStorage__accountName"}


def test_the_app_and_the_host_have_storage_of_their_own():
    """The connection of the app's queues is not another name for the host's connection.

    The host first looks for ``AzureWebJobs`` followed by the name, ignoring case:
    https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections.
    """
    source = (ROOT / "function_app.py").read_text()
    connections = set(re.findall(r'queue_trigger\("\w+", [\w.]+, "(\w+)"\)', source))
    groups = map(template("function-app").variable, ("hostStorage", "telemetry", "app", "chosen"))
    deployed = {name.casefold().partition("__")[0] for group in groups for name in keys(group)}
    assert "azurewebjobsstorage" in deployed
    assert connections == {"ONBOARDING_STORAGE"}
    assert {f"azurewebjobs{name}".casefold() for name in connections} & deployed == set()


def test_all_groups_of_settings_are_deployed():
    """Each group of settings is deployed to the site."""
    union = template("function-app").resource("settings")["properties"]["function"]
    assert union["type"] == "union"
    assert set(union["parameters"].values()) == {"hostStorage", "telemetry", "app", "chosen"}


def test_thresholds_default_to_the_codes():
    """Azure and the code have the same default thresholds for warnings."""
    default = template("main").values["parameters"]["expiryThresholds"]["default"]
    assert default == ",".join(map(str, DEFAULT_THRESHOLDS))


def test_tables_and_queues_are_those_of_the_code():
    """Azure has each table and queue that the app uses, and no other."""
    storage = template("storage")
    assert storage.variable("tables") == list(names.TABLES)
    assert storage.variable("queues") == list(names.QUEUES)


def test_warm_functions_exist():
    """Each always-ready function is one of the app's."""
    warm = re.findall(r"'function:(\w+)'", template("function-app").path.read_text())
    source = (ROOT / "function_app.py").read_text()
    assert warm
    assert [name for name in warm if f"def {name}(" not in source] == []


def test_roles_are_the_ones_they_are_called():
    """Each built-in role has the ID that belongs to its name, has a reason, and is in the guide."""
    roles = template("roles")
    listed = [*roles.variable("storageRoles"), roles.variable("vaultRole"), roles.variable("insightsRole")]
    assert {role["id"]: role["name"] for role in listed} == BUILT_IN
    assert all(role["why"] for role in listed)
    assert [role["name"] for role in listed if role["name"] not in GUIDE] == []


def test_the_role_for_providers_does_no_more_than_that():
    """The custom role registers providers and reads permissions, subscriptions and providers; that is all."""
    (permission,) = template("register-providers").resource("role")["properties"]["permissions"]
    assert permission == {
        "actions": [
            "*/register/action",
            "Microsoft.Authorization/permissions/read",
            "Microsoft.Resources/subscriptions/read",
            "Microsoft.Resources/subscriptions/providers/read",
        ],
        "notActions": [],
        "dataActions": [],
        "notDataActions": [],
    }


def test_graph_permissions_are_the_ones_they_are_called():
    """Each permission has the ID that belongs to its name, and is in the guide."""
    listed = [*GRAPH_BASE, *GRAPH_SEE, *GRAPH_CONSENT]
    assert {role.id: role.value for role in listed} == GRAPH_PERMISSIONS
    assert [role.value for role in listed if role.value not in GUIDE] == []


def test_what_makes_tier_zero_is_never_granted_unasked():
    """Permissions that control the whole tenant need --consent, and are marked as tier 0."""
    tier_zero = {"AppRoleAssignment.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All"}
    assert {role.value for role in GRAPH_CONSENT if "TIER 0" in role.why} == tier_zero
    assert not tier_zero & {role.value for role in GRAPH_BASE + GRAPH_SEE}


def test_the_api_offers_the_roles_that_the_app_checks():
    """The registered roles are those that the app accepts in a token."""
    assert [role.value for role in API_ROLES] == [REQUEST_ROLE, OPERATE_ROLE]
    assert [role.value for role in API_ROLES if role.value not in GUIDE] == []


def test_customers_are_asked_for_what_the_identity_has_at_home():
    """The page for other tenants has the same permissions and role as the scripts and Bicep here."""
    assert {name for name, (_, always) in PERMISSIONS.items() if always} == {
        each.value for each in GRAPH_BASE
    }
    assert list(PERMISSIONS) == [each.value for each in (*GRAPH_BASE, *GRAPH_SEE, *GRAPH_CONSENT)]
    role = template("register-providers").resource("role")
    assert list(ACTIONS) == role["properties"]["permissions"][0]["actions"]
    assert list(ACTIONS) == REGISTER["actions"]  # the permissions of the local cloud's identity
