from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import pytest

from onboarding.cmg.app_checks import client_checks, server_checks
from onboarding.cmg.profiles import PROFILES
from onboarding.cmg.rules import Check
from tests.support import golden

SCOPE = "0b8f1d3e-0e57-4f0d-9a8e-3f1f6f0f6a11"
SERVER, CLIENT = "6f1d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a11", "7a2d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a12"

REVISIONS = pytest.mark.parametrize("revision", golden.REVISIONS)
DISCOVERY = pytest.mark.parametrize("discovery", [False, True], ids=["without discovery", "with discovery"])


def server(revision: str, *, discovery: bool) -> dict[str, Any]:
    """The server app as Graph returns it after an administrator has followed a revision of the article."""
    app = golden.server("x", SCOPE, user_discovery=discovery, revision=revision)
    return {**app, "appId": SERVER, "identifierUris": [f"api://{SERVER}"]}


def client(revision: str, *, discovery: bool) -> dict[str, Any]:
    """The client app as Graph returns it after an administrator has followed a revision of the article."""
    app = golden.client("x", SERVER, SCOPE, user_discovery=discovery, revision=revision)
    return {**app, "appId": CLIENT, "publicClient": {"redirectUris": golden.client_redirects(CLIENT)}}


def failing(rules: Iterable[Check]) -> list[str]:
    """The checks that an application fails; each has an impact and a remedy."""
    found = [rule for rule in rules if not rule.passed]
    assert all(rule.expected and rule.impact.endswith(".") and rule.remedy.endswith(".") for rule in found)
    return [rule.name for rule in found]


@DISCOVERY
@REVISIONS
def test_apps_after_the_article_conform(revision, discovery):
    """Apps that an administrator created by a revision of the article conform to its profile."""
    web, native = server(revision, discovery=discovery), client(revision, discovery=discovery)
    profile = PROFILES[revision]
    assert failing(server_checks(profile, web, reads_directory=discovery)) == []
    assert failing(client_checks(profile, native, server=web, user_discovery=discovery)) == []


