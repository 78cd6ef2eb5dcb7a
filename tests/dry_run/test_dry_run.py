from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.cloud.service_names import GRAPH, KEY_VAULT, RESOURCE_MANAGER
from onboarding.cmg import profiles
from onboarding.lifecycle.plans import PLANS
from onboarding.storage import names
from tests.support.administrator import Administrator
from tests.support.lanes.exchanges import CLOUD, QUEUE, TABLE, Exchange
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Onboarding
from tests.support.portal import problem, unique, until
from tests.support.precreated import precreated

SERVICES = {
    "graph": GRAPH,
    "resourceManager": RESOURCE_MANAGER,
    "keyVault": KEY_VAULT,
}
END = (datetime.now(UTC) + timedelta(days=100)).replace(microsecond=0).isoformat()


def is_write(exchange: Exchange) -> bool:
    """Whether a request to the cloud changes something. A batch only reads if all its parts only read."""
    if exchange.service == "keyVault" and "Authorization" not in exchange.headers:
        return False  # requests the challenge, with an empty body
    if exchange.path.endswith("/$batch"):
        return any(each["method"] != "GET" for each in json.loads(exchange.body)["requests"])
    return exchange.method != "GET"


async def dry_run(lane: Lane, request: Mapping[str, Any], caller: str = "requester") -> dict[str, Any]:
    """The response of a dry run, which must leave everything unchanged."""
    before = await stored(lane)
    lane.proxy.exchanges.clear()
    answer = await lane.portal.call(
        "POST", f"{lane.address}/api/onboardings", caller=caller, params={"dryRun": "true"}, json=request
    )
    assert answer.status_code == 200, answer.text
    seen = list(lane.proxy.exchanges)
    assert [each.label for each in seen if each.service in CLOUD and is_write(each)] == []
    written = [each.label for each in seen if each.service == TABLE and each.method != "GET"]
    assert set(written) == {f"upsert {names.AUDIT}"}, "only the event that somebody asked"
    assert [each.label for each in seen if each.service == QUEUE and each.label.startswith("put")] == []
    assert await stored(lane) == before
    lane.proxy.exchanges.clear()
    document: dict[str, Any] = answer.json()
    return document


async def stored(lane: Lane) -> dict[str, Any]:
    """All rows except those of the audit trail, all messages, and the number of objects in the directory."""
    rows: dict[str, Any] = {table: await lane.rows(table) for table in names.TABLES if table != names.AUDIT}
    messages = {queue: await lane.waiting(queue) for queue in names.QUEUES}
    objects = {
        path: len((await lane.portal.graph(f"{path}?$top=999"))["value"])
        for path in ("/applications", "/servicePrincipals", "/oauth2PermissionGrants")
    }
    return {**rows, **messages, **objects}


def counted(calls: Iterable[tuple[str, str, str, Any]]) -> Counter[str]:
    """Calls to compare: steps run in parallel, so their order is not fixed."""
    return Counter(json.dumps(each, sort_keys=True) for each in calls)


CASES: dict[str, dict[str, Any]] = {
    "least": {},
    "user discovery": {"userDiscovery": {"enabled": True}},
    "older site": {"configMgrVersion": "2211"},
    "own URI": {},
    "an administrator consents": {"adminConsent": "ByAdministrator"},
}


@pytest.mark.parametrize("case", CASES)
async def test_the_calls_are_those_of_the_onboarding(lane, case):
    """The onboarding makes exactly the changing calls that the dry run shows: method, path and body."""
    onboarding = await lane.begin(**CASES[case])
    server = {**onboarding.request["serverApp"], "secretEndDate": END}
    if case == "own URI":
        server["appIdUri"] = f"https://contoso.com/{unique()}"
    onboarding.request = {**onboarding.request, "serverApp": server}
    await compare(lane, onboarding)


async def test_the_calls_are_those_of_an_import(lane):
    """Existing apps are not changed: the secret is added to the vault, and consent is granted."""
    apps = await precreated(lane.portal)
    onboarding = await lane.begin(adminConsent="ByService")
    onboarding.caller = "operator"  # the service grants nothing to existing apps for a requester
    onboarding.request = {**onboarding.request, **apps.request()}
    calls = await compare(lane, onboarding)
    registered = [each for each in calls if each.get("step", "").startswith("provider-")]
    assert [each["method"] for each in calls if each not in registered] == ["PUT", "POST", "POST", "PUT"]
    assert "step" not in calls[0]  # the API makes it when the request arrives
    # No table, queue, response or log contains the secret, and neither does the copy of the onboarding.
    written = [each for each in onboarding.exchanges if each.service == "keyVault" and is_write(each)]
    assert [each.label for each in onboarding.exchanges if apps.secret.encode() in each.body] == [
        each.label for each in written if "/record-" not in each.path
    ]
    for path in ("", "/events"):
        answer = await lane.portal.call(
            "GET", f"{lane.address}/api/onboardings/{onboarding.id}{path}", caller="operator"
        )
        assert apps.secret not in answer.text
    logs = [file.read_text(encoding="utf-8") for file in lane.stack.folder.glob("*.log")]
    assert any(onboarding.id in each for each in logs)
    assert not any(apps.secret in each for each in logs)


