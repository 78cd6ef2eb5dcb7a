"""Joins the steps to the engine: makes each step's context, and turns its errors into outcomes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from onboarding.cloud.calls import recorded
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import OnboardingError, PermanentError, ReplicationLagError, TransientError
from onboarding.lifecycle import removal_steps, renewal_steps
from onboarding.lifecycle.context import Context, Operation, Services
from onboarding.lifecycle.plans import PROVIDER_STEPS
from onboarding.lifecycle.steps import (
    client_app,
    connection,
    consent,
    preflight,
    principal,
    provider,
    server_app,
    server_secret,
)
from onboarding.workflow.engine import Handler
from onboarding.workflow.outcomes import Done, Failed, Outcome, Retry, RetryReason, Wait
from onboarding.workflow.run import Run, StepState

StepFunction = Callable[[Context], Awaitable[Done | Wait]]
OperationFunction = Callable[[Operation], Awaitable[Done | Wait]]

STEPS: Mapping[str, StepFunction] = {
    "preflight": preflight.run,
    "server-app": server_app.run,
    "server-principal": partial(principal.run, app_step="server-app"),
    "server-secret": server_secret.run,
    "client-app": client_app.run,
    "client-principal": partial(principal.run, app_step="client-app"),
    "consent": consent.run,
    **{name: partial(provider.run, namespace=namespace) for name, namespace in PROVIDER_STEPS.items()},
    "connection": connection.run,
}


OPERATION_STEPS: Mapping[str, OperationFunction] = {
    "halt": removal_steps.halt,
    "inventory": removal_steps.inventory,
    "consent": removal_steps.revoke,
    "client-app": partial(removal_steps.delete_application, role="client"),
    "server-app": partial(removal_steps.delete_application, role="server"),
    "server-secret": removal_steps.delete_secret,
    "connection": removal_steps.forget,
    "check": renewal_steps.check,
    "secret": renewal_steps.make,
    "confirmation": renewal_steps.wait,
    "retirement": renewal_steps.retire,
}
"""Of all plans of operations; no two of them have a step of the same name."""


def handlers(services: Services) -> Mapping[str, Handler]:
    """The steps of onboardings as the engine runs them."""
    return {name: partial(_onboarding_step, services, function) for name, function in STEPS.items()}


def operation_handlers(services: Services) -> Mapping[str, Handler]:
    """The steps of operations as the engine runs them."""
    return {name: partial(_operation_step, services, function) for name, function in OPERATION_STEPS.items()}


async def _onboarding_step(services: Services, function: StepFunction, run: Run, step: StepState) -> Outcome:
    context = Context(
        services=services,
        onboarding=run.head.id,
        requester=run.head.requester,
        request=OnboardingRequest.model_validate_json(json.dumps(run.head.request)),
        results=run.results,
        attempt=step.attempt,
        tries=step.tries,
        waited=bool(step.waiting_for),
        accepted_at=run.head.created_at,
    )
    return await _carry_out(partial(function, context))


async def _operation_step(
    services: Services, function: OperationFunction, run: Run, step: StepState
) -> Outcome:
    operation = Operation(services=services, head=run.head, step=step, results=run.results)
    return await _carry_out(partial(function, operation))


async def _carry_out(function: Callable[[], Awaitable[Done | Wait]]) -> Outcome:
    """One attempt of a step, with the calls it made as evidence."""
    with recorded() as calls:
        outcome: Outcome
        try:
            outcome = await function()
        except OnboardingError as error:
            outcome = _outcome(error)
        return replace(outcome, evidence=tuple(call.as_json() for call in calls))


def _outcome(error: OnboardingError) -> Outcome:
    match error:
        case ReplicationLagError(retry_after=retry_after):
            return Retry(reason=RetryReason.REPLICATION, error=error.as_json(), retry_after=retry_after)
        case TransientError(retry_after=retry_after):
            return Retry(reason=RetryReason.TRANSIENT, error=error.as_json(), retry_after=retry_after)
        case PermanentError():
            return Failed(error=error.as_json())
        case _:
            return Retry(reason=RetryReason.INTERNAL, error=error.as_json())
