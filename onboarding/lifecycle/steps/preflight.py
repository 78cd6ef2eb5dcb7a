"""The preflight: everything that can be known before the first write, with a reason and a remedy.

It reads only. What it may not read it does not guess: the steps that follow will find out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter

from onboarding.cloud import rbac
from onboarding.cmg import identifiers
from onboarding.connections.records import Connection, key_of
from onboarding.errors import Finding, PermanentError
from onboarding.lifecycle.context import Context
from onboarding.lifecycle.steps.provider import REGISTERED
from onboarding.workflow.outcomes import Done

_T = TypeVar("_T")
_HIDDEN: Final = {"subscription-not-found", "authorization-failed", "invalid-authentication-token-tenant"}
_DURATION: Final = TypeAdapter(timedelta)  # reads ISO 8601 durations


async def run(context: Context) -> Done:
    """Fails with all findings at once, or leaves the providers' states for the steps that register them."""
    directory, subscription = context.directory, context.subscription
    existing, organization, policy, record, states, permissions = await asyncio.gather(
        context.services.connections.get(f"{context.tenant}.{key_of(context.request.name)}"),
        directory.organization(),
        directory.app_management_policy(),
        _visible(subscription.subscription()),
        _visible(subscription.registrations()),
        _visible(subscription.permissions()),
    )
    states = states or {}
    states = {each: states.get(each.casefold(), "NotRegistered") for each in context.request.providers}
    findings = (
        *_name(context, existing),
        *_tenant(context, organization),
        *(_subscription(context, record) if record else _hidden(context)),
        *(_providers(states, permissions) if record and permissions is not None else ()),
        *_secret(context, policy),
    )
    if findings:
        raise PermanentError(
            " ".join(finding.detail for finding in findings),
            code="preflight-refused",
            title="The preflight found what has to be changed first",
            remedy=" ".join(finding.remedy for finding in findings),
            findings=findings,
        )
    return Done(result={"providers": states, "tenantName": (organization or {}).get("displayName", "")})


async def _visible(answer: Awaitable[_T]) -> _T | None:
    """An answer about the subscription; None where it is hidden, which Azure words in several ways."""
    try:
        return await answer
    except PermanentError as error:
        if error.code not in _HIDDEN:
            raise
        return None


def _name(context: Context, existing: Connection | None) -> Iterator[Finding]:
    if existing and existing.onboarding != context.onboarding:
        yield Finding(
            code="connection-exists",
            pointer="/name",
            detail=f"The tenant has a connection named '{existing.name}' already ({existing.id}).",
            remedy="Choose another name, or remove the existing connection first.",
        )


def _tenant(context: Context, organization: Mapping[str, Any] | None) -> Iterator[Finding]:
    if organization is None:
        return
    uri = context.request.server_app.app_id_uri
    domains = [str(domain["name"]) for domain in organization.get("verifiedDomains", ())]
    if uri and not identifiers.on_verified_domain(uri, domains):
        yield Finding(
            code="domain-not-verified",
            pointer="/serverApp/appIdUri",
            detail=f"The host of {uri} is no verified domain of the tenant ({', '.join(domains)}).",
            remedy="Use one of these domains, or leave appIdUri out.",
            documentation="https://learn.microsoft.com/entra/identity-platform/identifier-uri-restrictions",
        )


def _hidden(context: Context) -> Iterator[Finding]:
    yield Finding(
        code="subscription-not-found",
        pointer="/subscriptionId",
        detail=(
            f"There is no subscription {context.request.subscription_id} in tenant {context.tenant}, "
            "or the service's identity has no role on it."
        ),
        remedy=(
            "Check the id and the tenant; if both are right, assign the service's identity a role on the "
            "subscription, such as Contributor."
        ),
    )


def _subscription(context: Context, record: Mapping[str, Any]) -> Iterator[Finding]:
    tenant = str(record.get("tenantId", ""))
    if tenant.casefold() != context.tenant.casefold():
        yield Finding(
            code="subscription-in-other-tenant",
            pointer="/subscriptionId",
            detail=f"The subscription belongs to tenant {tenant}, not to {context.tenant}.",
            remedy="Give a subscription of this tenant.",
        )
    if (state := record.get("state")) not in {"Enabled", "Warned", "PastDue"}:
        yield Finding(
            code="subscription-disabled",
            pointer="/subscriptionId",
            detail=f"The subscription is {state}.",
            remedy="Enable it, or give another one.",
        )


def _providers(states: Mapping[str, str], permissions: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    missing = [namespace for namespace, state in states.items() if state != REGISTERED]
    denied = [each for each in missing if not rbac.allows(permissions, f"{each}/register/action")]
    if denied:
        yield Finding(
            code="register-not-allowed",
            pointer="/subscriptionId",
            detail=f"The service may not register {', '.join(denied)} in the subscription.",
            remedy=(
                "Assign its identity a role with */register/action on the subscription (Contributor, Owner "
                "or the custom role in docs/deploy.md), or register these providers yourself."
            ),
            documentation="https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types",
        )


def _secret(context: Context, policy: Mapping[str, Any] | None) -> Iterator[Finding]:
    """What the tenant's app management policy says of client secrets."""
    if not policy or not policy.get("isEnabled"):
        return
    restrictions = (policy.get("applicationRestrictions") or {}).get("passwordCredentials") or ()
    source = "https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy"
    for restriction in restrictions:
        if restriction.get("state", "enabled") != "enabled":
            continue
        if restriction.get("restrictionType") == "passwordAddition":
            yield Finding(
                code="secrets-forbidden",
                detail="The tenant's app management policy forbids client secrets.",
                remedy="Exempt the service's identity from the policy (passwordAddition).",
                documentation=source,
            )
        if restriction.get("restrictionType") == "passwordLifetime" and restriction.get("maxLifetime"):
            longest = _DURATION.validate_python(restriction["maxLifetime"])
            accepted = context.accepted_at
            if context.request.server_app.secret_end(accepted) > accepted + longest:
                yield Finding(
                    code="secret-lives-too-long",
                    pointer="/serverApp/secretEndDate",
                    detail=f"The tenant allows client secrets of at most {restriction['maxLifetime']}.",
                    remedy=f"Give a secretEndDate before {accepted + longest:%Y-%m-%d}.",
                    documentation=source,
                )
