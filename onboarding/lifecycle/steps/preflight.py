"""The preflight: everything that can be known before the first write, with a reason and a remedy.

It reads only. What it may not read it does not guess: the steps that follow will find out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from onboarding.connections.records import key_of
from onboarding.errors import PermanentError, Severity, cloud, preflight, steps
from onboarding.lifecycle.clashes import purgeable
from onboarding.lifecycle.context import Context
from onboarding.lifecycle.facts import Facts
from onboarding.lifecycle.findings import findings
from onboarding.workflow.outcomes import Done

_T = TypeVar("_T")
_HIDDEN: Final = {
    preflight.SUBSCRIPTION_NOT_FOUND.code,
    cloud.AUTHORIZATION_FAILED.code,
    cloud.INVALID_AUTHENTICATION_TOKEN_TENANT.code,
}


async def run(context: Context) -> Done:
    """Fails with all findings at once, or leaves what it has read for the steps that follow."""
    facts = await look(context)
    found = findings(facts)
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors:
        raise steps.PREFLIGHT_REFUSED.error(
            details=" ".join(finding.detail for finding in errors),
            remedies=" ".join(finding.remedy for finding in errors),
            findings=found,
        )
    return Done(result={**result(facts), "findings": [finding.as_json() for finding in found]})


def result(facts: Facts) -> dict[str, Any]:
    """What the steps that follow need to know of the facts."""
    return {
        "providers": facts.providers,
        "tenantName": (facts.survey.organization or {}).get("displayName", ""),
        "purge": list(purgeable(facts)),
    }


async def look(context: Context) -> Facts:
    """Reads the facts: in the directory, in the subscription, and what this service knows itself."""
    request, subscription = context.request, context.subscription
    connections = context.services.connections
    survey, record, states, permissions, same_name, neighbour = await asyncio.gather(
        context.directory.survey(
            [request.server_app.name, request.client_app.name], request.server_app.app_id_uri
        ),
        _visible(subscription.subscription()),
        _visible(subscription.registrations()),
        _visible(subscription.permissions()),
        connections.get(f"{context.tenant}.{key_of(request.name)}"),
        connections.any_of_tenant(context.tenant),
    )
    return Facts(
        request=request,
        onboarding=context.onboarding,
        accepted_at=context.accepted_at,
        same_name=same_name,
        neighbour=neighbour,
        survey=survey,
        subscription=record,
        providers={each: (states or {}).get(each.casefold(), "NotRegistered") for each in request.providers},
        permissions=permissions,
    )


async def _visible(answer: Awaitable[_T]) -> _T | None:
    """An answer about the subscription; None where it is hidden, which Azure words in several ways."""
    try:
        return await answer
    except PermanentError as error:
        if error.code not in _HIDDEN:
            raise
        return None
