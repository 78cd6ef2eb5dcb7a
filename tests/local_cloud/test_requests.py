from __future__ import annotations

import uuid

import pytest

from tests.local_cloud.clouds import error, name


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"", "application/json", "Empty Payload. JSON content expected."),
        (b"{", "application/json", "Unable to read JSON request payload."),
        (b"[]", "application/json", "Unable to read JSON request payload."),
        (b"{}", "text/plain", "Unable to read JSON request payload."),
        (b"{}", None, "Write requests (excluding DELETE) must contain the Content-Type header"),
    ],
)
async def test_a_body_must_be_json(cloud, content, content_type, message):
    """A missing, malformed or mislabelled body is refused before it is parsed."""
    token = await cloud.token(cloud.info["clients"]["administrator"], "https://graph.microsoft.com")
    headers = {"Authorization": f"Bearer {token}"}
    if content_type:
        headers["Content-Type"] = content_type
    answer = await cloud.http.post(
        f"{cloud.info['graph']}/v1.0/applications", content=content, headers=headers
    )
    status, code, text = error(answer)
    assert (status, code) == (400, "BadRequest")
    assert text.startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/bogus", (400, "BadRequest", "Resource not found for the segment 'bogus'.")),
        (
            "GET",
            "/applications/{id}/bogus",
            (400, "BadRequest", "Resource not found for the segment 'bogus'."),
        ),
        ("GET", "/applications/1", (400, "Request_BadRequest", "Invalid object identifier '1'.")),
        ("PUT", "/applications", (405, "Request_BadRequest", "Specified HTTP method is not allowed")),
        (
            "GET",
            "/applications(appId='x')",
            (400, "Request_BadRequest", "Invalid value specified for object ref"),
        ),
        ("GET", "/applications(appId='x'", (400, "BadRequest", "Bad Request - Error in query syntax.")),
        (
            "GET",
            "/applications/{id}",
            (404, "Request_ResourceNotFound", "Resource '{id}' does not exist or one"),
        ),
        (
            "GET",
            "/servicePrincipals/{id}",
            (404, "Request_ResourceNotFound", "Resource '{id}' does not exist"),
        ),
    ],
)
async def test_unknown_paths_have_the_errors_of_graph(cloud, method, path, expected):
    """Paths, methods and IDs that Graph does not have return the errors of Graph."""
    object_id = str(uuid.uuid4())
    status, code, message = error(await cloud.graph(method, path.format(id=object_id)))
    assert (status, code) == expected[:2]
    assert message.startswith(expected[2].format(id=object_id))


async def test_a_key_may_contain_anything(cloud):
    """In an alternate key, quotes are doubled and slashes are percent-encoded."""
    unique = f"it's {name()}/x"
    created = await cloud.application(uniqueName=unique)
    key = unique.replace("'", "''").replace("/", "%2F").replace(" ", "%20")
    assert (await cloud.graph("GET", f"/applications(uniqueName='{key}')")).json()["id"] == created["id"]


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("displayName eq '{a}-1'", 1),
        ("displayName eq '{A}-1'", 1),
        ("appId eq '{appId}'", 1),
        ("uniqueName eq '{a}-1'", 1),
        ("id eq '{id}'", 1),
        ("identifierUris/any(x:x eq 'api://{tenant}/{a}-1')", 1),
        ("identifierUris/any(u: startswith(u,'api://{tenant}/{a}'))", 3),
        ("startswith(displayName,'{a}')", 3),
        ("startsWith(displayName, '{a}-') and signInAudience eq 'AzureADMyOrg'", 3),
        ("displayName eq '{a}-1' or displayName eq '{a}-2'", 2),
        ("displayName in ('{a}-1','{a}-0')", 2),
        ("(displayName eq '{a}-1' or displayName eq '{a}-2') and uniqueName eq '{a}-2'", 1),
        ("displayName eq '{a}-1' and createdDateTime ge 2020-01-01T00:00:00Z", 1),
        ("displayName eq '{a}-1' and createdDateTime le 2020-01-01T00:00:00Z", 0),
        ("displayName eq 'nobody''s'", 0),
    ],
)
async def test_filters(cloud, expression, count):
    """The OData filters that Graph supports find the matching objects."""
    prefix = name()
    created = [
        await cloud.application(
            displayName=f"{prefix}-{number}",
            uniqueName=f"{prefix}-{number}",
            identifierUris=[f"api://{cloud.info['tenant']}/{prefix}-{number}"],
        )
        for number in range(3)
    ]
    values = {"a": prefix, "A": prefix.upper(), "tenant": cloud.info["tenant"]}
    values |= {key: created[1][key] for key in ("id", "appId")}
    query = {"$filter": expression.format(**values), "$select": "id,displayName"}
    answer = await cloud.graph("GET", f"/applications?{'&'.join(f'{k}={v}' for k, v in query.items())}")
    assert answer.status_code == 200, answer.text
    found = answer.json()["value"]
    assert len(found) == count
    assert all(set(body) == {"id", "displayName"} for body in found)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$filter=displayName ne 'x'", "Request_UnsupportedQuery"),
        ("$filter=endswith(displayName,'x')", "Request_UnsupportedQuery"),
        ("$filter=description eq 'x'", "Request_UnsupportedQuery"),
        ("$filter=displayName foo 'x'", "BadRequest"),
        ("$filter=displayName eq 'x", "BadRequest"),
        ("$filter=displayName eq", "BadRequest"),
        ("$filter=", "BadRequest"),
        ("$orderby=appId", "Request_UnsupportedQuery"),
        ("$orderby=displayName&$filter=startswith(displayName,'x')", "Request_UnsupportedQuery"),
        ("$select=bogus", "BadRequest"),
        ("$top=1000", "Request_UnsupportedQuery"),
        ("$top=x", "BadRequest"),
        ("$skip=1", "Request_UnsupportedQuery"),
        ("$search=x", "Request_BadRequest"),
        ("$bogus=1", "BadRequest"),
        ("$skiptoken=!", "Directory_ExpiredPageToken"),
    ],
)
async def test_unsupported_queries_are_refused(cloud, query, code):
    """A query that the directory does not support is an error; it is never treated as another query."""
    assert error(await cloud.graph("GET", f"/applications?{query}"))[:2] == (400, code)


