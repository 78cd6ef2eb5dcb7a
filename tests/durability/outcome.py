"""What must be true for an onboarding that has ended, whatever happened before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from onboarding.lifecycle.plans import PLANS
from onboarding.storage import names
from tests.support.lanes.points import Onboarding
from tests.support.lanes.scene import Scene

DIRECTORY_READ_ALL: Final = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
_MICROSOFT_GRAPH: Final = "00000003-0000-0000-c000-000000000000"
_HISTORY: Final = ["all", "requester", "status", "tenant"]


async def problems(scene: Scene, onboarding: Onboarding, *, trail: bool = True) -> list[str]:
    """Return everything that is wrong.

    Args:
        scene: The local cloud.
        onboarding: The onboarding.
        trail: Whether the audit trail must have each step's success. After the emulator was killed, it
            can lack one: unlike Azure, it can store a part of a transaction (docs/local.md).
    """
    return [problem async for problem in _problems(scene, onboarding, trail)]


async def _problems(scene: Scene, onboarding: Onboarding, trail: bool) -> AsyncIterator[str]:
    document = await scene.get(f"/api/onboardings/{onboarding.id}")
    if document["status"] != "Succeeded":
        yield f"it ended as {document['status']}: {document.get('error')}"
        return
    async for problem in _of_directory(scene, onboarding):
        yield problem
    if trail:
        async for problem in _of_trail(scene, onboarding):
            yield problem
    async for problem in _of_storage(scene, onboarding):
        yield problem


async def _of_directory(scene: Scene, onboarding: Onboarding) -> AsyncIterator[str]:
    """Two applications, their principals and grants, and one secret; nothing is deleted."""
    apps: dict[str, dict[str, Any]] = {}
    for role in ("server", "client"):
        named = f"$filter=displayName eq '{onboarding.request[f'{role}App']['name']}'"
        found = (await scene.portal.graph(f"/applications?{named}"))["value"]
        if [app["uniqueName"] for app in found] != [f"cmg-{onboarding.id}-{role}"]:
            yield f"the {role} applications are {[app['uniqueName'] for app in found]}"
            return
        apps[role] = found[0]
        deleted = (await scene.portal.graph(f"/directory/deletedItems/microsoft.graph.application?{named}"))[
            "value"
        ]
        if deleted:
            yield f"there are deleted {role} applications: {[app['uniqueName'] for app in deleted]}"
    principals: dict[str, str] = {}
    for role, app in apps.items():
        query = f"$filter=appId eq '{app['appId']}'"
        found = (await scene.portal.graph(f"/servicePrincipals?{query}"))["value"]
        if len(found) != 1:
            yield f"the {role} app has {len(found)} service principals"
            return
        principals[role] = found[0]["id"]
    for problem in _of_properties(scene, apps):
        yield problem
    async for problem in _of_grants(scene, onboarding, principals):
        yield problem
    async for problem in _of_secret(scene, onboarding, apps):
        yield problem


def _of_properties(scene: Scene, apps: dict[str, dict[str, Any]]) -> Iterable[str]:
    """The properties that a second request sets on each application."""
    uris = apps["server"]["identifierUris"]
    if uris != [f"api://{scene.stack.cloud_info['tenant']}/{apps['server']['appId']}"]:
        yield f"the server app's identifier URIs are {uris}"
    redirects = apps["client"]["publicClient"]["redirectUris"]
    if redirects != [f"ms-appx-web://Microsoft.AAD.BrokerPlugin/{apps['client']['appId']}"]:
        yield f"the client app's redirect URIs are {redirects}"


async def _of_grants(scene: Scene, onboarding: Onboarding, principals: dict[str, str]) -> AsyncIterator[str]:
    """The client can call the server app and sign in users; if requested, the server reads the directory."""
    graph = (await scene.portal.graph(f"/servicePrincipals(appId='{_MICROSOFT_GRAPH}')"))["id"]
    wanted = [("AllPrincipals", principals["server"], "user_impersonation")]
    wanted += [("AllPrincipals", graph, "User.Read")]
    grants = (await scene.portal.graph(f"/servicePrincipals/{principals['client']}/oauth2PermissionGrants"))[
        "value"
    ]
    found = [(grant["consentType"], grant["resourceId"], grant["scope"]) for grant in grants]
    if sorted(found) != sorted(wanted):
        yield f"the client app's grants are {found}"
    if (await scene.portal.graph(f"/servicePrincipals/{principals['server']}/oauth2PermissionGrants"))[
        "value"
    ]:
        yield "the server app has delegated grants"
    discovers = onboarding.request.get("userDiscovery", {}).get("enabled", False)
    for role, roles in (("server", [DIRECTORY_READ_ALL] if discovers else []), ("client", [])):
        assigned = (await scene.portal.graph(f"/servicePrincipals/{principals[role]}/appRoleAssignments"))[
            "value"
        ]
        if [(each["appRoleId"], each["resourceId"]) for each in assigned] != [
            (each, graph) for each in roles
        ]:
            yield f"the {role} app's roles are {assigned}"


async def _of_secret(
    scene: Scene, onboarding: Onboarding, apps: dict[str, dict[str, Any]]
) -> AsyncIterator[str]:
    """The server app has one secret: the one in the vault, which works."""
    if apps["client"]["passwordCredentials"]:
        yield "the client app has secrets"
    live = [each["keyId"] for each in apps["server"]["passwordCredentials"]]
    name = f"cmg-{onboarding.id}"
    stored = (await scene.portal.look("keyVault", "GET", f"/secrets/{name}?api-version=7.4")).json()
    if live != [stored["tags"]["keyId"]]:
        yield f"the server app's secrets are {live}, the vault has {stored['tags']['keyId']}"
    # Clients repeat a PUT if the connection breaks (RFC 9110, section 9.2.2): a new version, the same secret.
    versions = await scene.portal.look("keyVault", "GET", f"/secrets/{name}/versions?api-version=7.4")
    key_ids = {each["tags"]["keyId"] for each in versions.json()["value"]}
    if key_ids != {stored["tags"]["keyId"]}:
        yield f"the vault has had the secrets {key_ids}"
    deleted = await scene.portal.look("keyVault", "GET", "/deletedsecrets?api-version=7.4")
    if any(f"/{name}" in each["id"] for each in deleted.json()["value"]):
        yield f"the vault has deleted secrets: {deleted.json()['value']}"
    cloud = scene.stack.cloud_info
    answer = await scene.portal.http.post(
        f"{cloud['login']}/{cloud['tenant']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": apps["server"]["appId"],
            "client_secret": stored["value"],
            "scope": "https://graph.microsoft.com/.default",
        },
    )
    if answer.status_code != 200:
        yield f"login refuses the secret in the vault: {answer.status_code}"


async def _of_trail(scene: Scene, onboarding: Onboarding) -> AsyncIterator[str]:
    """The onboarding was accepted once, and each step succeeded once."""
    events = await scene.all(f"/api/onboardings/{onboarding.id}/events")
    succeeded = Counter(event["step"] for event in events if event["kind"] == "succeeded")
    if succeeded != Counter(list(PLANS["onboard"].steps)):
        yield f"these steps have succeeded, so often: {dict(succeeded)}"
    if sum(event["kind"] == "accepted" for event in events) != 1:
        yield "it was accepted more or less than once"
    if any(event["kind"] == "failed" for event in events):
        yield "a step has failed"


async def _of_storage(scene: Scene, onboarding: Onboarding) -> AsyncIterator[str]:
    """One connection, its pointers, the first warning of each expiration; a closed index; empty queues."""
    found = [
        row
        for row in await scene.rows(names.CONNECTIONS)
        if json.loads(row.get("document", "{}")).get("onboarding") == onboarding.id
    ]
    own = [row for row in found if not row["PartitionKey"].startswith("~")]
    reserved = [row for row in found if row["PartitionKey"].startswith("~name:")]
    if len(reserved) != 1:
        yield f"its name is reserved {len(reserved)} times"
    if len(own) != 1:
        yield f"there are {len(own)} connections"
        return
    identifier = f"{own[0]['PartitionKey']}.{own[0]['RowKey']}"
    pointers = await scene.rows(names.CONNECTIONS, f"RowKey eq '{identifier}'")
    if sorted(row["PartitionKey"].partition(":")[0] for row in pointers) != [
        "~inspection",
        "~requester",
        "~site",
    ]:
        yield f"there are {len(pointers)} pointers to the connection"
    warnings = [json.loads(row["document"]) for row in await scene.rows(names.WARNINGS)]
    warnings = [warning for warning in warnings if warning["connection"] == identifier]
    if sorted(warning["kind"] for warning in warnings) != ["application", "secret"]:
        yield f"there are {len(warnings)} warnings of the connection"
    entries = [
        row
        for row in await scene.rows(names.ONBOARDING_INDEX)
        if json.loads(row["document"])["run"] == onboarding.id
    ]
    kinds = sorted(row["PartitionKey"].removeprefix("list:").partition(":")[0] for row in entries)
    if kinds != _HISTORY:
        yield f"the index has it in {kinds}"
    for queue in names.QUEUES:
        if count := await scene.waiting(queue):
            yield f"{count} messages are in {queue}"
