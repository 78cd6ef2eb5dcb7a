"""The tenants that can be onboarded, and ``/api/tenants/{id}/setup``: how a tenant gives the service access.

The page is for a person who has no access to this API, so it can be sent as one file of HTML. The browser of
that person ends on ``/api/consented`` (``consented``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from onboarding.api.documents import Document, Label
from onboarding.api.endpoint import HTML, JSON, Call, Reply, endpoint
from onboarding.api.pages import page
from onboarding.api.problems import ProblemError, invalid
from onboarding.api.reading import Id, Parameters
from onboarding.cloud.environments import Environment
from onboarding.cmg.wizard import AzureEnvironment
from onboarding.errors import deployment, requests
from onboarding.notices.consent_states import ConsentStates
from onboarding.texts import phrases
from onboarding.words import command

PERMISSIONS: Final[Mapping[str, tuple[str, bool]]] = {
    "Application.ReadWrite.OwnedBy": (
        "create the two app registrations of the Cloud Management Gateway, and change those and no others",
        True,
    ),
    "Organization.Read.All": ("read the tenant's verified domains before anything is created", True),
    "Policy.Read.All": ("read the tenant's app management policy before anything is created", True),
    "Directory.Read.All": (
        "see that an administrator has consented; without it, a person confirms the consent to the service",
        False,
    ),
    "Application.Read.All": (
        "read the service principals of the apps and their APIs when the service itself grants consent",
        False,
    ),
    "AppRoleAssignment.ReadWrite.All": (
        "grant the server app's Directory.Read.All without an administrator",
        False,
    ),
    "DelegatedPermissionGrant.ReadWrite.All": (
        "let the client app act for signed-in users without an administrator",
        False,
    ),
}
"""Application permissions of Microsoft Graph: the purpose, and whether they are always needed. The last
three are needed only where the service grants consent itself (docs/deploy.md)."""

ACTIONS: Final = (
    "*/register/action",
    "Microsoft.Authorization/permissions/read",
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Resources/subscriptions/providers/read",
)
"""What the service does in a subscription; the same as in infra/azure/register-providers.bicep."""

_AZ_CLOUDS: Final = {"AzurePublicCloud": "AzureCloud", "AzureUSGovernmentCloud": "AzureUSGovernment"}
_PLACEHOLDER: Final = "<subscription id>"


class SetupQuery(Parameters):
    """Options for the commands."""

    subscription_id: Id | None = Field(None, description="The subscription in the commands.")


class GraphPermission(Document):
    """A permission that the service requests in a tenant."""

    name: str
    used_to: Label
    always_needed: bool


class SubscriptionSetup(Document):
    """Commands that assign the service a role on the subscription."""

    always_needed: Annotated[
        bool, Field(description="False: only for onboardings that specify subscriptionId.")
    ]
    scope: str
    actions: tuple[str, ...]
    custom_role: Annotated[
        tuple[str, ...], Field(description="Commands that create and assign a custom role.")
    ]
    contributor: Annotated[tuple[str, ...], Field(description="Commands that assign a built-in role.")]


class TenantSetup(Document):
    """What an administrator of a tenant must do before the tenant can be onboarded."""

    tenant_id: UUID
    azure_environment: AzureEnvironment
    client_id: UUID
    admin_consent_url: str
    graph_permissions: tuple[GraphPermission, ...]
    subscription: SubscriptionSetup


class ServedTenants:
    """Which tenants this deployment serves."""

    def __init__(self, *, home: str, others: Collection[str]) -> None:
        """IDs in lower case, apart from that of the home tenant."""
        self._home = home.casefold()
        self._others = others

    def check(self, tenant: str) -> None:
        """Raises ``ProblemError`` (422) unless the tenant may be onboarded."""
        if tenant != self._home and not self.needs_setup(tenant):
            raise invalid(deployment.TENANT_NOT_SERVED.finding(tenant=tenant))

    def all(self) -> Iterator[tuple[str, bool]]:
        """The served tenants, the home tenant first, and whether each must still give the service access."""
        yield self._home, False
        for tenant in sorted(self._others):
            if self.needs_setup(tenant):
                yield tenant, True

    def needs_setup(self, tenant: str) -> bool:
        """Whether a tenant is served, and is not the home tenant, which needs no consent."""
        return tenant in self._others and tenant != self._home


class TenantsResource:
    """The endpoint."""

    def __init__(
        self, *, tenants: ServedTenants, environment: Environment, client: str, states: ConsentStates
    ) -> None:
        """``client`` is the ID of the multitenant application."""
        self._states = states
        self._tenants = tenants
        self._environment = environment
        self._client = client

    @endpoint(
        "GET /tenants/{id}/setup",
        name="get_tenant_setup",
        answers={200: (TenantSetup, HTML)},
        problems=(requests.NOT_FOUND,),
    )
    async def setup(self, call: Call[SetupQuery, None]) -> Reply:
        """Get what an administrator of a tenant must do before the tenant can be onboarded."""
        tenant = call.path["id"].lower()
        if not self._tenants.needs_setup(tenant):
            raise ProblemError(
                requests.NOT_FOUND,
                what=phrases.A_TENANT_TO_ADMIT.of(),
            )
        subscription = call.query.subscription_id or _PLACEHOLDER
        setup = self._setup(tenant, subscription, await self._states.of(tenant))
        headers = {"Vary": "Accept"}
        if call.preferred(JSON, HTML) == JSON:
            return Reply(content=setup, headers=headers)
        return page("setup.html", setup=setup, headers=headers)

    def _setup(self, tenant: str, subscription: str, state: str) -> TenantSetup:
        scope = f"/subscriptions/{subscription}"
        role = f"CMG onboarding: register resource providers in {subscription}"
        role_definition = {
            "Name": role,
            "IsCustom": True,
            "Description": "Register resource providers and read their registration state.",
            "Actions": list(ACTIONS),
            "AssignableScopes": [scope],
        }
        sign_in = (
            f"az cloud set --name {_AZ_CLOUDS[self._environment.name]}",
            f"az login --tenant {command.bash(tenant)}",
            f"principal=$(az ad sp show --id {command.bash(self._client)} --query id --output tsv)",
        )
        definition = command.bash(json.dumps(role_definition))
        create_role = f"az role definition create --role-definition {definition} --output none"
        return TenantSetup(
            tenant_id=tenant,
            azure_environment=self._environment.name,
            client_id=self._client,
            admin_consent_url=self._environment.admin_consent(tenant, self._client, state),
            graph_permissions=[
                GraphPermission(name=name, used_to=purpose, always_needed=always)
                for name, (purpose, always) in PERMISSIONS.items()
            ],
            subscription=SubscriptionSetup(
                always_needed=False,
                scope=scope,
                actions=ACTIONS,
                custom_role=(*sign_in, create_role, *_repeated(_assignment(role, scope))),
                contributor=(*sign_in, _assignment("Contributor", scope)),
            ),
        )


def _repeated(command: str) -> tuple[str, ...]:
    """A command that Bash repeats for five minutes, until it succeeds.

    A new custom role takes a few minutes to appear everywhere:
    https://learn.microsoft.com/azure/role-based-access-control/custom-roles-portal.
    """
    return ("for attempt in $(seq 30); do", f"  {command} && break", "  sleep 10", "done")


def _assignment(role: str, scope: str) -> str:
    return (
        'az role assignment create --assignee-object-id "$principal" --assignee-principal-type '
        f"ServicePrincipal --role {command.bash(role)} --scope {command.bash(scope)}"
    )
