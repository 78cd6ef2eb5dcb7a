"""The preflight: everything that can be known before the first write, with a reason and a remedy.

It only reads. It does not guess what it cannot read: that is a finding, and later steps will find out. If a
service cannot answer at the moment, the request is repeated several times. Only the subscription itself must
be readable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from onboarding.connections.records import key_of
from onboarding.errors import (
    Finding,
    OnboardingError,
    PermanentError,
    Severity,
    TransientError,
    cloud,
    first_actor,
    steps,
)
from onboarding.errors import subscription as subscription_errors
from onboarding.lifecycle import clashes, existing, ownership, subscription_access
from onboarding.lifecycle.context import OnboardingContext
from onboarding.lifecycle.facts import ASKED_AGAIN, Facts, SubscriptionFacts
from onboarding.lifecycle.findings import findings
from onboarding.lifecycle.requests import REQUESTER
from onboarding.storage.codec import Codec
from onboarding.words.word import EMPTY, Word
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Step

_T = TypeVar("_T")
_MOST_APPS: Final = 50
"""For how many applications with the same URI the service looks up the requester."""

_HIDDEN: Final = {
    subscription_errors.SUBSCRIPTION_NOT_FOUND.code,
    cloud.AUTHORIZATION_FAILED.code,
    cloud.INVALID_AUTHENTICATION_TOKEN_TENANT.code,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PreflightResult:
    """The facts that later steps need, and the findings for people."""

    providers: Mapping[str, str]  # registration states by namespace
    tenant_name: Word
    tenant_domain: Word = EMPTY  # the initial one
    purge: tuple[str, ...] = ()  # object IDs of deleted applications that may be purged
    findings: tuple[Finding, ...] = ()


async def run(context: OnboardingContext) -> Done[PreflightResult]:
    """Fails with all findings at once, or keeps the facts that later steps need."""
    head = context.run.head
    await ownership.enter(context.services, context.request, head.id, head.lists[REQUESTER])
    with subscription_access.helped(context.services.clouds, context.request):
        facts = await look(context)
    if facts.later and context.step.tries < ASKED_AGAIN:
        raise facts.later
    found = found_in(context, facts)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise steps.PREFLIGHT_REFUSED.error(actor=first_actor(found), findings=found)
    return Done(result=replace(result(facts), findings=found))


def found_in(context: OnboardingContext, facts: Facts) -> tuple[Finding, ...]:
    """The findings, with what people can do about them."""
    clouds, request = context.services.clouds, context.request
    return tuple(subscription_access.with_actions(clouds, request, finding) for finding in findings(facts))


def result(facts: Facts) -> PreflightResult:
    """The facts that later steps need."""
    return PreflightResult(
        providers=facts.subscription.providers if facts.subscription else {},
        tenant_name=facts.survey.tenant_name,
        tenant_domain=facts.survey.initial_domain,
        purge=clashes.purgeable(facts),
    )


async def look(context: OnboardingContext) -> Facts:
    """Reads the facts from the directory, the subscription and the connections."""
    request, services = context.request, context.services
    connections = services.connections
    apps = (request.server_app, request.client_app)
    survey, subscription, same_name, neighbour, to_update, used = await asyncio.gather(
        services.directory(request.tenant).survey(
            [app.name for app in apps if app], request.server_app.app_id_uri
        ),
        _subscription(context),
        connections.get(f"{request.tenant}.{key_of(request.name)}"),
        connections.any_of_tenant(request.tenant),
        existing.to_update(context),
        existing.is_used(context),
    )
    found = clashes.mentioned(request, survey, context.id)
    return Facts(
        requester=context.run.head.lists.get(REQUESTER, ""),
        operates=ownership.operates(context.run.head),
        makers=await ownership.makers(services, found[:_MOST_APPS]),
        request=request,
        onboarding=context.id,
        accepted_at=context.accepted_at,
        same_name=same_name,
        neighbour=neighbour,
        survey=survey,
        subscription=subscription,
        to_update=to_update,
        server_app_is_used=used,
    )


async def _subscription(context: OnboardingContext) -> SubscriptionFacts | None:
    """The state of the gateway's subscription; None, without a call, where the tenant has none."""
    request = context.request
    if request.subscription_id is None:
        return None
    subscription = context.services.clouds.subscription(request.tenant, str(request.subscription_id))
    record, (states, no_states), (permissions, no_permissions) = await asyncio.gather(
        _visible(subscription.subscription()),
        _optional(subscription.registrations()),
        _optional(subscription.permissions()),
    )
    errors = {"registrations": no_states, "permissions": no_permissions}
    return SubscriptionFacts(
        record=record,
        providers={name: (states or {}).get(name.casefold(), "NotRegistered") for name in request.providers},
        permissions=permissions,
        unread={name: error.code for name, error in errors.items() if error},
        later=next((error for error in errors.values() if isinstance(error, TransientError)), None),
    )


async def _visible(answer: Awaitable[_T]) -> _T | None:
    """An answer about the subscription; None if the service cannot see it (Azure has several codes)."""
    try:
        return await answer
    except PermanentError as error:
        if error.code not in _HIDDEN:
            raise
        return None


async def _optional(answer: Awaitable[_T]) -> tuple[_T | None, OnboardingError | None]:
    """An answer that the preflight can do without, or the error."""
    try:
        return await answer, None
    except OnboardingError as error:
        return None, error


PREFLIGHT: Final = Step(
    name="preflight",
    title="Check the tenant, its policies and the subscription",
    handler=run,
    result=Codec(PreflightResult),
)