@pytest.mark.soak
async def test_the_calls_are_those_of_a_shared_app(lane):
    """With a secret that is already in the vault, or with a shared app, there are fewer calls."""
    apps, name = await precreated(lane.portal), unique("import-contoso")
    secret = {"value": apps.secret}
    await lane.portal.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", secret)
    onboarding = await lane.begin(adminConsent="ByService")
    onboarding.caller = "operator"
    onboarding.request = {**onboarding.request, **apps.request(vaultSecret=name)}
    paths = [each["path"] for each in await compare(lane, onboarding)]
    assert [path for path in paths if "/providers/" not in path] == [  # earlier runs may have registered them
        "/v1.0/oauth2PermissionGrants",
        "/v1.0/oauth2PermissionGrants",
        "/secrets/record-{onboarding}",
    ]
    first = (await lane.get(f"/api/onboardings/{onboarding.id}"))["connectionId"]
    onboarding = await lane.begin(adminConsent="ByService")
    onboarding.caller = "operator"
    shared = {"serverApp": {"existing": {"connectionId": first}}}
    onboarding.request = {**onboarding.request, **shared}
    calls = await compare(lane, onboarding)
    assert {each["step"] for each in calls} == {"client-app", "client-principal", "consent", "connection"}


@pytest.mark.soak
async def test_the_calls_are_those_of_a_purge(lane):
    """A deleted application of this service that keeps the URI is purged, as the dry run shows."""
    server = {"appIdUri": f"https://contoso.com/{unique()}", "secretEndDate": END}
    first = await lane.begin()
    first.request = {**first.request, "serverApp": server}
    await compare(lane, first)
    connection = (await lane.get(f"/api/onboardings/{first.id}"))["connectionId"]
    deleted = (await lane.get(f"/api/connections/{connection}"))["serverApp"]["objectId"]
    await lane.portal.look("graph", "DELETE", f"/v1.0/applications/{deleted}")
    onboarding = await lane.begin()
    onboarding.request = {**onboarding.request, "serverApp": {**server, "onDeleted": "Purge"}}
    calls = await compare(lane, onboarding)
    assert calls[0] == {
        "step": "server-app",
        "service": GRAPH,
        "method": "DELETE",
        "path": f"/v1.0/directory/deletedItems/{deleted}",
    }


async def compare(lane: Lane, onboarding: Onboarding) -> list[Any]:
    """The calls in a dry run, which must be those that the onboarding then makes."""
    document = await dry_run(lane, onboarding.request, onboarding.caller)
    assert document["wouldFail"] is False
    assert {each["severity"] for each in document["findings"]} <= {"Warning", "Information"}

    await asyncio.gather(lane.follow(onboarding), consent(lane, onboarding))
    connection = (await lane.get(f"/api/onboardings/{onboarding.id}"))["connectionId"]
    made = await lane.get(f"/api/connections/{connection}")
    calls = [each for each in document["calls"] if each["method"] != "GET"]
    told = [
        (each["service"], each["method"], *named(each["path"], each.get("body"), onboarding.id, made))
        for each in calls
    ]
    done = [normal(each, onboarding.id, made) for each in onboarding.exchanges if each.service in CLOUD]
    assert counted(told) == counted(each for each in done if each)
    return calls


async def consent(lane: Lane, onboarding: Onboarding) -> None:
    """An administrator consents, if necessary."""
    if onboarding.request.get("adminConsent") != "ByAdministrator":
        return

    async def asked() -> bool:
        if not onboarding.id:
            return False
        steps = (await lane.get(f"/api/onboardings/{onboarding.id}"))["steps"]
        return any(each["name"] == "consent" and "waitingFor" in each for each in steps)

    await until(asked, "the question for consent")
    await Administrator(lane.portal, onboarding.id).consents_for_client()


def normal(exchange: Exchange, onboarding: str, made: Any) -> tuple[str, str, str, Any] | None:
    """A call that changes something, in the form of a dry run."""
    if not is_write(exchange):
        return None
    body: Any = json.loads(exchange.body) if exchange.body else None
    if exchange.service == "keyVault":
        del body["value"]  # no response contains the secret itself
    path, body = named(exchange.path, body, onboarding, made)
    return (SERVICES[exchange.service], exchange.method, path, body)


