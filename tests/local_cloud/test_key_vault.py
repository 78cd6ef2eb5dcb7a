from __future__ import annotations

import pytest

from tests.local_cloud.clouds import error, name

VERSION = "api-version=7.6"


async def ask(cloud, method: str, path: str, body: object = None, **options):
    separator = "&" if "?" in path else "?"
    return await cloud.service("keyVault", method, f"{path}{separator}{VERSION}", body, **options)


async def test_the_challenge_names_login_and_the_vaults_resource(cloud):
    """The response to a request without a token names the authority and the resource for a token."""
    answer = await cloud.http.get(f"{cloud.info['keyVault']}/secrets/x?{VERSION}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer authorization="{cloud.info["login"]}/{cloud.info["tenant"]}",'
        ' resource="https://vault.azure.net"'
    )


async def test_versions_of_a_secret(cloud):
    """Each PUT adds a version; the bare name returns the newest, and each ID its own version."""
    path = f"/secrets/{name()}"
    ids = []
    for value in ("one", "two"):
        body = {"value": value, "tags": {"v": value}, "contentType": "t", "attributes": {"exp": 2000000000}}
        answer = (await ask(cloud, "PUT", path, body)).json()
        assert answer["value"] == value
        ids.append(answer["id"])
    newest = (await ask(cloud, "GET", path)).json()
    assert (newest["value"], newest["id"], newest["tags"]) == ("two", ids[1], {"v": "two"})
    assert (newest["attributes"]["exp"], newest["contentType"]) == (2000000000, "t")
    assert newest["attributes"]["recoveryLevel"] == "Recoverable"
    assert (await cloud.service("keyVault", "GET", f"{ids[0]}?{VERSION}")).json()["value"] == "one"
    versions = (await ask(cloud, "GET", f"{path}/versions")).json()["value"]
    assert [version["id"] for version in versions] == ids[::-1]
    assert "value" not in versions[0]


async def test_attributes_change_without_the_value(cloud):
    """PATCH changes tags and attributes of one version; a disabled one cannot be read."""
    path = f"/secrets/{name()}"
    await ask(cloud, "PUT", path, {"value": "v"})
    change = {"tags": {"a": "b"}, "attributes": {"enabled": False, "nbf": 1700000000}}
    answer = (await ask(cloud, "PATCH", path, change)).json()
    assert answer["tags"] == {"a": "b"}
    assert (answer["attributes"]["enabled"], answer["attributes"]["nbf"]) == (False, 1700000000)
    refused = await ask(cloud, "GET", path)
    assert (refused.status_code, refused.json()["error"]["innererror"]["code"]) == (403, "SecretDisabled")


async def test_a_deleted_secret_is_recovered_or_purged(cloud):
    """A deleted secret keeps its name until it is purged, which purge protection forbids to everybody."""
    secret = name()
    path, deleted = f"/secrets/{secret}", f"/deletedsecrets/{secret}"
    await ask(cloud, "PUT", path, {"value": "v"})
    body = (await ask(cloud, "DELETE", path)).json()
    assert body["recoveryId"] == f"{cloud.info['keyVault']}{deleted}"
    assert body["scheduledPurgeDate"] > body["deletedDate"]
    assert error(await ask(cloud, "GET", path))[:2] == (404, "SecretNotFound")
    conflict = await ask(cloud, "PUT", path, {"value": "w"})
    assert (conflict.status_code, conflict.json()["error"]["innererror"]["code"]) == (
        409,
        "ObjectIsDeletedButRecoverable",
    )
    listed = (await ask(cloud, "GET", "/deletedsecrets?maxresults=25")).json()["value"]
    assert secret in {each["recoveryId"].rpartition("/")[2] for each in listed}
    assert (await ask(cloud, "POST", f"{deleted}/recover")).status_code == 200
    assert (await ask(cloud, "GET", path)).json()["value"] == "v"
    await ask(cloud, "DELETE", path)
    refused = error(await ask(cloud, "DELETE", deleted))
    assert refused[:2] == (403, "Forbidden")
    assert "purge protection is enabled" in refused[2]
    await cloud.control("PUT", "/settings", {"purgeProtection": False})
    assert (await ask(cloud, "DELETE", deleted)).status_code == 204
    assert error(await ask(cloud, "GET", deleted))[:2] == (404, "SecretNotFound")
    assert (await ask(cloud, "PUT", path, {"value": "w"})).status_code == 200


async def test_lists_are_paged(cloud):
    """The pages of nextLink contain all secrets."""
    prefix = name()
    for number in range(3):
        await ask(cloud, "PUT", f"/secrets/{prefix}-{number}", {"value": "v"})
    seen, link = [], f"{cloud.info['keyVault']}/secrets?maxresults=2&{VERSION}"
    while link:
        page = (await cloud.service("keyVault", "GET", link)).json()
        seen += [each["id"].rpartition("/")[2] for each in page["value"]]
        assert len(seen) == len(set(seen))
        link = page["nextLink"]
    assert {f"{prefix}-{number}" for number in range(3)} <= set(seen)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("PUT", "/secrets/under_score", {"value": "v"}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "x" * 25601}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "\u00e9" * 12801}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "v", "contentType": "t" * 256}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "v", "tags": {"a": "b" * 257}}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "v", "tags": {"a": 1}}, (400, "BadParameter")),
        ("PUT", "/secrets/fine", {"value": "v", "attributes": {"exp": "soon"}}, (400, "BadParameter")),
        ("GET", "/secrets/nobody", None, (404, "SecretNotFound")),
        ("GET", "/secrets?maxresults=x", None, (400, "BadParameter")),
        ("PATCH", "/secrets/nobody", {}, (404, "SecretNotFound")),
        ("GET", "/keys", None, (404, "NotFound")),
        ("POST", "/secrets", {}, (405, "MethodNotAllowed")),
    ],
)
async def test_invalid_requests(cloud, method, path, body, expected):
    """Each invalid name, value or path has the error that Key Vault returns."""
    assert error(await ask(cloud, method, path, body))[:2] == expected


async def test_the_vault_is_for_its_officers_only(cloud):
    """A caller without a role gets 403 whatever it asks for; a request needs an api-version."""
    client = await cloud.client("Application.ReadWrite.All")
    answer = await ask(cloud, "GET", "/secrets/x", client=client)
    assert error(answer)[:2] == (403, "Forbidden")
    assert answer.json()["error"]["innererror"]["code"] == "ForbiddenByRbac"
    assert error(await cloud.service("keyVault", "GET", "/secrets/x"))[:2] == (400, "BadParameter")
    unknown = error(await cloud.service("keyVault", "GET", "/secrets/x?api-version=9.9"))
    assert unknown[:2] == (400, "BadParameter")
    assert "The specified version (9.9) is not recognized" in unknown[2]


async def test_each_data_action_is_decided_on_its_own(cloud):
    """The service's identity may do what its role lists; a refusal contains the missing action."""
    await cloud.control("PUT", "/settings", {"vaultActions": ["secrets/setSecret/action"]})
    token = (await cloud.identity_token("https://vault.azure.net")).json()["access_token"]
    url = f"{cloud.info['keyVault']}/secrets/{name()}?{VERSION}"
    headers = {"Authorization": f"Bearer {token}"}
    assert (await cloud.http.put(url, json={"value": "v"}, headers=headers)).status_code == 200
    refused = error(await cloud.http.get(url, headers=headers))
    assert refused[:2] == (403, "Forbidden")
    assert "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'" in refused[2]
