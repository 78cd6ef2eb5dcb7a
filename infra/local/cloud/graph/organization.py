"""The tenant's own resources: organization, domains and the default app management policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from infra.local.cloud.environments import HOME, TenantNames
from infra.local.cloud.graph.access import DIRECTORY_READERS, POLICY_READERS
from infra.local.cloud.graph.call import Call, entity
from infra.local.cloud.graph.errors import not_found
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, Subset, context, listed, selected, selection
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.messages import Answer, JsonObject


def _organization(tenant: TenantNames) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "deletedDateTime": None,
        "businessPhones": [],
        "city": None,
        "country": None,
        "countryLetterCode": "GB",
        "createdDateTime": "2019-05-14T09:12:33Z",
        "defaultUsageLocation": None,
        "displayName": tenant.name,
        "marketingNotificationEmails": [],
        "onPremisesLastSyncDateTime": None,
        "onPremisesSyncEnabled": None,
        "partnerTenantType": None,
        "postalCode": None,
        "preferredLanguage": "en",
        "privacyProfile": None,
        "provisionedPlans": [],
        "assignedPlans": [],
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
        "state": None,
        "street": None,
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "verifiedDomains": [
            {
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": name == tenant.domains[-1],
                "isInitial": name == tenant.domains[0],
                "name": name,
                "type": "Managed",
            }
            for name in tenant.domains
        ],
    }


def _domains(tenant: TenantNames) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "authenticationType": "Managed",
            "availabilityStatus": None,
            "isAdminManaged": True,
            "isDefault": name == tenant.domains[-1],
            "isInitial": name == tenant.domains[0],
            "isRoot": True,
            "isVerified": True,
            "manufacturer": None,
            "model": None,
            "passwordNotificationWindowInDays": None,
            "passwordValidityPeriodInDays": None,
            "state": None,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        }
        for name in tenant.domains
    ]


def _resource(name: str, collection: str, example: JsonObject) -> Resource:
    return Resource(
        name=name,
        collection=collection,
        properties=frozenset(example),
        filterable=Filterable(resource=name.capitalize(), properties=frozenset({"id"})),
    )


_ORGANIZATIONS: Final = _resource("organization", "organization", _organization(HOME))
_DOMAIN: Final = _resource("domain", "domains", _domains(HOME)[0])


def default_policy() -> JsonObject:
    """The tenant's app management policy as Microsoft creates it since 2025: App ID URIs are protected."""
    off = {
        "state": "disabled",
        "excludeAppsReceivingV2Tokens": True,
        "excludeSaml": True,
        "restrictForAppsCreatedAfterDateTime": None,
    }
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "deletedDateTime": None,
        "displayName": "Default app management tenant policy",
        "description": "Default tenant policy that enforces app management restrictions on applications and"
        " service principals. To apply policy to targeted resources, create a new policy under"
        " appManagementPolicies collection.",
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [],
            "keyCredentials": [],
            "identifierUris": {
                "nonDefaultUriAddition": off,
                "uriAdditionWithoutUniqueTenantIdentifier": off | {"state": "enabled"},
            },
        },
        "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    }


class Organization:
    """Handlers for the tenant's own resources."""

    def __init__(self, tenant: TenantNames, policy: Callable[[str], JsonObject]) -> None:
        """``policy`` returns the current default app management policy, for "" as it is stored."""
        self._organization = _organization(tenant)
        self._domains = _domains(tenant)
        self._policy = policy

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        return {
            ("GET", "organization"): self.list,
            ("GET", "organization/{}"): self.get,
            ("GET", "domains"): self.list_domains,
            ("GET", "domains/{}"): self.get_domain,
            ("GET", "policies/defaultAppManagementPolicy"): self.get_policy,
        }

    def list(self, call: Call) -> Answer:
        """The one organization."""
        call.need("Organization.Read.All", *DIRECTORY_READERS)
        return listed(call, _ORGANIZATIONS, Subset([self._organization]))

    def get(self, call: Call) -> Answer:
        """The organization by the tenant's ID."""
        call.need("Organization.Read.All", *DIRECTORY_READERS)
        if call.keys[0].value.lower() != self._organization["id"]:
            raise not_found(call.keys[0].value)
        names = selection(call, _ORGANIZATIONS)
        return entity(call, context(_ORGANIZATIONS, names, single=True), selected(self._organization, names))

    def list_domains(self, call: Call) -> Answer:
        """The tenant's domains."""
        call.need("Domain.Read.All", *DIRECTORY_READERS)
        return listed(call, _DOMAIN, Subset(self._domains))

    def get_domain(self, call: Call) -> Answer:
        """One domain by its name."""
        call.need("Domain.Read.All", *DIRECTORY_READERS)
        for domain in self._domains:
            if domain["id"] == call.keys[0].value.lower():
                names = selection(call, _DOMAIN)
                return entity(call, context(_DOMAIN, names, single=True), selected(domain, names))
        raise not_found(call.keys[0].value)

    def get_policy(self, call: Call) -> Answer:
        """The default app management policy."""
        call.need(*POLICY_READERS)
        return entity(call, "policies/defaultAppManagementPolicy/$entity", self._policy(""))
