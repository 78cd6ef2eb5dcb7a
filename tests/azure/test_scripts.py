"""The scripts first show their plan, then carry it out, and do nothing twice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra.azure.permissions import (
    API_OPERATE,
    API_REQUEST,
    API_SCOPE_ID,
    GRAPH_BASE,
    GRAPH_CONSENT,
    GRAPH_SEE,
)
from tests.azure.conftest import Cloud, Outcome, started


@pytest.fixture
def identity(cloud: Cloud) -> str:
    """Object ID of the service's identity, which has no permission yet."""
    return str(cloud.facts["identity"]["principalId"])


@dataclass(frozen=True)
class Api:
    """A registration of the API, with a name for one test."""

    cloud: Cloud
    name: str

    @property
    def path(self) -> str:
        """The path of the registration in Graph."""
        return f"/applications(uniqueName='{self.name}')"

    def register(self, *arguments: str) -> Outcome:
        """Run the script for this name."""
        return self.cloud.run("register_api", "--unique-name", self.name, "--name", self.name, *arguments)

    def read(self) -> dict[str, Any]:
        """The registration in Graph."""
        return self.cloud.graph(self.path)


@pytest.fixture
def api(cloud: Cloud) -> Api:
    """An API that is not registered yet."""
    return Api(cloud, f"api-{uuid.uuid4()}")


def _granted(cloud: Cloud, principal_id: str) -> list[str]:
    entries = cloud.graph(f"/servicePrincipals/{principal_id}/appRoleAssignments")["value"]
    return sorted(entry["appRoleId"] for entry in entries)


def _ids(roles: tuple[Any, ...]) -> list[str]:
    return sorted(role.id for role in roles)


def _claims(cloud: Cloud, client: dict[str, Any], scope: str) -> dict[str, Any]:
    """The claims of a token for this scope. Only login checks its signature."""
    return dict(jwt.decode(cloud.token(client, scope), options={"verify_signature": False}))


def test_permissions_are_granted_once(cloud: Cloud, identity: str):
    """The identity gets the base set, with one assignment each, however often the script runs."""
    first = cloud.run("grant_permissions", "--principal-id", identity, "--yes")
    assert (first.returncode, first.stderr) == (0, "")
    assert _granted(cloud, identity) == _ids(GRAPH_BASE)
    assert len(cloud.writes()) == len(GRAPH_BASE)
    second = cloud.run("grant_permissions", "--principal-id", identity, "--yes")
    assert second.returncode == 0
    assert f"0 to do, {len(GRAPH_BASE)} in place already" in second.stdout
    assert cloud.writes() == []


def test_what_if_says_everything_and_writes_nothing(cloud: Cloud, identity: str):
    """The plan lists each permission with its reason, and nothing is changed."""
    shown = cloud.run("grant_permissions", "--principal-id", identity, "--consent", "--what-if", "--yes")
    assert shown.returncode == 0
    for role in GRAPH_BASE + GRAPH_CONSENT:
        assert f"will do  {role.value}\n           {role.why}\n" in shown.stdout
    assert "TIER 0" in shown.stdout
    assert cloud.writes() == []
    assert _granted(cloud, identity) == []


def test_without_a_yes_nothing_is_done(cloud: Cloud, identity: str):
    """Without a terminal or --yes, the script shows its plan, changes nothing and fails."""
    refused = cloud.run("grant_permissions", "--principal-id", identity)
    assert refused.returncode == 1
    assert "pass --yes" in refused.stdout
    assert cloud.writes() == []


@pytest.mark.parametrize(("answer", "granted"), [("y\n", len(GRAPH_BASE)), ("\n", 0)])
def test_a_person_is_asked(cloud: Cloud, identity: str, answer: str, granted: int):
    """At a terminal the script asks after showing its plan; only a yes continues."""
    asked = cloud.run_at_terminal("grant_permissions", "--principal-id", identity, answer=answer)
    assert "Go ahead? [y/N]" in asked.stdout
    assert len(cloud.writes()) == granted


def test_consent_adds_to_what_is_granted(cloud: Cloud, identity: str):
    """A later run with --consent adds its permissions and leaves the others alone."""
    cloud.run("grant_permissions", "--principal-id", identity, "--yes")
    cloud.writes()
    added = cloud.run("grant_permissions", "--principal-id", identity, "--consent", "--yes")
    assert added.returncode == 0
    assert len(cloud.writes()) == len(GRAPH_CONSENT)
    assert _granted(cloud, identity) == _ids(GRAPH_BASE + GRAPH_CONSENT)


