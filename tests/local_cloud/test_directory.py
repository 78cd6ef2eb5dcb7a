"""The product's own client of Graph against the simulated one."""

from __future__ import annotations

import asyncio

import pytest
from azure.identity.aio import ClientSecretCredential

from infra.local.cloud.environments import TENANT
from onboarding.cloud.directory import Directory
from onboarding.cloud.environments import ENVIRONMENTS
from onboarding.cloud.microsoft_graph import MicrosoftGraph
from tests.local_cloud.clouds import name

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def directory(cloud):
    """The client, with the token of the administrator."""
    administrator = cloud.info["clients"]["administrator"]
    endpoints = {key: cloud.info[key] for key in ("login", "graph", "resourceManager")}
    credential = ClientSecretCredential(
        TENANT,
        administrator["clientId"],
        administrator["clientSecret"],
        authority=cloud.info["login"],
        disable_instance_discovery=True,
        connection_verify=cloud.info["certificate"],
    )
    async with credential:
        environment = ENVIRONMENTS["AzurePublicCloud"].redirected(endpoints)
        yield Directory(MicrosoftGraph(environment, credential, cloud.http))


async def test_simultaneous_onboardings_find_their_own_applications(directory):
    """Simultaneous upserts each return the application with their own unique name."""
    names = [f"cmg-{name()}" for _ in range(12)]
    bodies = {each: {"displayName": each, "signInAudience": "AzureADMyOrg"} for each in names}

    async def upserted() -> dict[str, str]:
        found = await asyncio.gather(*(directory.upsert_application(each, bodies[each]) for each in names))
        return {each: app.object_id for each, app in zip(names, found, strict=True)}

    first = await upserted()
    assert len(set(first.values())) == len(names)
    assert await upserted() == first


@pytest.mark.parametrize("text", ["O'Brien & Co #1 100% + x=y?", "'' or 1 eq 1", "\u65e5\u672c \U0001f680"])
async def test_any_name_can_be_searched(directory, text):
    """A preflight finds exactly the applications with a name, whatever characters it contains."""
    shown = f"{text} {name()}"
    await directory.upsert_application(
        f"cmg-{name()}", {"displayName": shown, "signInAudience": "AzureADMyOrg"}
    )
    survey = await directory.survey([shown, f"{shown} client"], None)
    assert [each["displayName"] for each in survey.same_names or ()] == [shown]
