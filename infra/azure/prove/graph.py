"""Questions to Microsoft Graph and to login about applications that the run creates.

https://learn.microsoft.com/graph/api/application-upsert,
https://learn.microsoft.com/graph/api/directory-deleteditems-list and
https://learn.microsoft.com/graph/permissions-reference.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from infra.azure.permissions import GRAPH_APP_ID, GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE
from infra.azure.prove.questions import PREFIX, Finding, Run, accepted, no, reached, unknown, yes
from infra.azure.prove.services import Answer, NoTokenError, Waited

_UPSERT: Final = {"Prefer": "create-if-missing"}
_REPEATED: Final = 10
_USER_READ: Final = "e1fe6dd8-ba31-4d61-89e7-88639da4683d"
_RETURN: Final = "https://localhost/consented"
_WEB: Final[Mapping[str, object]] = {"web": {"redirectUris": ["http://localhost"]}}
_PROGRAM: Final[Mapping[str, object]] = {"publicClient": {"redirectUris": ["ms-appx-web://cmg-prove"]}}
_PAGE: Final[Mapping[str, object]] = {"web": {"redirectUris": [_RETURN]}}
_REPLICATION: Final = 5.0
"""Seconds after which a name that is not found is looked up once more."""


def permissions(run: Run) -> Iterator[Finding]:
    """What the token has, and what each permission opens."""
    token = run.wait(run.services.ask_for_token)
    yield reached("The identity gets a token for Microsoft Graph.", token)
    if not token.reached:
        raise NoTokenError(token.last.code)
    held = run.services.claims().get("roles") or ()
    for role in dict.fromkeys((*GRAPH_BASE, *GRAPH_CONSENT, *GRAPH_SEE)):
        question = f"The token has {role.value}."
        yield yes(question, "role") if role.value in held else no(question, "not in the token")
    for path, what in (
        ("/organization?$select=id,verifiedDomains", "The verified domains"),
        ("/policies/defaultAppManagementPolicy", "The app management policy"),
        (f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id", "The service principal of Graph"),
        ("/oauth2PermissionGrants?$top=1", "Grants of delegated permissions"),
        ("/directory/deletedItems/microsoft.graph.application?$top=1", "Deleted applications"),
    ):
        yield accepted(f"{what} can be read.", run.graph("GET", path))


def earlier(run: Run) -> Iterator[Finding]:
    """What a killed run left behind: it is removed with what this run creates."""
    path = f"/applications?$filter=startswith(displayName,'{PREFIX}')&$select=id,appId,displayName"
    found = run.graph("GET", path).body.get("value") or ()
    for application in found:
        _keep(run, application)
    if found:
        yield yes("An earlier run left applications.", f"{len(found)}, which this run removes")


def creation(run: Run) -> Iterator[Finding]:
    """An application whose owner is the caller, as the app creates it, and what works a moment later."""
    unique, body = _named(run, "creation")
    created = _create(run, body)
    yield accepted("A creation can name the caller as owner.", created)
    if not created.succeeded:
        return
    application = created.body
    owned = run.wait(lambda: run.graph("GET", f"/applications/{application['id']}/owners"), _nonempty)
    yield reached("The owner is shown.", owned)
    again = run.graph("POST", "/applications", body)
    if again.succeeded:
        _keep(run, again.body)
    question = "A second creation with the same unique name is refused."
    yield no(question, again.text) if again.succeeded else yes(question, again.text)
    path = f"/applications(uniqueName='{unique}')"
    found = run.wait(lambda: run.graph("GET", f"{path}?$select=id,createdByAppId"))
    yield reached("The application is found by its unique name.", found)
    creator, caller = found.last.body.get("createdByAppId"), run.services.claims().get("appid")
    question, shown = "It shows which application created it.", "createdByAppId"
    yield yes(question, shown) if creator and creator == caller else no(question, shown)
    change: dict[str, object] = {"displayName": unique}
    repeated = [run.graph("PATCH", path, change, **_UPSERT) for _ in range(_REPEATED)]
    failed = [answer.text for answer in repeated if not answer.succeeded]
    question = "An upsert changes the application that exists."
    yield no(question, ", ".join(failed)) if failed else yes(question, f"{_REPEATED} times")
    yield from _used(run, application)


def _used(run: Run, application: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether a new application can be changed, and get a principal and a secret, at once."""
    path = f"/applications/{application['id']}"
    changed = run.wait(lambda: run.graph("PATCH", path, {"description": "changed"}))
    yield reached("A new application can be changed.", changed)
    policies = run.graph("GET", f"{path}/appManagementPolicies")
    yield accepted("The app management policies of its application can be read.", policies)
    principal, made = _principal(run, application)
    yield reached("A new application can have a service principal.", made)
    if principal:
        owners = run.wait(lambda: run.graph("GET", f"/servicePrincipals/{principal}/owners"), _nonempty)
        yield reached("The service principal has an owner.", owners)
        read = run.graph("GET", f"/servicePrincipals/{principal}/oauth2PermissionGrants")
        yield accepted("The grants of a service principal that the service created can be read.", read)
        roles = run.graph("GET", f"/servicePrincipals/{principal}/appRoleAssignments")
        yield accepted("The app roles of a service principal that the service created can be read.", roles)
        yield from _consent(run, str(principal))
    yield from _secrets(run, application)