async def test_advanced_queries_need_their_header(cloud):
    """With ConsistencyLevel: eventual and $count=true, ne, not and a count are available."""
    prefix = name()
    for number in range(3):
        await cloud.application(displayName=f"{prefix}-{number}")
    eventual = {"ConsistencyLevel": "eventual"}
    query = f"$count=true&$filter=startswith(displayName,'{prefix}') and not endswith(displayName,'-1')"
    answer = await cloud.graph("GET", f"/applications?{query}", headers=eventual)
    assert answer.json()["@odata.count"] == 2
    query = f"$count=true&$orderby=displayName desc&$filter=startswith(displayName,'{prefix}')"
    answer = await cloud.graph("GET", f"/applications?{query}&$top=2", headers=eventual)
    names = [body["displayName"] for body in answer.json()["value"]]
    answer = await cloud.graph("GET", answer.json()["@odata.nextLink"], headers=eventual)
    names += [body["displayName"] for body in answer.json()["value"]]
    assert names == [f"{prefix}-{number}" for number in (2, 1, 0)]
    counted = await cloud.graph(
        "GET", f"/applications/$count?$filter=startswith(displayName,'{prefix}')", headers=eventual
    )
    assert counted.text == "3"
    assert error(await cloud.graph("GET", "/applications/$count"))[0] == 400


@pytest.mark.parametrize(
    "condition",
    ["startswith(displayName,'{a}')", "displayName in ('{a}-0','{a}-1','{a}-2','{a}-3','{a}-4')"],
)
async def test_pages_have_no_gap_and_no_repetition(cloud, condition):
    """The pages of nextLink contain each object once, for searches and for lookups."""
    prefix = name()
    made = {(await cloud.application(displayName=f"{prefix}-{number}"))["id"] for number in range(5)}
    link = f"/applications?$top=2&$select=id&$filter={condition.format(a=prefix)}"
    seen: list[str] = []
    while link:
        page = (await cloud.graph("GET", link)).json()
        assert len(page["value"]) <= 2
        seen += [body["id"] for body in page["value"]]
        assert len(seen) <= len(made)
        link = page.get("@odata.nextLink")
    assert sorted(seen) == sorted(made)


async def test_a_batch_is_processed_in_order(cloud):
    """Each request of a batch has its own status; a request that depends on a failed one is not processed."""
    app = await cloud.application()
    requests = [
        {"id": "1", "method": "GET", "url": f"/applications/{app['id']}?$select=id"},
        {"id": "2", "method": "GET", "url": f"/applications/{uuid.uuid4()}"},
        {"id": "3", "method": "DELETE", "url": f"/applications/{app['id']}", "dependsOn": ["2"]},
        {
            "id": "4",
            "method": "PATCH",
            "url": f"/applications(appId='{app['appId']}')",
            "headers": {"Content-Type": "application/json"},
            "body": {"notes": "batched"},
        },
    ]
    answer = await cloud.graph("POST", "/$batch", {"requests": requests})
    assert answer.status_code == 200
    statuses = {each["id"]: each["status"] for each in answer.json()["responses"]}
    assert statuses == {"1": 200, "2": 404, "3": 424, "4": 204}
    assert (await cloud.graph("GET", f"/applications/{app['id']}")).json()["notes"] == "batched"
    many = [{"id": str(number), "method": "GET", "url": "/organization"} for number in range(21)]
    assert error(await cloud.graph("POST", "/$batch", {"requests": many}))[0] == 400


async def test_the_tenant_describes_itself(cloud):
    """Organization and domains name the tenant and its verified domains."""
    [organization] = (
        await cloud.graph("GET", "/organization?$select=id,displayName,verifiedDomains")
    ).json()["value"]
    assert organization["id"] == cloud.info["tenant"]
    domains = {each["name"]: each for each in organization["verifiedDomains"]}
    assert domains["contoso.onmicrosoft.com"]["isInitial"]
    assert domains["contoso.com"]["isDefault"]
    assert {each["id"] for each in (await cloud.graph("GET", "/domains")).json()["value"]} == set(domains)
