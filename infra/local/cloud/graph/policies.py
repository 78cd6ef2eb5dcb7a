"""App management policies of single applications, and what counts for a caller and an application.

https://learn.microsoft.com/graph/api/resources/appmanagementpolicy: a policy of an application replaces, type
by type, the restrictions of the tenant's default policy. ``excludeActors`` exempts callers by custom security
attributes (https://learn.microsoft.com/graph/api/resources/appmanagementpolicyactorexemptions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.access import POLICY_READERS, application
from infra.local.cloud.graph.call import Call, done, entity
from infra.local.cloud.graph.errors import not_found, required
from infra.local.cloud.graph.filters import Filterable
from infra.local.cloud.graph.listing import Resource, Subset, listed
from infra.local.cloud.graph.paths import Handler
from infra.local.cloud.messages import Answer, JsonObject, new_id

_WRITER: Final = "Policy.ReadWrite.ApplicationConfiguration"
_POLICIES: Final = Resource(
    name="appManagementPolicy",
    collection="policies/appManagementPolicies",
    properties=frozenset({"id", "displayName", "description", "isEnabled", "restrictions"}),
    filterable=Filterable(resource="AppManagementPolicy", properties=frozenset({"id", "displayName"})),
)


class AppPolicies:
    """Handlers for the policies of single applications."""

    def __init__(self, directory: Directory) -> None:
        """Serve the directory's policies."""
        self._directory = directory

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; ``{}`` is the key of an object."""
        return {
            ("GET", "policies/appManagementPolicies"): self.list,
            ("POST", "policies/appManagementPolicies"): self.create,
            ("GET", "applications/{}/appManagementPolicies"): self.list_of_application,
            ("POST", "applications/{}/appManagementPolicies/$ref"): self.apply,
        }

    def list(self, call: Call) -> Answer:
        """All policies."""
        call.need(*POLICY_READERS)
        return listed(call, _POLICIES, Subset([_shown(each) for each in self._directory.app_policies()]))

    def create(self, call: Call) -> Answer:
        """Create a policy, which counts for nothing yet."""
        call.need(_WRITER)
        wanted = call.json()
        if not wanted.get("displayName"):
            raise required("displayName", "AppManagementPolicy")
        body: JsonObject = {"description": None, "isEnabled": False, "restrictions": {}}
        body = body | wanted | {"id": new_id(), "appliesTo": []}
        self._directory.put_app_policy(body)
        return entity(call, "policies/appManagementPolicies/$entity", _shown(body), status=201)

    def list_of_application(self, call: Call) -> Answer:
        """The policies of one application: reading them takes both permissions, as for ``appliesTo``."""
        call.need("Application.Read.All", "Application.ReadWrite.All")
        call.need(*POLICY_READERS)
        own = self._directory.app_policies(application(call, self._directory)["id"])
        return listed(call, _POLICIES, Subset([_shown(each) for each in own]))

    def apply(self, call: Call) -> Answer:
        """Assign a policy to an application."""
        call.need(_WRITER)
        body = application(call, self._directory)
        wanted = str(call.json().get("@odata.id") or "").rstrip("/").rpartition("/")[2].lower()
        found = next((each for each in self._directory.app_policies() if each["id"] == wanted), None)
        if found is None:
            raise not_found(wanted)
        self._directory.put_app_policy(found | {"appliesTo": [*found["appliesTo"], body["id"]]})
        return done()


def for_caller(policy: JsonObject, attributes: Mapping[str, str]) -> JsonObject:
    """The policy without the restrictions from which a caller with these attributes is exempt."""
    areas = dict(policy["applicationRestrictions"])
    for name, area in areas.items():
        if isinstance(area, list):
            areas[name] = [each for each in area if not _exempt(each, attributes)]
        elif isinstance(area, dict):
            areas[name] = {kind: each for kind, each in area.items() if not _exempt(each, attributes)}
    return policy | {"applicationRestrictions": areas}


def for_application(policy: JsonObject, directory: Directory, application_id: str) -> JsonObject:
    """The policy with the restrictions that those of an application replace."""
    areas = dict(policy["applicationRestrictions"])
    enabled = policy["isEnabled"]
    for own in directory.app_policies(application_id):
        if not own["isEnabled"]:
            continue
        given = own["restrictions"].get("passwordCredentials") or []
        replaced = {each["restrictionType"] for each in given}
        before = areas.get("passwordCredentials") or [] if enabled else []
        kept = [each for each in before if each["restrictionType"] not in replaced]
        areas["passwordCredentials"] = [*kept, *given]
        uris = (own["restrictions"].get("applicationRestrictions") or {}).get("identifierUris") or {}
        areas["identifierUris"] = ((areas.get("identifierUris") or {}) if enabled else {}) | uris
        enabled = True
    return policy | {"applicationRestrictions": areas, "isEnabled": enabled}


def _exempt(restriction: JsonObject, attributes: Mapping[str, str]) -> bool:
    conditions = (restriction.get("excludeActors") or {}).get("customSecurityAttributes") or []
    return any(attributes.get(each["id"]) == each["value"] for each in conditions)


def _shown(policy: JsonObject) -> JsonObject:
    return {name: value for name, value in policy.items() if name != "appliesTo"}
