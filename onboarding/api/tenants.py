"""The tenants that may be onboarded, and ``/api/tenants/{id}/setup``: how a customer lets the service in.

The page is for somebody who has no access to this API, so it can be had as one file of HTML to send along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from onboarding.api import media
from onboarding.api.callers import Caller
from onboarding.api.front import answer
from onboarding.api.pages import page
from onboarding.api.problems import ProblemError, bad_parameter, invalid
from onboarding.cloud.environments import Environment
from onboarding.errors import Finding

PERMISSIONS: Final[Mapping[str, tuple[str, bool]]] = {
    "Application.ReadWrite.OwnedBy": (
        "create the two app registrations of the Cloud Management Gateway, and change those and no others",
        True,
    ),
    "Organization.Read.All": ("read the tenant's verified domains before anything is created", True),
    "Policy.Read.All": ("read the tenant's app management policy before anything is created", True),
    "Application.Read.All": ("read the service principals between which consent is granted", False),
    "AppRoleAssignment.ReadWrite.All": ("consent to the server app's Directory.Read.All", False),
    "DelegatedPermissionGrant.ReadWrite.All": ("let the client app act for signed-in users", False),
}
"""Application permissions of Microsoft Graph: what for, and whether they are always needed. The others are
there only where the service consents itself (docs/deploy.md)."""

ACTIONS: Final = (
    "*/register/action",
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/providers/read",
)
"""What the service does in a subscription; the same as in infra/azure/register-providers.bicep."""

_AZ_CLOUDS: Final = {"AzurePublicCloud": "AzureCloud", "AzureUSGovernmentCloud": "AzureUSGovernment"}
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLACEHOLDER: Final = "<subscription id>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenants:
    """Which tenants this deployment serves."""

    environment: Environment
    home: str
    served: frozenset[str]  # besides the home tenant; ids in lower case
    client: str  # the multi-tenant application

    def check(self, tenant: str) -> None:
        """Raises ``ProblemError`` (422) unless the tenant may be onboarded."""
        if tenant in self.served or tenant == self.home.casefold():
            return
        finding = Finding(
            code="tenant-not-served",
            pointer="/tenantId",
            detail=f"This deployment does not serve tenant {tenant}.",
            remedy=(
                "Check the id. If it is right, whoever operates the deployment adds it to SERVED_TENANTS "
                "(with MULTITENANT_CLIENT_ID), and the tenant's administrator consents (docs/deploy.md)."
            ),
        )
        raise invalid((finding,))

    async def setup(self, request: func.HttpRequest, _: Caller) -> func.HttpResponse:
        """What a served tenant's administrator has to do, as JSON, or as HTML where that is preferred."""
        tenant = request.route_params.get("id", "").lower()
        if tenant not in self.served or tenant == self.home.casefold():
            raise ProblemError(
                HTTPStatus.NOT_FOUND,
                "not-found",
                "There is no such resource",
                "The tenant is not among SERVED_TENANTS, or is the deployment's own, which needs no consent.",
            )
        document = self._document(tenant, _subscription(request))
        if media.preferred(request, media.JSON, media.HTML) == media.JSON:
            return answer(document, headers={"Vary": "Accept"})
        title = "Let the onboarding of the Cloud Management Gateway into your tenant"
        return page(title, _html(document), headers={"Vary": "Accept"})

    def _document(self, tenant: str, subscription: str) -> dict[str, Any]:
        scope = f"/subscriptions/{subscription}"
        role = f"CMG onboarding: register resource providers in {subscription}"
        definition = {
            "Name": role,
            "IsCustom": True,
            "Description": "Register resource providers and see how far that is.",
            "Actions": list(ACTIONS),
            "AssignableScopes": [scope],
        }
        sign_in = [
            f"az cloud set --name {_AZ_CLOUDS[self.environment.name]}",
            f"az login --tenant {tenant}",
            f"principal=$(az ad sp show --id {self.client} --query id --output tsv)",
        ]
        return {
            "tenantId": tenant,
            "azureEnvironment": self.environment.name,
            "clientId": self.client,
            "adminConsentUrl": self.environment.admin_consent(tenant, self.client),
            "graphPermissions": [
                {"name": name, "usedTo": why, "alwaysNeeded": always}
                for name, (why, always) in PERMISSIONS.items()
            ],
            "subscription": {
                "scope": scope,
                "actions": list(ACTIONS),
                "customRole": [
                    *sign_in,
                    f"az role definition create --role-definition '{json.dumps(definition)}'",
                    _assignment(role, scope),
                ],
                "contributor": [*sign_in, _assignment("Contributor", scope)],
            },
        }


def _assignment(role: str, scope: str) -> str:
    return (
        'az role assignment create --assignee-object-id "$principal" '
        f'--assignee-principal-type ServicePrincipal --role "{role}" --scope "{scope}"'
    )


def _subscription(request: func.HttpRequest) -> str:
    if "subscriptionId" not in request.params:
        return _PLACEHOLDER
    text = str(request.params["subscriptionId"]).lower()
    if not _ID.fullmatch(text):
        raise bad_parameter("subscriptionId", "must be a subscription id.")
    return text


def _html(document: Mapping[str, Any]) -> str:
    """The document as what a page says."""
    subscription = document["subscription"]
    rows = "".join(
        f"<tr><td>{escape(each['name'])}</td><td>{escape(each['usedTo'])}</td>"
        f"<td>{'always' if each['alwaysNeeded'] else 'if the service consents itself'}</td></tr>"
        for each in document["graphPermissions"]
    )
    url = escape(document["adminConsentUrl"])
    return (
        f"<p>Tenant {escape(document['tenantId'])}, application {escape(document['clientId'])}, "
        f"{escape(document['azureEnvironment'])}.</p>"
        "<h2>1. Consent</h2><p>A Privileged Role Administrator opens this address and consents:</p>"
        f'<p><a href="{url}" rel="noreferrer">{url}</a></p>'
        "<p>These application permissions of Microsoft Graph are asked for:</p>"
        f"<table><tr><th>permission</th><th>used to</th><th>asked for</th></tr>{rows}</table>"
        "<h2>2. A role on the subscription</h2>"
        "<p>An Owner of the gateway's subscription assigns a role of its own, which can do no more than "
        "register resource providers:</p>"
        f"{_lines(subscription['customRole'])}<p>Or the larger built-in role Contributor:</p>"
        f"{_lines(subscription['contributor'])}"
    )


def _lines(commands: Sequence[str]) -> str:
    return f"<pre>{escape(chr(10).join(commands))}</pre>"
