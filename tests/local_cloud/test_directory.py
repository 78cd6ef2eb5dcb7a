"""The product's own Graph client against the simulated Graph."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest
from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import ClientSecretCredential

from infra.local.cloud.environments import TENANT
from onboarding.cloud.azure_sdk import Transport
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import ENVIRONMENTS
from onboarding.cloud.guest import Guest
from onboarding.cloud.identity import Credential
from onboarding.cloud.microsoft_graph import MicrosoftGraph
from onboarding.errors import PermanentError
from tests.local_cloud.clouds import name

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Administrator(Credential):
    """An application with a secret, and the product's cache of tokens."""

    secret = ""

    def _make(self) -> AsyncTokenCredential:
        return ClientSecretCredential(
            TENANT,
            self._app,
            self.secret,
            authority=self._environment.login,
            disable_instance_discovery=True,
            transport=self._transport,
        )


@pytest.fixture
async def directory(cloud):
    """The client, with the token of the administrator."""
    administrator = cloud.info["clients"]["administrator"]
    endpoints = {key: cloud.info[key] for key in ("login", "graph", "resourceManager")}
    environment = ENVIRONMENTS["AzurePublicCloud"].redirected(endpoints)
    Administrator.secret = administrator["clientSecret"]
    credential = Administrator(
        environment, TENANT, administrator["clientId"], Transport(Path(cloud.info["certificate"]))
    )
    async with credential:
        client = administrator["clientId"]
        yield Directory(MicrosoftGraph(environment, credential, cloud.http, client=client))


async def test_simultaneous_onboardings_find_their_own_applications(directory):
    """Simultaneous creations and lookups each return the application with their own unique name."""
    names = [f"cmg-{name()}" for _ in range(12)]
    bodies = {each: {"displayName": each, "signInAudience": "AzureADMyOrg"} for each in names}

    async def upserted() -> dict[str, str]:
        found = await asyncio.gather(
            *(directory.create_application(each, bodies[each], look=True) for each in names)
        )
        return {each: app.object_id for each, app in zip(names, found, strict=True)}

    first = await upserted()
    assert len(set(first.values())) == len(names)
    assert await upserted() == first


@pytest.mark.parametrize("text", ["O'Brien & Co #1 100% + x=y?", "'' or 1 eq 1", "\u65e5\u672c \U0001f680"])
async def test_any_name_can_be_searched(directory, text):
    """A preflight finds exactly the applications with a name, whatever characters it contains."""
    shown = f"{text} {name()}"
    await directory.create_application(
        f"cmg-{name()}", {"displayName": shown, "signInAudience": "AzureADMyOrg"}, look=False
    )
    survey = await directory.survey([shown, f"{shown} client"], None)
    assert [each["displayName"] for each in survey.same_names or ()] == [shown]


async def test_only_a_refusal_needs_the_page_for_the_consent(cloud, directory):
    """Reading the vault for the page's state delays no call that another tenant answers."""
    asked: list[Guest] = []

    async def guest() -> Guest:
        asked.append(Guest(tenant="t", app="a", url="u", page="p"))
        return asked[0]

    environment = ENVIRONMENTS["AzurePublicCloud"].redirected(
        {key: cloud.info[key] for key in ("login", "graph", "resourceManager")}
    )
    graph = MicrosoftGraph(environment, directory.graph._credential, cloud.http, guest=guest)
    await graph.batch({"seen": ("/organization", {})})
    assert asked == []
    gone = f"/applications/{uuid.uuid4()}"
    found = await graph.batch({"seen": ("/organization", {}), "gone": (gone, {}), "too": (gone, {})})
    assert len(asked) == 1
    refusals = {name: reply.refusal for name, reply in found.items()}
    assert refusals.pop("seen") is None
    assert [each and each.guest for each in refusals.values()] == asked * 2


async def test_a_role_counts_as_soon_as_it_is_assigned(cloud):
    """A call that is refused for lack of a role is repeated once with a token that is certainly new."""
    client = await cloud.client()
    environment = ENVIRONMENTS["AzurePublicCloud"].redirected(
        {key: cloud.info[key] for key in ("login", "graph", "resourceManager")}
    )
    Administrator.secret = client["clientSecret"]
    transport = Transport(Path(cloud.info["certificate"]))
    async with Administrator(environment, TENANT, client["clientId"], transport) as credential:
        graph = MicrosoftGraph(environment, credential, cloud.http)
        with pytest.raises(PermanentError) as refused:
            await Directory(graph).ping()
        assert "application permission Organization.Read.All" in refused.value.remedy
        assert await graph.granted() == frozenset()
        resource = await cloud.graph(
            "GET", "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')"
        )
        (role,) = [each for each in resource.json()["appRoles"] if each["value"] == "Organization.Read.All"]
        body = {
            "principalId": client["principalId"],
            "resourceId": resource.json()["id"],
            "appRoleId": role["id"],
        }
        path = f"/servicePrincipals/{resource.json()['id']}/appRoleAssignedTo"
        assert (await cloud.graph("POST", path, body)).status_code == 201
        await Directory(graph).ping()
        assert await graph.granted() == frozenset({"Organization.Read.All"})
