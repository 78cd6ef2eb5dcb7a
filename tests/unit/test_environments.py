from __future__ import annotations

import pytest

from onboarding.cloud.environments import ENVIRONMENTS
from onboarding.cloud.identity import Identity
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.errors import PermanentError

HOME = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
OTHER = "11111111-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("name", "login", "graph", "resource_manager"),
    [
        (
            "AzurePublicCloud",
            "https://login.microsoftonline.com",
            "https://graph.microsoft.com",
            "https://management.azure.com",
        ),
        (
            "AzureUSGovernmentCloud",
            "https://login.microsoftonline.us",
            "https://graph.microsoft.us",
            "https://management.usgovcloudapi.net",
        ),
    ],
)
def test_each_cloud_has_its_own_endpoints(name, login, graph, resource_manager):
    """Requests for a government tenant never go to the public cloud, nor the other way around."""
    environment = ENVIRONMENTS[name]
    assert (environment.login, environment.graph, environment.resource_manager) == (
        login,
        graph,
        resource_manager,
    )
    assert environment.graph_scope == f"{graph}/.default"
    assert environment.keys(HOME) == f"{login}/{HOME}/discovery/v2.0/keys"
    assert f"{login}/{HOME}/v2.0" in environment.issuers(HOME)


def test_the_wizard_offers_the_clouds_that_there_are():
    """A request can name each cloud in the table, and no other."""
    assert set(AzureEnvironment) == set(ENVIRONMENTS)


def test_a_local_cloud_changes_where_and_not_what_for():
    """A local cloud changes only the addresses: tokens are still for the real services."""
    real = ENVIRONMENTS["AzureUSGovernmentCloud"]
    local = real.redirected({"login": "https://l", "graph": "https://g", "resourceManager": "https://r"})
    assert (local.login, local.graph, local.resource_manager) == ("https://l", "https://g", "https://r")
    assert local.graph_scope == real.graph_scope
    assert local.resource_manager_scope == real.resource_manager_scope
    assert real.redirected(None) is real


async def test_each_tenant_has_one_credential():
    """A credential caches its tokens: the service creates one for each tenant, however its ID is written."""
    environment = ENVIRONMENTS["AzurePublicCloud"]
    identity = Identity(
        environment, home_tenant=HOME, identity_client=OTHER, multitenant_client="c", certificate=None
    )
    assert identity.of_tenant(HOME.upper()) is identity.home
    assert identity.of_tenant(OTHER) is identity.of_tenant(OTHER) is not identity.home
    for tenant in (HOME, OTHER):
        await identity.of_tenant(tenant).close()


async def test_a_tenant_that_is_not_served_is_refused_with_a_remedy():
    """Without a multi-tenant application the service refuses other tenants, and names the setting."""
    identity = Identity(ENVIRONMENTS["AzurePublicCloud"], home_tenant=HOME, identity_client="")
    with pytest.raises(PermanentError) as caught:
        identity.of_tenant(OTHER)
    assert caught.value.code == "tenant-not-served"
    for setting in ("MULTITENANT_CLIENT_ID", "SERVED_TENANTS"):
        assert setting in caught.value.remedy