def changed(app: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """An application with one property that differs from the profile."""
    app = copy.deepcopy(app)
    *parents, last = path.split(".")
    inner = app
    for parent in parents:
        inner = inner[int(parent)] if parent.isdigit() else inner.setdefault(parent, {})  # type: ignore[index]
    inner[last] = value
    return app


@pytest.mark.parametrize(
    ("revision", "path", "value", "rule"),
    [
        ("2026-08", "signInAudience", "AzureADMultipleOrgs", "single-tenant"),
        ("2026-08", "web.redirectUris", [], "web-redirect"),
        ("2026-08", "web.redirectUris", ["https://localhost"], "web-redirect"),
        ("2023-11", "publicClient.redirectUris", [], "native-redirect"),
        ("2026-08", "isDeviceOnlyAuthSupported", None, "device-tokens"),
        ("2026-08", "identifierUris", [], "app-id-uri"),
        ("2026-08", "api.requestedAccessTokenVersion", 2, "token-version"),
        ("2026-08", "api.oauth2PermissionScopes", [], "scope"),
        ("2026-08", "api.oauth2PermissionScopes.0.isEnabled", False, "scope"),
        ("2026-08", "api.oauth2PermissionScopes.0.type", "Admin", "scope"),
        ("2026-08", "api.oauth2PermissionScopes.0.value", "other", "scope"),
        ("2309", "web.implicitGrantSettings.enableIdTokenIssuance", False, "id-tokens"),
        ("2026-08", "requiredResourceAccess", [], "permission-Directory.Read.All"),
        (
            "2026-08",
            "requiredResourceAccess.0.resourceAccess.0.type",
            "Scope",
            "permission-Directory.Read.All",
        ),
    ],
)
def test_what_a_server_app_lacks_is_told(revision, path, value, rule):
    """Each property in the server app's profile has a check, and a difference fails no other check."""
    app = changed(server(revision, discovery=True), path, value)
    assert failing(server_checks(PROFILES[revision], app, reads_directory=True)) == [rule]


@pytest.mark.parametrize(
    ("revision", "path", "value", "rule"),
    [
        ("2026-08", "signInAudience", "AzureADMultipleOrgs", "single-tenant"),
        ("2026-08", "publicClient.redirectUris", golden.client_redirects(SERVER), "broker-redirect"),
        ("2026-08", "isFallbackPublicClient", None, "public-client"),
        ("2309", "web.implicitGrantSettings.enableIdTokenIssuance", False, "id-tokens"),
        ("2026-08", "requiredResourceAccess.0.resourceAccess", [], "permission-User.Read"),
        ("2026-08", "requiredResourceAccess.1.resourceAccess", [], "permission-user_impersonation"),
        ("2026-08", "requiredResourceAccess.1.resourceAppId", CLIENT, "permission-user_impersonation"),
    ],
)
def test_what_a_client_app_lacks_is_told(revision, path, value, rule):
    """Each property in the client app's profile has a check, which compares it with its server app."""
    web = server(revision, discovery=False)
    app = changed(client(revision, discovery=False), path, value)
    assert failing(client_checks(PROFILES[revision], app, server=web, user_discovery=False)) == [rule]


@pytest.mark.parametrize("revision", ["2021", "2023-11"])
def test_what_a_profile_does_not_ask_for_is_not_missed(revision):
    """An older profile requires the client app's permission only with discovery, and no Web redirect."""
    web = changed(server(revision, discovery=False), "web.redirectUris", ["https://elsewhere.contoso.com"])
    native = client(revision, discovery=False)
    assert failing(server_checks(PROFILES[revision], web, reads_directory=False)) == []
    assert failing(client_checks(PROFILES[revision], native, server=web, user_discovery=False)) == []


def test_properties_that_are_missing_altogether_are_no_error():
    """An application without any of the properties fails the checks and causes no other error."""
    bare = {"appId": SERVER}
    assert len(failing(server_checks(PROFILES["2023-11"], bare, reads_directory=True))) == 7
    assert len(failing(client_checks(PROFILES["2026-08"], bare, server=bare, user_discovery=True))) == 4


def test_a_permission_is_named_with_its_resource_and_type():
    """A delegated permission with the same name does not replace the application permission."""
    revision = golden.REVISIONS[-1]
    web = changed(server(revision, discovery=True), "requiredResourceAccess", [])
    (check,) = [
        each
        for each in server_checks(PROFILES[revision], web, reads_directory=True)
        if each.name == "permission-Directory.Read.All"
    ]
    assert check.passed is False
    for text in (check.expected, check.remedy):
        assert "application permission Directory.Read.All of Microsoft Graph" in text


@pytest.mark.parametrize("discovery", [False, True])
def test_a_scope_that_was_made_again_is_explained(discovery):
    """A scope that was deleted and added again has a new ID that the client app does not request."""
    revision = golden.REVISIONS[-1]
    web, native = server(revision, discovery=discovery), client(revision, discovery=discovery)
    new = "0b8f1d3e-0e57-4f0d-9a8e-3f1f6f0f6a99"
    again = changed(web, "api.oauth2PermissionScopes.0.id", new)
    (check,) = [
        each
        for each in client_checks(PROFILES[revision], native, server=again, user_discovery=discovery)
        if not each.passed
    ]
    assert check.name == "permission-user_impersonation"
    assert SCOPE in check.impact
    assert f"delegated permission user_impersonation of the server app {SERVER}" in check.remedy
    assert "new ID" in check.remedy
    never = changed(native, "requiredResourceAccess", [])
    (absent,) = [
        each
        for each in client_checks(PROFILES[revision], never, server=again, user_discovery=discovery)
        if each.name == "permission-user_impersonation"
    ]
    assert SCOPE not in absent.impact
