"""The two applications as an administrator registers them by hand, following the manual article."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import golden
from tests.support.portal import Portal, unique


@dataclass(frozen=True, kw_only=True, slots=True)
class Precreated:
    """What is in the directory, and what the administrator has noted."""

    server: dict[str, Any]
    client: dict[str, Any]
    secret: str
    ends_at: datetime

    def request(self, **secret: str) -> dict[str, Any]:
        """The fields that import both; the request contains the secret unless another one is named."""
        given = secret or {"secret": self.secret}
        return {
            "serverApp": {"existing": {"clientId": self.server["appId"], **given}},
            "clientApp": {"existing": {"clientId": self.client["appId"]}},
        }


async def precreated(
    portal: Portal,
    *,
    revision: str = golden.NEWEST,
    user_discovery: bool = False,
    name: str = "",
    starts_at: datetime | None = None,
    lifetime: timedelta = timedelta(days=200),
    server: dict[str, Any] | None = None,
    client: dict[str, Any] | None = None,
    consent: bool = True,
) -> Precreated:
    """Register both applications; ``server`` and ``client`` are differences from the article.

    As in the article, an administrator grants the permissions that both applications request.
    """
    name, scope = name or unique("by-hand"), str(uuid.uuid4())
    registered = _server(name, scope, user_discovery=user_discovery, revision=revision)
    web = await _register(portal, {**registered, **(server or {})})
    uri = {"identifierUris": [f"https://contoso.com/{unique('cmg')}"]}
    if "identifierUris" not in (server or {}):
        await _change(portal, web, uri)
    start = (starts_at or datetime.now(UTC)).replace(microsecond=0)
    password = {"displayName": "CMG", "startDateTime": _text(start), "endDateTime": _text(start + lifetime)}
    path = f"/v1.0/applications/{web['id']}/addPassword"
    made = (await portal.look("graph", "POST", path, {"passwordCredential": password})).json()
    registered = _client(
        f"{name} client"[:256], web["appId"], scope, user_discovery=user_discovery, revision=revision
    )
    native = await _register(portal, {**registered, **(client or {})})
    if "publicClient" not in (client or {}):
        redirects = {"redirectUris": golden.client_redirects(native["appId"])}
        await _change(portal, native, {"publicClient": redirects})
    if consent:
        await consented(portal, web, native)
    return Precreated(server=web, client=native, secret=made["secretText"], ends_at=start + lifetime)


def _server(name: str, scope: str, *, user_discovery: bool, revision: str) -> dict[str, Any]:
    """The web (server) app after each step of "Register the web (server) app", and nothing else.

    The article sets neither a home page nor device tokens, and it leaves the portal's User.Read on the app
    unless there is user discovery.
    """
    app = _new_registration(name)
    if revision == "2023-11":  # Redirect URI: Public client/native
        app["publicClient"] = {"redirectUris": ["http://localhost"]}
    elif revision != "2021":  # Redirect URI: Web; the first revision leaves it blank
        app["web"]["redirectUris"] = ["http://localhost"]
    if user_discovery:  # API permissions
        access = {"id": golden.DIRECTORY_READ_ALL, "type": "Role"}
        app["requiredResourceAccess"] = [{"resourceAppId": golden.GRAPH, "resourceAccess": [access]}]
    app["api"] = {  # Expose an API: Add a scope
        "oauth2PermissionScopes": [
            {
                "id": scope,
                "value": "user_impersonation",
                "type": "User",  # Admins and users
                "isEnabled": True,
                "adminConsentDisplayName": f"Access {name}"[:100],
                "adminConsentDescription": f"Allow the application to access {name}.",
            }
        ]
    }
    return _with_manifest(app, revision)


def _client(name: str, server_app: str, scope: str, *, user_discovery: bool, revision: str) -> dict[str, Any]:
    """The native (client) app after each step of "Register the native (client) app" but the redirect URI."""
    app = _new_registration(name)
    app["isFallbackPublicClient"] = True  # Allow public client flows
    if user_discovery or revision not in {"2021", "2023-11"}:  # API permissions: My APIs
        access = {"id": scope, "type": "Scope"}
        app["requiredResourceAccess"].append({"resourceAppId": server_app, "resourceAccess": [access]})
    return _with_manifest(app, revision)


def _new_registration(name: str) -> dict[str, Any]:
    """What the portal registers: one tenant, and the permission User.Read."""
    access = [{"id": golden.USER_READ, "type": "Scope"}]
    return {
        "displayName": name,
        "signInAudience": "AzureADMyOrg",
        "web": {},
        "requiredResourceAccess": [{"resourceAppId": golden.GRAPH, "resourceAccess": access}],
    }


def _with_manifest(app: dict[str, Any], revision: str) -> dict[str, Any]:
    """Manifest: "oauth2AllowIdTokenImplicitFlow": true. The newest revision has no such step."""
    if revision != golden.NEWEST:
        app["web"]["implicitGrantSettings"] = {"enableIdTokenIssuance": True}
    return app


async def _register(portal: Portal, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = (await portal.look("graph", "POST", "/v1.0/applications", body)).json()
    await portal.look("graph", "POST", "/v1.0/servicePrincipals", {"appId": made["appId"]})
    return made


async def consented(portal: Portal, web: dict[str, Any], native: dict[str, Any]) -> None:
    """Grant what both applications request, like the button "Grant admin consent"."""
    for app in (web, native):
        principal = await _principal(portal, app["appId"])
        for requested in app["requiredResourceAccess"]:
            resource = await _principal(portal, requested["resourceAppId"])
            for access in requested["resourceAccess"]:
                if access["type"] == "Role":
                    assignment = {
                        "principalId": principal["id"],
                        "resourceId": resource["id"],
                        "appRoleId": access["id"],
                    }
                    path = f"/v1.0/servicePrincipals/{resource['id']}/appRoleAssignedTo"
                    await portal.look("graph", "POST", path, assignment)
                else:
                    scopes = {scope["id"]: scope["value"] for scope in resource["oauth2PermissionScopes"]}
                    permission = {
                        "clientId": principal["id"],
                        "consentType": "AllPrincipals",
                        "resourceId": resource["id"],
                        "scope": scopes[access["id"]],
                    }
                    await portal.look("graph", "POST", "/v1.0/oauth2PermissionGrants", permission)


async def _principal(portal: Portal, app_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await portal.graph(f"/servicePrincipals(appId='{app_id}')")
    return found


async def _change(portal: Portal, app: dict[str, Any], body: dict[str, Any]) -> None:
    await portal.look("graph", "PATCH", f"/v1.0/applications/{app['id']}", body)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
