"""The App ID URIs that can be added to an application.

https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from infra.local.cloud.directory import Directory
from infra.local.cloud.environments import TenantNames
from infra.local.cloud.graph.errors import GraphError, bad_request, conflict, invalid_value
from infra.local.cloud.messages import JsonObject

_SCHEMES: Final = frozenset({"api", "https", "http", "ms-appx", "urn"})


def check_identifier_uris(
    directory: Directory, policy: JsonObject, application: JsonObject, added: list[str]
) -> None:
    """Refuse an added URI that is malformed, not allowed in this tenant, or taken (also by a deleted one)."""
    uris = application["identifierUris"]
    if len({uri.casefold() for uri in uris}) != len(uris):
        raise bad_request(
            "Request contains a property with duplicate values.",
            detail="DuplicateValue",
            target="identifierUris",
        )
    for uri in added:
        _check_form(directory.tenant, uri)
        _check_policy(directory.tenant, policy, application, uri)
        for collection in (directory.applications, directory.deleted_applications):
            holder = collection.holder("identifierUris", uri)
            if holder is not None and holder["id"] != application["id"]:
                raise conflict("identifierUris")


def _check_form(tenant: TenantNames, uri: str) -> None:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise invalid_value("identifierUris", "Application") from None
    absolute = parts.scheme in _SCHEMES and (parts.netloc or (parts.scheme == "urn" and parts.path))
    if not absolute or parts.fragment or uri != uri.strip() or uri.endswith("/"):
        raise invalid_value("identifierUris", "Application")
    if parts.scheme in ("http", "https") and not _verified(tenant, parts.hostname or ""):
        raise GraphError(
            400,
            "HostNameNotOnVerifiedDomain",
            "Values of identifierUris property must use a verified domain of the organization or its"
            " subdomain:"
            f" '{uri}'",
        )


def _check_policy(tenant: TenantNames, policy: JsonObject, application: JsonObject, uri: str) -> None:
    rules = policy["applicationRestrictions"].get("identifierUris") or {}
    unique = rules.get("uriAdditionWithoutUniqueTenantIdentifier") or {}
    if _applies(policy, unique, application) and not _names_tenant(tenant, uri, application["appId"]):
        raise GraphError(
            400,
            "HostNameNotOnVerifiedDomain",
            f"Failed to add identifier URI {uri}. All newly added URIs must contain a tenant verified"
            " domain, tenant"
            " ID, or app ID, as per the default tenant policy of your organization. See"
            " https://aka.ms/identifier-uri-addition-error for more information on this error.",
        )
    app_id = application["appId"]
    default = (f"api://{app_id}", f"api://{tenant.id}/{app_id}")
    if _applies(policy, rules.get("nonDefaultUriAddition") or {}, application) and uri.lower() not in default:
        raise bad_request(
            f"The newly added URI {uri} must comply with the format 'api://{{appId}}' or"
            " 'api://{tenantId}/{appId}' as per the default app management policy of your organization."
            " If the"
            " requestedAccessTokenVersion is set to 2, this restriction may not apply. See"
            " https://aka.ms/identifier-uri-formatting-error for more information on this error."
        )


def _applies(policy: JsonObject, rule: JsonObject, application: JsonObject) -> bool:
    """Whether a restriction applies to this application. Apps with v2 tokens can be exempt."""
    if not policy["isEnabled"] or rule.get("state") != "enabled":
        return False
    since = rule.get("restrictForAppsCreatedAfterDateTime")
    if since and application["createdDateTime"] < since:
        return False
    gets_v2 = application["api"]["requestedAccessTokenVersion"] == 2  # noqa: PLR2004
    return not (gets_v2 and rule.get("excludeAppsReceivingV2Tokens", True))


def _names_tenant(tenant: TenantNames, uri: str, app_id: str) -> bool:
    parts = urlsplit(uri)
    segments = [parts.netloc.lower(), *(part for part in parts.path.lower().split("/") if part)]
    if parts.scheme == "api":
        return (
            segments[0] in (app_id, tenant.id)
            or (len(segments) > 1 and segments[1] == app_id)
            or _verified(tenant, segments[0])
        )
    return _verified(tenant, segments[0].partition(":")[0])


def _verified(tenant: TenantNames, host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in tenant.domains)
