"""Microsoft's own clients and the simulated cloud. Each test uses one as the product or an operator does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity.aio import ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph.generated.models.app_role_assignment import AppRoleAssignment
from msgraph.generated.models.application import Application
from msgraph.generated.models.o_auth2_permission_grant import OAuth2PermissionGrant
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from tests.local_cloud.clouds import name

# Importing the builders of msgraph-sdk causes warnings about names that they define.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def credential(cloud):
    """The administrator's credential, by client secret."""
    administrator = cloud.info["clients"]["administrator"]
    credential = ClientSecretCredential(
        cloud.info["tenant"],
        administrator["clientId"],
        administrator["clientSecret"],
        authority=cloud.info["login"],
        disable_instance_discovery=True,
        connection_verify=cloud.info["certificate"],
    )
    async with credential:
        yield credential


@pytest.fixture
async def graph(cloud, credential):
    """msgraph-sdk, pointed at the simulated Graph."""
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=["https://graph.microsoft.com/.default"], allowed_hosts=["127.0.0.1"]
    )
    adapter = GraphRequestAdapter(provider, client=cloud.http)
    adapter.base_url = f"{cloud.info['graph']}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


async def test_the_managed_identity_credential_gets_a_token(cloud, monkeypatch):
    """azure-identity gets a token as it does in App Service."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", cloud.info["managedIdentity"])
    monkeypatch.setenv("IDENTITY_HEADER", cloud.info["identityHeader"])
    async with ManagedIdentityCredential(client_id=cloud.info["identity"]["clientId"]) as credential:
        token = await credential.get_token("https://vault.azure.net/.default")
    assert token.token.count(".") == 2


async def test_a_client_assertion_credential_replaces_a_secret(cloud):
    """azure-identity can sign in with a token of the identity as the client assertion."""
    app = await cloud.application()
    await cloud.graph("POST", "/servicePrincipals", {"appId": app["appId"]})
    federated = {
        "name": name(),
        "issuer": f"https://login.microsoftonline.com/{cloud.info['tenant']}/v2.0",
        "subject": cloud.info["identity"]["principalId"],
        "audiences": ["api://AzureADTokenExchange"],
    }
    await cloud.graph("POST", f"/applications/{app['id']}/federatedIdentityCredentials", federated)
    assertion = (await cloud.identity_token("api://AzureADTokenExchange")).json()["access_token"]
    credential = ClientAssertionCredential(
        cloud.info["tenant"],
        app["appId"],
        lambda: assertion,
        authority=cloud.info["login"],
        disable_instance_discovery=True,
        connection_verify=cloud.info["certificate"],
    )
    async with credential:
        assert (await credential.get_token("https://graph.microsoft.com/.default")).token


async def test_a_wrong_secret_is_an_authentication_error(cloud):
    """azure-identity raises an error with the code of the response."""
    credential = ClientSecretCredential(
        cloud.info["tenant"],
        cloud.info["clients"]["operator"]["clientId"],
        "wrong",
        authority=cloud.info["login"],
        disable_instance_discovery=True,
        connection_verify=cloud.info["certificate"],
    )
    async with credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token("https://graph.microsoft.com/.default")


async def test_secret_client(cloud, credential):
    """azure-keyvault-secrets sets, reads, lists, deletes, recovers and purges."""
    client = SecretClient(
        cloud.info["keyVault"],
        credential,
        verify_challenge_resource=False,
        connection_verify=cloud.info["certificate"],
    )
    secret = name()
    await cloud.control("PUT", "/settings", {"purgeProtection": False})
    async with client:
        stored = await client.set_secret(secret, "value", tags={"a": "b"}, content_type="text/plain")
        assert (await client.get_secret(secret)).value == "value"
        changed = await client.update_secret_properties(secret, tags={"a": "c"})
        assert changed.tags == {"a": "c"}
        versions = [each.version async for each in client.list_properties_of_secret_versions(secret)]
        assert versions == [stored.properties.version]
        assert secret in [each.name async for each in client.list_properties_of_secrets()]
        deleted = await client.delete_secret(secret)
        assert deleted.recovery_id
        with pytest.raises(ResourceNotFoundError):
            await client.get_secret(secret)
        assert (await client.recover_deleted_secret(secret)).name == secret
        await client.delete_secret(secret)
        await client.purge_deleted_secret(secret)
        with pytest.raises(ResourceNotFoundError):
            await client.get_deleted_secret(secret)


async def test_resource_management_client(cloud, credential):
    """azure-mgmt-resource lists, reads and registers providers, and reads Resource Manager's errors."""
    client = ResourceManagementClient(
        credential,
        cloud.info["subscription"],
        base_url=cloud.info["resourceManager"],
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=cloud.info["certificate"],
    )
    async with client:
        assert len([provider async for provider in client.providers.list()]) > 60
        provider = await client.providers.register("Microsoft.Relay")
        assert provider.registration_state == "Registering"
        assert (await client.providers.get("Microsoft.Relay")).namespace == "Microsoft.Relay"
        with pytest.raises(HttpResponseError) as caught:
            await client.providers.get("Contoso.Nothing")
    assert caught.value.error is not None
    assert caught.value.error.code == "InvalidResourceNamespace"