def named(path: str, body: Any, onboarding: str, made: Any) -> tuple[str, Any]:
    """Path and body of a call, with names instead of IDs that were not known in advance."""
    text = re.sub(r"import-([0-9a-f-]{36}|\{onboarding\})-[0-9a-f]{16}", "{import}", json.dumps([path, body]))
    for known, name in (
        (profiles.scope_id(onboarding), profiles.scope_id("{onboarding}")),
        (onboarding, "{onboarding}"),
        (made["serverApp"]["objectId"], "{server-app.objectId}"),
        (made["serverApp"]["clientId"], "{server-app.appId}"),
        (made["serverApp"]["servicePrincipalId"], "{server-principal.objectId}"),
        (made["clientApp"]["objectId"], "{client-app.objectId}"),
        (made["clientApp"]["clientId"], "{client-app.appId}"),
        (made["clientApp"]["servicePrincipalId"], "{client-principal.objectId}"),
        (made["secret"]["keyId"], "{server-secret.keyId}"),
    ):
        text = text.replace(known, name)
    path, body = json.loads(text)
    return path, body


async def test_the_plan_is_shown_as_it_would_run(lane):
    """A dry run shows the ordered steps, the request with its defaults, and the step of each call."""
    onboarding = await lane.begin()
    document = await dry_run(lane, onboarding.request, onboarding.caller)
    plan = PLANS["onboard"]
    assert document["steps"] == [
        {"name": each.name, "title": each.title, "after": list(each.after)} for each in plan.steps.values()
    ]
    order = [each["name"] for each in document["steps"]]
    steps = [each["step"] for each in document["calls"]]
    assert steps == sorted(steps, key=order.index)
    assert document["request"]["serverApp"]["secretValidity"] == "P1Y"
    assert document["request"]["name"] == onboarding.request["name"]


async def test_findings_are_shown_and_nothing_is_created(lane):
    """A dry run shows all findings, the most severe first, and the calls as well."""
    onboarding = await lane.begin(
        userDiscovery={"enabled": True}, subscriptionId="11111111-2222-4333-8444-555555555555"
    )
    request = {**onboarding.request, "serverApp": {"appIdUri": "https://fabrikam.com/cmg"}}
    document = await dry_run(lane, request)
    assert document["wouldFail"] is True
    found = document["findings"]
    errors = [each for each in found if each["severity"] == "Error"]
    assert {each["code"] for each in errors} == {"domain-not-verified", "subscription-not-found"}
    assert found[: len(errors)] == errors
    assert document["calls"]


async def test_a_dry_run_does_not_use_up_the_idempotency_key(lane):
    """After a dry run the same Idempotency-Key starts the onboarding itself."""
    onboarding = await lane.begin()
    key = {"Idempotency-Key": onboarding.key}
    url = f"{lane.address}/api/onboardings"
    for _ in range(2):
        answer = await lane.portal.call("POST", f"{url}?dryRun=true", headers=key, json=onboarding.request)
        assert answer.status_code == 200
    await lane.follow(onboarding)
    assert (await lane.get(f"/api/onboardings/{onboarding.id}"))["status"] == "Succeeded"


@pytest.mark.parametrize("query", ["dryRun=yes", "dryRun=", "dryrun=true", "dryRun=true&force=1"])
async def test_a_mistyped_dry_run_is_not_an_onboarding(lane, query):
    """A misspelt dry-run parameter is refused, and never starts an onboarding."""
    url = f"{lane.address}/api/onboardings?{query}"
    answer = await lane.portal.call("POST", url, json=lane.portal.request())
    document = problem(answer, 400, "invalid-parameter")
    assert "dryRun" in document["detail"]


async def test_faults_of_a_request_are_faults_of_its_dry_run(lane):
    """A dry run refuses an invalid request in the same way as an onboarding."""
    answer = await lane.portal.call(
        "POST", f"{lane.address}/api/onboardings?dryRun=true", json=lane.portal.request(colour="red")
    )
    problem(answer, 422, "invalid-request")


async def test_a_dry_run_reports_that_the_cloud_does_not_answer(lane):
    """If Graph does not respond, a dry run responds with a Retry-After header."""
    async with lane.portal.fault(service="graph", kind="throttle", times=None, retryAfter=7):
        answer = await lane.portal.call(
            "POST", f"{lane.address}/api/onboardings?dryRun=true", json=lane.portal.request()
        )
    assert answer.headers["Retry-After"] == "7"
    problem(answer, 503, "throttled")
