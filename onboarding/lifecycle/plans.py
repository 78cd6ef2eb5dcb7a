"""The plans of onboardings, renewals and removals: which step waits for which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from onboarding.cmg.versions import PROVIDERS, DeploymentModel
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import subscription
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.provider import ProviderResult, register
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.lifecycle.steps.server_secret import SERVER_SECRET
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Plan, Step

OnboardingPlan = Plan[Services, OnboardingRequest]

_GATEWAY: Final = "onboard-gateway"
_NAMES: Final[Mapping[tuple[DeploymentModel | None, bool], str]] = {
    (DeploymentModel.SCALE_SET, True): "onboard",
    (None, True): "onboard-directory",
    (DeploymentModel.SCALE_SET, False): _GATEWAY,
}
"""The names of the plans, which runs store: by the gateway in the tenant, and whether it has a client app."""


_RETIRED: Final[Mapping[str, bool]] = {"onboard-classic": True, f"{_GATEWAY}-classic": False}
"""Plans of a retired deployment model, with whether they have a client app. Stored runs are still shown; one
that has not ended fails with the reason."""


async def _refuse(_: OnboardingContext) -> Done[ProviderResult]:
    raise subscription.DEPLOYMENT_MODEL_RETIRED.error()


def _onboard(
    name: str, registrations: Iterable[Step[Services, OnboardingRequest, ProviderResult]], *, client: bool
) -> OnboardingPlan:
    """The plan of an onboarding.

    Args:
        name: Of the plan.
        registrations: The steps that register resource providers.
        client: Whether the tenant has a client app.
    """
    registrations = tuple(registrations)
    needed = (*CONNECTION.after, *(step.name for step in registrations))
    of_client = (CLIENT_APP, CLIENT_PRINCIPAL, CONSENT)
    return Plan(
        name,
        Codec(OnboardingRequest),
        PREFLIGHT,
        SERVER_APP,
        SERVER_PRINCIPAL,
        SERVER_SECRET,
        *(of_client if client else (replace(CONSENT, after=(SERVER_PRINCIPAL.name,)),)),
        *registrations,
        replace(CONNECTION, after=needed),
    )


PLANS: Final[Mapping[str, OnboardingPlan]] = {
    **{
        name: _onboard(name, map(register, PROVIDERS[model] if model else ()), client=client)
        for (model, client), name in _NAMES.items()
    },
    **{
        name: _onboard(
            name,
            (
                replace(register(namespace), handler=_refuse)
                for namespace in ("Microsoft.ClassicCompute", "Microsoft.Storage")
            ),
            client=client,
        )
        for name, client in _RETIRED.items()
    },
}
"""The plans of onboardings, by name."""


def plan_of(request: OnboardingRequest) -> OnboardingPlan:
    """The plan of a requested onboarding."""
    model = request.deployment_model if request.subscription_id else None
    return PLANS[_NAMES[model, request.client_app is not None]]


OPERATIONS: Final[Mapping[str, Plan[Services, Any]]] = {REMOVE.name: REMOVE, RENEW.name: RENEW}
"""The plans of renewals and removals, by name."""
