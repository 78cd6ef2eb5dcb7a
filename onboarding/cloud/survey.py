"""What a preflight and the check of a renewal read in a tenant's directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from onboarding.cloud import shapes
from onboarding.cloud.guest import Guest
from onboarding.cloud.ports import Graph
from onboarding.errors import OnboardingError
from onboarding.texts.phrases import Said
from onboarding.words import odata
from onboarding.words.word import Word

_SURVEYED: Final = "id,appId,displayName,uniqueName,createdDateTime"
_FEW: Final = 10
"""More applications of a name than one onboarding creates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What a preflight knows about a tenant; None for what it did not or could not read."""

    organization: Mapping[str, Any] | None
    policy: Mapping[str, Any] | None  # the tenant's default app management policy
    same_names: Sequence[Mapping[str, Any]] | None  # some applications with each of the names
    same_uri: Sequence[Mapping[str, Any]] | None  # applications with the App ID URI
    deleted_with_uri: Sequence[Mapping[str, Any]] | None  # deleted applications that can be restored
    granted: frozenset[str] | None  # application permissions of this service
    owned: int | None = None  # how many applications and service principals this service owns
    unread: Mapping[str, Said | str] = field(default_factory=dict)  # why it could not read a part
    later: OnboardingError | None = None  # of a part that may soon be readable
    guest: Guest | None = None  # of this service, in a tenant other than its own

    @property
    def tenant_name(self) -> Word:
        """The display name of the tenant, which anybody can choose; empty if not known."""
        return Word(str((self.organization or {}).get("displayName", "")))

    @property
    def initial_domain(self) -> Word:
        """The tenant's initial domain (….onmicrosoft.com), which is unique and never changes."""
        domains = (self.organization or {}).get("verifiedDomains") or ()
        return Word(next((str(domain["name"]) for domain in domains if domain.get("isInitial")), ""))


async def survey(graph: Graph, names: Sequence[Word], uri: str | None) -> Survey:
    """Reads, with one call, everything that a preflight needs to know about the tenant.

    No part is required: a permission can be missing, a filter can be refused, and Graph can be busy.
    """
    of_name = {f"names{number or ''}": _of_name(name) for number, name in enumerate(names)}
    requests: dict[str, tuple[str, Mapping[str, str]]] = {
        "organization": ("/organization?$select=id,displayName,verifiedDomains", {}),
        "policy": ("/policies/defaultAppManagementPolicy", {}),
        **{name: (url, {}) for name, url in of_name.items()},
    }
    if graph.client:
        # Only the number is of interest.
        requests["owned"] = (
            f"/servicePrincipals(appId='{graph.client}')/ownedObjects?$count=true&$top=1&$select=id",
            {"ConsistencyLevel": "eventual"},
        )
    if uri is not None:
        by_uri = quote(f"identifierUris/any(uri:uri eq {odata.text(uri)})", safe="")
        requests["uri"] = (f"/applications?$filter={by_uri}&$select={_SURVEYED}", {})
        deleted = "/directory/deletedItems/microsoft.graph.application"
        requests["deleted"] = (
            f"{deleted}?$filter={by_uri}&$count=true&$select={_SURVEYED},deletedDateTime",
            {"ConsistencyLevel": "eventual"},
        )
    granted = await graph.granted()  # first: the calls that follow use its new token
    # Any number of applications can have a name, and one of them is enough.
    replies = await graph.batch(requests, first=("owned",), some=of_name)
    found = {name: reply.seen for name, reply in replies.items()}
    organization = next(iter(shapes.entries(found["organization"])), None)
    unread = {
        "names" if name in of_name else name: reply.unread for name, reply in replies.items() if reply.unread
    }
    if fault := shapes.fault_of(organization):
        organization, unread["organization"] = _named(organization), fault
    return Survey(
        organization=organization,
        policy=found["policy"],
        same_names=_together(_values(found[name]) for name in of_name),
        same_uri=_values(found.get("uri")),
        deleted_with_uri=_values(found.get("deleted")),
        granted=granted,
        owned=_count(found.get("owned")),
        guest=await graph.guest(),
        unread=unread,
        later=next((error for reply in replies.values() if (error := reply.passing)), None),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AppPolicies:
    """The app management policies that can apply to an application; None for what cannot be read.

    An unreadable policy does not stop anything, because Graph decides in any case.
    """

    tenant: Mapping[str, Any] | None  # the default policy
    own: Sequence[Mapping[str, Any]] | None  # those of the application
    unread: Said | str  # why the default policy cannot be read
    later: OnboardingError | None  # of a part that may soon be readable


async def policies(graph: Graph, application: str) -> AppPolicies:
    """Reads the policies with one call."""
    replies = await graph.batch(
        {
            "default": ("/policies/defaultAppManagementPolicy", {}),
            "own": (f"/applications/{application}/appManagementPolicies", {}),
        }
    )
    own = replies["own"].seen
    listed = None if own is None else shapes.entries(own)
    return AppPolicies(
        tenant=replies["default"].seen,
        own=None if listed and any(map(shapes.fault_of, listed)) else listed,
        unread=replies["default"].unread,
        later=next((error for reply in replies.values() if (error := reply.passing)), None),
    )


def _count(document: Any) -> int | None:
    count = document.get("@odata.count") if isinstance(document, dict) else None
    return count if isinstance(count, int) else None


def _values(document: Any) -> Sequence[Mapping[str, Any]] | None:
    return shapes.entries(document) if document else None


def _together(lists: Iterable[Sequence[Mapping[str, Any]] | None]) -> Sequence[Mapping[str, Any]] | None:
    """The entries of several lists; None if one of them could not be read."""
    found = [*lists]
    return None if None in found else [entry for some in found for entry in some or ()]


def _of_name(name: Word) -> str:
    """The applications that have a name."""
    condition = quote(f"displayName eq {odata.text(name)}", safe="")
    return f"/applications?$filter={condition}&$select={_SURVEYED}&$top={_FEW}"


def _named(organization: Any) -> Mapping[str, Any]:
    """An organization of which the service can read no more than the name."""
    return {"displayName": organization.get("displayName") or ""}