def test_seeing_consent_takes_one_more_permission(cloud: Cloud, identity: str):
    """With --see-consent, the identity can read what an administrator granted, without tier 0 permissions."""
    done = cloud.run("grant_permissions", "--principal-id", identity, "--see-consent", "--yes")
    assert done.returncode == 0
    assert _granted(cloud, identity) == _ids(GRAPH_BASE + GRAPH_SEE)


def test_a_lost_answer_is_made_good(cloud: Cloud, identity: str):
    """A grant whose response is lost is sent again and counts as done, without a duplicate."""
    fault = {"service": "graph", "method": "POST", "path": "appRoleAssignedTo", "skip": 1, "times": 1}
    cloud.control("POST", "/faults", {**fault, "kind": "drop", "when": "after"})
    done = cloud.run("grant_permissions", "--principal-id", identity, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(cloud.writes()) == len(GRAPH_BASE) + 1
    assert _granted(cloud, identity) == _ids(GRAPH_BASE)


def test_a_busy_directory_is_waited_for(cloud: Cloud, identity: str):
    """Throttling with Retry-After delays the grant and does not fail it."""
    fault = {"service": "graph", "method": "POST", "path": "appRoleAssignedTo", "times": 1}
    cloud.control("POST", "/faults", {**fault, "kind": "throttle", "retryAfter": 1})
    assert cloud.run("grant_permissions", "--principal-id", identity, "--yes").returncode == 0
    assert _granted(cloud, identity) == _ids(GRAPH_BASE)


def test_the_government_cloud_is_served_too(tmp_path: Path):
    """In the other cloud, the scripts sign in for that cloud's Graph and do the same."""
    with started(tmp_path, "AzureUSGovernmentCloud") as cloud:
        identity = cloud.facts["identity"]["principalId"]
        cloud.control("PUT", "/settings", {"identityRoles": []})
        done = cloud.run("grant_permissions", "--principal-id", identity, "--yes")
        assert (done.returncode, done.stderr) == (0, "")
        assert _granted(cloud, identity) == _ids(GRAPH_BASE)
        assert cloud.run("register_api", "--yes").returncode == 0


def test_who_may_not_grant_is_told_which_role_it_takes(cloud: Cloud, identity: str):
    """Without the permission, nothing is granted and the message contains the required Entra role."""
    refused = cloud.run("grant_permissions", "--principal-id", identity, "--yes", client="requester")
    assert refused.returncode == 1
    assert "Privileged Role Administrator" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert _granted(cloud, identity) == []


def test_an_unknown_identity_is_refused_with_what_to_check(cloud: Cloud):
    """The error for an unknown object ID describes the usual mistakes."""
    unknown = cloud.run(
        "grant_permissions", "--principal-id", "11111111-2222-3333-4444-555555555555", "--yes"
    )
    assert unknown.returncode == 1
    assert "not its client id" in unknown.stderr


def test_only_a_managed_identity_is_granted_anything(cloud: Cloud):
    """The service principal of an app registration is refused: a mistake must not grant it permissions."""
    client = cloud.control("POST", "/clients", {"roles": [], "graphRoles": []})
    cloud.writes()
    refused = cloud.run("grant_permissions", "--principal-id", client["principalId"], "--yes")
    assert refused.returncode == 1
    assert "is not a managed identity" in refused.stderr
    assert cloud.writes() == []


def test_a_wrong_secret_is_said_plainly(cloud: Cloud, identity: str):
    """A failed sign-in ends with login's own message, without a traceback and without the secret."""
    administrator = {**cloud.facts["clients"]["administrator"], "clientSecret": "wrong-by-intent"}
    facts = {**cloud.facts, "clients": {"administrator": administrator}}
    failed = replace(cloud, facts=facts).run("grant_permissions", "--principal-id", identity, "--yes")
    assert failed.returncode == 1
    assert "AADSTS7000215" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "wrong-by-intent" not in failed.stderr + failed.stdout


def test_the_api_is_registered_once_with_its_roles(cloud: Cloud, api: Api):
    """One registration with both roles, the scope, its URI and a principal that requires assignment."""
    first = api.register("--yes")
    assert (first.returncode, first.stderr) == (0, "")
    application = api.read()
    uri = f"api://{application['appId']}"
    assert application["identifierUris"] == [uri]
    assert application["signInAudience"] == "AzureADMyOrg"
    assert application["api"]["requestedAccessTokenVersion"] == 2
    assert [scope["id"] for scope in application["api"]["oauth2PermissionScopes"]] == [API_SCOPE_ID]
    assert {role["id"]: role["value"] for role in application["appRoles"]} == {
        role.id: role.value for role in (API_REQUEST, API_OPERATE)
    }
    principal = cloud.graph(f"/servicePrincipals(appId='{application['appId']}')")
    assert principal["appRoleAssignmentRequired"] is True
    assert f"azd env set API_AUDIENCE {uri},{application['appId']}" in first.stdout
    cloud.writes()
    second = api.register("--yes")
    assert second.returncode == 0
    assert "0 to do, 3 in place already" in second.stdout
    assert cloud.writes() == []
    assert api.read() == application


def test_registering_shows_its_plan_first(cloud: Cloud, api: Api):
    """--what-if lists the registration, its URI, its principal and each caller, and writes nothing."""
    caller = cloud.control("POST", "/clients", {"roles": [], "graphRoles": []})["principalId"]
    cloud.writes()
    shown = api.register("--requester", caller, "--what-if", "--yes")
    assert shown.returncode == 0
    assert "4 to do, 0 in place already" in shown.stdout
    assert f"will do  role Onboarding.Request for {caller}" in shown.stdout
    assert cloud.writes() == []
    assert cloud.graph(f"/applications?$filter=displayName eq '{api.name}'")["value"] == []


def test_a_caller_with_a_role_gets_a_token_that_says_so(cloud: Cloud, api: Api):
    """After the script, a caller's token for the API contains its role and one of the printed audiences."""
    client = cloud.control("POST", "/clients", {"roles": [], "graphRoles": []})
    done = api.register("--operator", client["principalId"], "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    application = api.read()
    claims = _claims(cloud, client, f"api://{application['appId']}/.default")
    assert claims["roles"] == ["Onboarding.Operate"]
    printed = done.stdout.split("API_AUDIENCE ")[1].split()[0].split(",")
    assert claims["aud"] in printed
    again = api.register("--operator", client["principalId"], "--yes")
    assert "0 to do, 4 in place already" in again.stdout


def test_what_others_added_to_the_registration_stays(cloud: Cloud, api: Api):
    """An added role and an added URI survive an update that repairs ours."""
    api.register("--yes")
    application = api.read()
    extra = {
        "id": "0b0f6a77-8c1e-4b53-9a50-6c1d7a2f9e31",
        "value": "Reports.Read",
        "displayName": "Reports",
        "description": "Read reports.",
        "allowedMemberTypes": ["Application"],
        "isEnabled": True,
    }
    roles = [{**role, "description": "Changed."} for role in application["appRoles"]]
    more = f"api://{cloud.facts['tenant']}/{api.name}"
    cloud.graph(api.path, "PATCH", {"appRoles": [*roles, extra], "identifierUris": [more]})
    repaired = api.register("--yes")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert f"update appRoles of {api.name}" in repaired.stdout
    now = api.read()
    assert "Reports.Read" in [role["value"] for role in now["appRoles"]]
    assert "Changed." not in [role["description"] for role in now["appRoles"]]
    assert now["identifierUris"] == [more, *application["identifierUris"]]


def test_registering_waits_for_the_directory(cloud: Cloud, api: Api):
    """New objects that are not visible at once delay the script and do not fail it."""
    cloud.control("PUT", "/lag", {"seconds": 3})
    done = api.register("--yes")
    assert (done.returncode, done.stderr) == (0, "")
    cloud.control("PUT", "/lag", {"seconds": 0})
    assert len(api.read()["identifierUris"]) == 1


def test_a_name_held_by_a_deleted_registration_is_explained(cloud: Cloud, api: Api):
    """A deleted registration keeps its unique name; the message contains the remedy."""
    api.register("--yes")
    cloud.graph(f"/applications/{api.read()['id']}", "DELETE")
    refused = api.register("--yes")
    assert refused.returncode == 1
    assert "for 30 days" in refused.stderr
    assert "Traceback" not in refused.stderr
