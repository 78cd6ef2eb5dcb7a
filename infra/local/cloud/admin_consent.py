"""The page on which an administrator of a tenant consents to what an application requests.

The local login does not ask anyone to sign in: a person who opens the page is the administrator. The browser
then goes to a reply address of the application, as in Entra ID. Where the application has none, the consent
is recorded, and the page shows AADSTS500113.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent and
https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qs, urlencode

from infra.local.cloud import login_errors
from infra.local.cloud.directory import Directory, link_id
from infra.local.cloud.graph.assignments import new_assignment
from infra.local.cloud.login_errors import LoginError
from infra.local.cloud.messages import Answer, JsonObject, Request

_DECLINED: Final = {
    "error": "consent_required",
    "error_description": "AADSTS65004: The resource owner or authorization server denied the request.",
}

FindApplication = Callable[[Directory, str], JsonObject]
"""The application with a client ID that a tenant may consent to. Raises ``LoginError``."""

AddPrincipal = Callable[[Directory, JsonObject], JsonObject]
"""The service principal of an application in a tenant, new if there was none."""


class AdminConsent:
    """The page of all tenants."""

    def __init__(self, find: FindApplication, add_principal: AddPrincipal) -> None:
        self._find = find
        self._add_principal = add_principal

    def show(self, directory: Directory, request: Request) -> Answer:
        """Show what an application requests, with two buttons. Raises ``LoginError``."""
        application = self._asked(directory, request)
        items = "".join(
            f"<li>{html.escape(name)} ({kind})</li>" for name, kind in _requested(directory, application)
        )
        return _page(
            "Permissions requested. Review for your organization",
            f"<p>{html.escape(application['displayName'])} ({application['appId']}) requests:</p>"
            f'<ul>{items}</ul><form method="post">'
            '<button name="answer" value="accept">Accept</button> '
            '<button name="answer" value="cancel">Cancel</button></form>',
        )

    def answer(self, directory: Directory, request: Request) -> Answer:
        """Do what a button of the page says. Raises ``LoginError``."""
        application = self._asked(directory, request)
        accepted = parse_qs(request.body.decode("utf-8", "replace")).get("answer") == ["accept"]
        if accepted:
            self._grant(directory, application)
        reply = request.query.get("redirect_uri") or next(_reply_addresses(application), "")
        if not reply:
            raise login_errors.no_reply_address(application["appId"])
        # ``admin_consent`` does not say whether the answer was yes: it is in both.
        values: Mapping[str, str] = {"admin_consent": "True", "tenant": directory.tenant.id}
        if not accepted:
            values = {**values, **_DECLINED}
        if state := request.query.get("state"):
            values = {**values, "state": state}
        return Answer(status=302, headers={"Location": f"{reply}?{urlencode(values)}"})

    def _asked(self, directory: Directory, request: Request) -> JsonObject:
        client_id = request.query.get("client_id")
        if not client_id:
            raise login_errors.missing("client_id")
        application = self._find(directory, client_id)
        reply = request.query.get("redirect_uri")
        if reply and reply not in _reply_addresses(application):
            raise login_errors.wrong_reply_address(reply, client_id)
        return application

    def _grant(self, directory: Directory, application: JsonObject) -> None:
        principal = directory.principal_of(application["appId"]) or self._add_principal(
            directory, application
        )
        for access in application["requiredResourceAccess"]:
            resource = directory.principal_of(access["resourceAppId"])
            if resource is None:
                raise login_errors.unknown_resource(access["resourceAppId"], directory.tenant.name)
            _assign(directory, principal, resource, _ids(access, "Role"))
            _allow(directory, principal, resource, _ids(access, "Scope"))


def _ids(access: JsonObject, kind: str) -> list[str]:
    return [each["id"] for each in access["resourceAccess"] if each["type"] == kind]


def _assign(directory: Directory, principal: JsonObject, resource: JsonObject, roles: list[str]) -> None:
    held = {
        assignment["appRoleId"]
        for assignment in directory.assignments.holders("principalId", principal["id"])
        if assignment["resourceId"] == resource["id"]
    }
    for role in (role for role in roles if role not in held):
        assignment = new_assignment(principal, resource, role)
        directory.assignments.put(assignment["id"], assignment)


def _allow(directory: Directory, principal: JsonObject, resource: JsonObject, scopes: list[str]) -> None:
    names = {scope["id"]: scope["value"] for scope in resource["oauth2PermissionScopes"]}
    wanted = [names[scope] for scope in scopes if scope in names]
    if not wanted:
        return
    key = {
        "clientId": principal["id"],
        "consentType": "AllPrincipals",
        "principalId": None,
        "resourceId": resource["id"],
    }
    before = next(
        (
            grant
            for grant in directory.grants.holders("clientId", principal["id"])
            if key.items() <= grant.items()
        ),
        {"id": link_id(), "scope": ""} | key,
    )
    merged = dict.fromkeys([*before["scope"].split(), *wanted])
    directory.grants.put(before["id"], before | {"scope": " ".join(merged)})


def _requested(directory: Directory, application: JsonObject) -> Iterator[tuple[str, str]]:
    for access in application["requiredResourceAccess"]:
        resource = directory.principal_of(access["resourceAppId"])
        known = [*resource["appRoles"], *resource["oauth2PermissionScopes"]] if resource else []
        names = {each["id"]: each["value"] for each in known}
        for each in access["resourceAccess"]:
            kind = "application" if each["type"] == "Role" else "delegated"
            yield names.get(each["id"], each["id"]), kind


def _reply_addresses(application: JsonObject) -> Iterator[str]:
    """Those to which a browser can go, in the order in which Entra ID picks one."""
    for platform in ("web", "spa", "publicClient"):
        yield from application[platform]["redirectUris"]


def error_page(error: LoginError) -> Answer:
    """What a browser shows when login refuses."""
    return _page("Sorry, but we're having trouble signing you in.", f"<p>{_text(error)}</p>", error.status)


def _text(error: LoginError) -> str:
    return html.escape(f"AADSTS{error.code}: {error.message}")


def _page(title: str, content: str, status: int = 200) -> Answer:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return Answer(
        status=status,
        text=f"{head}<h1>{title}</h1>{content}</html>",
        headers={"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"},
    )
