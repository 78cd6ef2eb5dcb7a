from __future__ import annotations

import pytest

from tests.local_cloud.clouds import CloudProcess, error
from tests.support.portal import until

VERSION = "api-version=2025-04-01"


async def ask(cloud, method: str, path: str, **options):
    subscription = options.pop("subscription", cloud.info["subscription"])
    return await cloud.service("resourceManager", method, f"/subscriptions/{subscription}{path}", **options)


async def as_identity(cloud, method: str, path: str):
    """Call with the service's identity, whose permissions can be set."""
    token = (await cloud.identity_token("https://management.azure.com")).json()["access_token"]
    return await cloud.http.request(
        method,
        f"{cloud.info['resourceManager']}/subscriptions/{cloud.info['subscription']}{path}",
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_the_subscription_names_its_tenant(cloud):
    """The response contains the tenant and the state of the subscription."""
    answer = await ask(cloud, "GET", "?api-version=2022-12-01")
    body = answer.json()
    assert body["subscriptionId"] == cloud.info["subscription"]
    assert (body["tenantId"], body["state"]) == (cloud.info["tenant"], "Enabled")
    assert answer.headers["x-ms-request-id"]
    assert answer.headers["x-ms-correlation-request-id"]


async def test_registration_takes_time_and_can_be_repeated(cloud):
    """A provider is Registering at first, then Registered; names are not case-sensitive."""
    await cloud.control("PUT", "/settings", {"providerSeconds": 0.4})
    path = "/providers/microsoft.cache"
    assert (await ask(cloud, "GET", f"{path}?{VERSION}")).json()["registrationState"] == "NotRegistered"
    for _ in range(2):
        body = (await ask(cloud, "POST", f"{path}/register?{VERSION}")).json()
        assert (body["namespace"], body["registrationState"]) == ("Microsoft.Cache", "Registering")

    async def registered():
        answer = await ask(cloud, "GET", f"{path}?{VERSION}")
        return answer.json()["registrationState"] == "Registered"

    await until(registered)
    assert (await ask(cloud, "POST", f"{path}/register?{VERSION}")).json()[
        "registrationState"
    ] == "Registered"
    answer = await ask(cloud, "POST", f"{path}/unregister?{VERSION}")
    assert answer.json()["registrationState"] == "Unregistering"

    async def unregistered():
        answer = await ask(cloud, "GET", f"{path}?{VERSION}")
        return answer.json()["registrationState"] == "Unregistered"

    await until(unregistered)


async def test_the_list_of_providers_is_paged(cloud):
    """The pages of nextLink contain all providers; those that need no registration are registered."""
    link, providers = f"/providers?{VERSION}&$expand=metadata", []
    answer = await ask(cloud, "GET", link)
    while True:
        providers += answer.json()["value"]
        assert len(providers) < 200
        if "nextLink" not in answer.json():
            break
        assert answer.json()["nextLink"].startswith(cloud.info["resourceManager"])
        answer = await cloud.service("resourceManager", "GET", answer.json()["nextLink"])
    names = [provider["namespace"] for provider in providers]
    assert len(names) == len(set(names)) > 60
    assert {"Microsoft.KeyVault", "Microsoft.Storage", "Microsoft.Network", "Microsoft.Compute"} <= set(names)
    states = {provider["namespace"]: provider["registrationState"] for provider in providers}
    assert states["Microsoft.Authorization"] == "Registered"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "", (400, "MissingApiVersionParameter")),
        ("GET", "?api-version=latest", (400, "InvalidApiVersionParameter")),
        ("GET", f"/providers/Contoso.Nothing?{VERSION}", (404, "InvalidResourceNamespace")),
        ("POST", f"/providers/Contoso.Nothing/register?{VERSION}", (404, "InvalidResourceNamespace")),
        ("GET", f"/bogus?{VERSION}", (404, "NotFound")),
        ("DELETE", f"/providers/Microsoft.Web?{VERSION}", (404, "NotFound")),
    ],
)
async def test_invalid_requests(cloud, method, path, expected):
    """Versions, namespaces and paths that do not exist return the errors of Resource Manager."""
    assert error(await ask(cloud, method, path))[:2] == expected


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        ("no-guid", (400, "InvalidSubscriptionId")),
        ("0b9e7d52-6c1f-4a38-9d4e-8f2a5c7b1e60", (404, "SubscriptionNotFound")),
    ],
)
async def test_another_subscription_is_not_found(cloud, subscription, expected):
    """There is one subscription."""
    answer = await ask(cloud, "GET", f"?{VERSION}", subscription=subscription)
    assert error(answer)[:2] == expected