def _consent(run: Run, principal: str) -> Iterator[Finding]:
    graph = run.graph("GET", f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id").body.get("id")
    body: dict[str, object] = {
        "clientId": principal,
        "consentType": "AllPrincipals",
        "resourceId": graph,
        "scope": "User.Read",
    }
    granted = run.graph("POST", "/oauth2PermissionGrants", body)
    yield accepted("The service can grant a delegated permission.", granted)
    if not granted.succeeded:
        return
    grant = f"/oauth2PermissionGrants/{granted.body['id']}"
    run.must_remove(grant, "grant", lambda: _gone(run.graph("DELETE", grant)))
    path = f"/oauth2PermissionGrants?$filter=clientId eq '{principal}'"
    yield reached("The new grant is shown.", run.wait(lambda: run.graph("GET", path), _nonempty))
    again = run.graph("POST", "/oauth2PermissionGrants", body)
    question = "A second, equal grant is refused."
    yield no(question, again.text) if again.succeeded else yes(question, again.text)


def _secrets(run: Run, application: Mapping[str, Any]) -> Iterator[Finding]:
    path = f"/applications/{application['id']}"
    ends = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body: dict[str, object] = {"passwordCredential": {"displayName": run.name, "endDateTime": ends}}
    added = run.wait(lambda: run.graph("POST", f"{path}/addPassword", body))
    yield reached("A new application can have a secret.", added)
    if not added.reached:
        return
    form = {
        "grant_type": "client_credentials",
        "client_id": str(application["appId"]),
        "client_secret": str(added.last.body["secretText"]),
        "scope": run.environment.graph_scope,
    }
    tokens = run.wait(lambda: run.services.send("login", "POST", "/oauth2/v2.0/token", form=form))
    yield reached("Login accepts a new secret.", tokens)
    key = {"keyId": added.last.body["keyId"]}
    shown = run.wait(lambda: run.graph("GET", f"{path}?$select=passwordCredentials"), _has_secret)
    yield reached("The new secret is shown.", shown)
    removed = run.graph("POST", f"{path}/removePassword", dict(key))
    yield accepted("A new secret can be removed.", removed)
    hidden = run.wait(
        lambda: run.graph("GET", f"{path}?$select=passwordCredentials"),
        lambda answer: not _has_secret(answer),
    )
    yield reached("A removed secret is no longer shown.", hidden)
    again = run.graph("POST", f"{path}/removePassword", dict(key))
    question = "A second removal of a secret is refused."
    yield no(question, again.text) if again.succeeded else yes(question, again.text)


def deletion(run: Run) -> Iterator[Finding]:
    """A deleted application: where it is shown, and how it is removed permanently."""
    unique, body = _named(run, "deletion")
    created = _create(run, body)
    if not created.succeeded:
        yield unknown("A deleted application can be removed permanently.", created.text)
        return
    application = created.body
    principal, _ = _principal(run, application)
    deleted = run.wait(lambda: run.graph("DELETE", f"/applications/{application['id']}"))
    yield reached("An own application can be deleted.", deleted)
    item = f"/directory/deletedItems/{application['id']}"
    yield reached("A deleted application is shown by its ID.", run.wait(lambda: run.graph("GET", item)))
    listed = "/directory/deletedItems/microsoft.graph.application"
    by_name = run.wait(lambda: run.graph("GET", f"{listed}?$filter=displayName eq '{unique}'"), _nonempty)
    yield reached("Deleted applications can be filtered by name.", by_name)
    asked = f"{listed}?$filter=identifierUris/any(uri:uri eq 'api://{unique}')&$count=true"
    by_uri = run.graph("GET", asked, ConsistencyLevel="eventual")
    yield accepted("Deleted applications can be filtered by App ID URI.", by_uri)
    purged = run.wait(lambda: run.graph("DELETE", item), lambda answer: answer.succeeded)
    yield reached("A deleted application can be removed permanently.", purged)
    if principal:
        question = "The deleted service principal goes with its application."
        again = run.graph("DELETE", f"/directory/deletedItems/{principal}")
        yield (yes if _gone(again) and not again.succeeded else no)(question, again.text)
        if not _gone(again):
            return
    gone = run.wait(lambda: run.graph("GET", item), lambda answer: not answer.succeeded)
    yield reached("What was removed permanently is no longer shown.", gone)
    if purged.reached:
        run.removed(str(application["id"]))


def upsert(run: Run) -> Iterator[Finding]:
    """Whether a caller owns what its upsert creates. The app does not depend on it.

    Without the owner, the identity cannot remove the application: an administrator must. So the question is
    asked only with an option.
    """
    question = "A caller owns what its upsert creates."
    if not run.leaves_orphan:
        yield unknown(
            question, ("only with --upsert: a 'no' leaves an application that you must remove manually")
        )
        return
    unique = f"{run.name}-upsert"
    path = f"/applications(uniqueName='{unique}')"
    _may_exist(run, unique)
    made = run.graph("PATCH", path, {"displayName": unique}, **_UPSERT)
    yield accepted("An upsert creates an application.", made)
    if not made.succeeded:
        return
    owners = run.wait(lambda: run.graph("GET", f"{path}/owners"), _nonempty)
    yield reached(question, owners)


def consent_pages(run: Run) -> Iterator[Finding]:
    """The pages for administrators, without a sign-in: whether each of the three links opens at all."""
    multitenant = {"signInAudience": "AzureADMultipleOrgs"}
    for kind, what, more in (
        ("consent-server", "an application whose reply address is of this computer", _WEB),
        ("consent-client", "an application with a reply address for a program", _PROGRAM),
        ("consent-service", "a multi-tenant application with a page to return to", {**_PAGE, **multitenant}),
        ("consent-none", "an application without a reply address", {}),
    ):
        _, body = _named(run, kind)
        access = [{"resourceAppId": GRAPH_APP_ID, "resourceAccess": [{"id": _USER_READ, "type": "Scope"}]}]
        created = _create(run, {**body, **more, "requiredResourceAccess": access})
        question = f"The consent page opens for {what}."
        if not created.succeeded:
            yield unknown(question, created.text)
            continue
        query = {"client_id": str(created.body["appId"])}
        if more.keys() & multitenant.keys():
            query["redirect_uri"] = _RETURN
        path = f"/adminconsent?{urlencode(query)}"
        shown = run.wait(
            lambda path=path: run.services.send("login", "GET", path)  # type: ignore[misc]
        )
        yield reached(question, shown)


def _named(run: Run, kind: str) -> tuple[str, dict[str, object]]:
    """A unique name, and the body of an application with it that the caller owns."""
    unique = f"{run.name}-{kind}"
    return unique, {"displayName": unique, "uniqueName": unique, **_owner(run)}


def _create(run: Run, body: Mapping[str, object]) -> Answer:
    """Create an application that the run removes, also if the answer is lost."""
    unique = str(body["uniqueName"])
    _may_exist(run, unique)
    created = run.graph("POST", "/applications", dict(body))
    if created.succeeded:
        run.removed(unique)
        _keep(run, created.body)
    return created


def _may_exist(run: Run, unique: str) -> None:
    """An application that a call is about to create is found by its name, deleted or not."""

    def remove() -> bool:
        found = run.wait(lambda: _by_name(run, unique), lambda answer: answer.succeeded or _gone(answer))
        if found.last.succeeded:
            return _remove(run, found.last.body)
        return _gone(found.last)

    run.may_exist(unique, f"application {unique}", remove)


def _by_name(run: Run, unique: str) -> Answer:
    """An application by its unique name; a replica may not know it yet, so one miss is not sufficient."""
    answer = run.graph("GET", f"/applications(uniqueName='{unique}')?$select=id,appId,displayName")
    if not _gone(answer):
        return answer
    time.sleep(min(_REPLICATION, run.patience))
    return run.graph("GET", f"/applications(uniqueName='{unique}')?$select=id,appId,displayName")


def _keep(run: Run, application: Mapping[str, Any]) -> Mapping[str, Any]:
    """An application that the run removes again with its service principal."""
    what = f"application {application['displayName']}"
    run.must_remove(str(application["id"]), what, lambda: _remove(run, application))
    return application


def _remove(run: Run, application: Mapping[str, Any]) -> bool:
    """Delete and purge an application and its service principal; whether they no longer exist."""
    object_id, app_id = str(application["id"]), str(application["appId"])
    principal = run.graph("GET", f"/servicePrincipals(appId='{app_id}')?$select=id").body.get("id")
    deleted = run.wait(
        lambda: run.graph("DELETE", f"/applications/{object_id}"),
        lambda answer: answer.succeeded or _gone(answer),
    )
    items = [object_id, *([str(principal)] if principal else [])]
    purged = [_purged(run, item) for item in items]
    return deleted.reached and all(purged)


def _purged(run: Run, object_id: str) -> bool:
    """Remove a deleted object permanently. One that is never shown as deleted no longer exists."""
    path = f"/directory/deletedItems/{object_id}"
    purged = run.wait(lambda: run.graph("DELETE", path))
    return purged.reached or _gone(purged.last)


def _owner(run: Run) -> dict[str, object]:
    """The service's own principal, from its token, as the owner of what is created."""
    caller = run.services.claims().get("oid")
    return (
        {"owners@odata.bind": [f"{run.environment.graph}/v1.0/directoryObjects/{caller}"]} if caller else {}
    )


def _principal(run: Run, application: Mapping[str, Any]) -> tuple[str, Waited]:
    """The ID of a new service principal of an application (empty: none), and how that went."""
    body = {"appId": application["appId"], **_owner(run)}
    made = run.wait(lambda: run.graph("POST", "/servicePrincipals", body))
    return str(made.last.body["id"]) if made.reached else "", made


def _gone(answer: Answer) -> bool:
    """Whether an object is not there, or was removed by this call."""
    return answer.succeeded if answer.status == 204 else answer.status == 404  # noqa: PLR2004


def _nonempty(answer: Answer) -> bool:
    return answer.succeeded and bool(answer.body.get("value"))


def _has_secret(answer: Answer) -> bool:
    return answer.succeeded and bool(answer.body.get("passwordCredentials"))