def unknown(body: object, seen: set[int] | None = None) -> list[str]:
    """The content of ``additional_data`` at any depth of a model, without the annotations of OData."""
    seen = set() if seen is None else seen
    if id(body) in seen:
        return []
    seen.add(id(body))
    if isinstance(body, list):
        return [found for entry in body for found in unknown(entry, seen)]
    if not hasattr(body, "get_field_deserializers"):
        return []
    extra = [key for key in (getattr(body, "additional_data", None) or {}) if not key.startswith("@odata.")]
    fields = vars(body).values() if not hasattr(body, "backing_store") else []
    inner = (
        [value for _, value in body.backing_store.enumerate_()] if hasattr(body, "backing_store") else fields
    )
    return extra + [found for value in inner for found in unknown(value, seen)]


async def test_everything_that_is_read_is_in_microsofts_schema(cloud, graph):
    """No response has a property that is missing in the models of the SDK, at any depth."""
    created = await cloud.principal(
        passwordCredentials=[{"displayName": "x"}],
        api={"oauth2PermissionScopes": [{"id": "6b1f5f5e-5b0e-4e55-8a53-9a5d5b8b9c11", "value": "a"}]},
        appRoles=[
            {
                "id": "6b1f5f5e-5b0e-4e55-8a53-9a5d5b8b9c12",
                "value": "b",
                "displayName": "b",
                "description": "b",
                "allowedMemberTypes": ["Application"],
            }
        ],
        requiredResourceAccess=[
            {
                "resourceAppId": "00000003-0000-0000-c000-000000000000",
                "resourceAccess": [{"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}],
            }
        ],
        optionalClaims={"accessToken": [{"name": "email"}]},
    )
    application = await graph.applications_with_app_id(created["appId"]).get()
    principal = await graph.service_principals.by_service_principal_id(created["id"]).get()
    organization = await graph.organization.get()
    domains = await graph.domains.get()
    policy = await graph.policies.default_app_management_policy.get()
    assert application is not None
    assert application.password_credentials[0].display_name == "x"
    assert application.created_date_time.tzinfo is not None
    for body in (application, principal, organization, domains):
        assert body is not None
        assert unknown(body) == []
    assert policy is not None
    assert policy.application_restrictions.password_credentials == []
    fields = application.get_field_deserializers()
    navigation = {"owners", "extensionProperties", "homeRealmDiscoveryPolicies", "appManagementPolicies"}
    navigation |= {"federatedIdentityCredentials", "tokenIssuancePolicies", "tokenLifetimePolicies"}
    navigation |= {"synchronization", "createdOnBehalfOf"}
    # Graph returns these only with $select; or they are navigation properties, media, or in preview.
    on_request = {"logo", "oauth2RequirePostResponse", "authenticationBehaviors", "managerApplications"}
    read = set((await cloud.graph("GET", f"/applications(appId='{created['appId']}')")).json())
    assert set(fields) - read - navigation - on_request <= {"@odata.type"}


async def test_graph_client_writes(graph):
    """msgraph-sdk's own models and builders create, upsert, grant and delete."""
    prefer: RequestConfiguration[Any] = RequestConfiguration()
    prefer.headers.add("Prefer", "create-if-missing")
    builder = graph.applications_with_unique_name(name())
    made = await builder.patch(Application(display_name="x"), request_configuration=prefer)
    assert made is not None
    assert await builder.patch(Application(display_name="y"), request_configuration=prefer) is None
    principal = await graph.service_principals_with_app_id(made.app_id).patch(
        ServicePrincipal(), request_configuration=prefer
    )
    assert principal is not None
    resource = await graph.service_principals_with_app_id("00000003-0000-0000-c000-000000000000").get()
    assert resource is not None
    grant = await graph.oauth2_permission_grants.post(
        OAuth2PermissionGrant(
            client_id=principal.id,
            consent_type="AllPrincipals",
            resource_id=resource.id,
            scope="User.Read",
        )
    )
    role = await graph.service_principals.by_service_principal_id(resource.id).app_role_assigned_to.post(
        AppRoleAssignment(
            principal_id=principal.id,
            resource_id=resource.id,
            app_role_id=UUID("7ab1d382-f21e-4acd-a863-ba3e13f7da61"),
        )
    )
    for body in (grant, role):
        assert body is not None
        assert unknown(body) == []
    await graph.applications.by_application_id(made.id).delete()
    with pytest.raises(ODataError) as caught:
        await graph.applications.by_application_id(made.id).get()
    assert caught.value.error is not None
    assert caught.value.error.code == "Request_ResourceNotFound"
    assert caught.value.error.inner_error is not None
    assert caught.value.error.inner_error.request_id
    deleted = await graph.directory.deleted_items.graph_application.get()
    assert deleted is not None
    assert made.id in {body.id for body in deleted.value}
    await graph.directory.deleted_items.by_directory_object_id(made.id).delete()