async def test_a_caller_without_role_assignment_is_refused(cloud):
    """The refusal names the client, the action and the scope."""
    client = await cloud.client()
    answer = await ask(cloud, "POST", f"/providers/Microsoft.KeyVault/register?{VERSION}", client=client)
    status, code, message = error(answer)
    assert (status, code) == (403, "AuthorizationFailed")
    assert f"The client '{client['clientId']}' with object id '{client['principalId']}'" in message
    assert "perform action 'Microsoft.KeyVault/register/action'" in message


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([{"actions": ["*/register/action"]}], True),
        ([{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}], True),
        ([{"actions": ["microsoft.batch/*"]}], True),
        ([{"actions": ["*"], "notActions": ["Microsoft.Batch/register/action"]}], False),
        ([{"actions": ["*"], "notActions": ["*/register/action"]}, {"actions": ["*/read"]}], False),
        ([{"actions": ["*"], "notActions": ["*/register/action"]}, {"actions": ["Microsoft.Batch/*"]}], True),
        ([{"actions": ["*/read"]}], False),
        ([], False),
    ],
)
async def test_permissions_are_evaluated_one_assignment_at_a_time(cloud, permissions, allowed):
    """An action counts if one assignment allows it and does not exclude it."""
    await cloud.control("PUT", "/settings", {"permissions": permissions})
    answer = await as_identity(cloud, "POST", f"/providers/Microsoft.Batch/register?{VERSION}")
    assert answer.status_code == (200 if allowed else 403)


async def test_permissions_can_be_read(cloud):
    """The service's identity has exactly the actions of the custom role, and can read them."""
    path = "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    answer = await as_identity(cloud, "GET", path)
    [entry] = answer.json()["value"]
    assert entry["actions"] == [
        "*/register/action",
        "Microsoft.Authorization/permissions/read",
        "Microsoft.Resources/subscriptions/read",
        "Microsoft.Resources/subscriptions/providers/read",
    ]
    assert entry["notActions"] == []


async def test_a_disabled_subscription_is_read_only(cloud):
    """The state is visible, providers cannot be registered, and everything can be read."""
    await cloud.control("PUT", "/settings", {"subscription": {"state": "Disabled"}})
    record = (await as_identity(cloud, "GET", "?api-version=2022-12-01")).json()
    assert (record["state"], record["managedByTenants"]) == ("Disabled", [])
    answer = await as_identity(cloud, "POST", f"/providers/Microsoft.Batch/register?{VERSION}")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "ReadOnlyDisabledSubscription"
    assert (await as_identity(cloud, "GET", f"/providers?{VERSION}")).status_code == 200


async def test_a_subscription_can_be_delegated(cloud):
    """A tenant sees a subscription that is delegated to it (Azure Lighthouse), and which tenant owns it."""
    other = "11111111-2222-4333-8444-555555555555"
    await cloud.control("PUT", "/settings", {"subscription": {"tenantId": other}})
    record = (await as_identity(cloud, "GET", "?api-version=2022-12-01")).json()
    assert record["tenantId"] == other
    assert record["managedByTenants"] == [{"tenantId": cloud.info["tenant"]}]


async def test_a_client_finds_the_services_and_its_subscriptions(cloud):
    """Anybody can ask where the services are; the subscriptions of a tenant are for those with a role."""
    metadata = await cloud.http.get(
        f"{cloud.info['resourceManager']}/metadata/endpoints?api-version=2015-01-01"
    )
    assert metadata.status_code == 200
    assert metadata.json()["authentication"]["loginEndpoint"] == cloud.info["login"]
    assert metadata.json()["graphEndpoint"] == cloud.info["graph"]
    await _check_what_the_azure_cli_reads(cloud)
    listed = await cloud.service("resourceManager", "GET", "/subscriptions?api-version=2022-12-01")
    assert [each["subscriptionId"] for each in listed.json()["value"]] == [cloud.info["subscription"]]
    nobody = await cloud.client()
    none = await cloud.service(
        "resourceManager", "GET", "/subscriptions?api-version=2022-12-01", client=nobody
    )
    assert (none.status_code, none.json()["value"]) == (200, [])


async def _check_what_the_azure_cli_reads(cloud: CloudProcess) -> None:
    """The CLI requests this version, and uses the first audience for its tokens and the suffix for vaults."""
    manager = cloud.info["resourceManager"]
    told = (await cloud.http.get(f"{manager}/metadata/endpoints?api-version=2022-09-01")).json()
    assert (told["resourceManager"], told["authentication"]["audiences"][0]) == (manager, manager)
    assert told["authentication"]["loginEndpoint"] == cloud.info["login"]
    assert told["microsoftGraphResourceId"] == cloud.info["graph"]
    assert f"https://127.{told['suffixes']['keyVaultDns']}" == cloud.info["keyVault"]
    for path in (f"/subscriptions/{cloud.info['subscription']}/providers", "/subscriptions"):
        listed = await cloud.service("resourceManager", "GET", f"{path}?api-version=2024-11-01")
        assert listed.status_code == 200


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("graph", "/v1.0/organization"),
        ("resourceManager", "/subscriptions?api-version=2022-12-01"),
        ("keyVault", "/secrets?api-version=7.4"),
    ],
)
async def test_the_address_of_a_service_is_a_resource_of_tokens(cloud, service, path):
    """A client that is configured with the local addresses gets tokens that the services accept."""
    administrator = cloud.info["clients"]["administrator"]
    token = await cloud.token(administrator, cloud.info[service])
    answer = await cloud.http.get(
        f"{cloud.info[service]}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code not in {401, 403}, answer.text
