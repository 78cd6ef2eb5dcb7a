"""The plans of onboardings, renewals and removals: which step waits for which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from onboarding.cmg.versions import PROVIDERS, DeploymentModel
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle.context import Services
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.preflight import PREFLIGHT
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.provider import register
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.lifecycle.steps.server_secret import SERVER_SECRET
from onboarding.storage.codec import Codec
from onboarding.workflow.plan import Plan

OnboardingPlan = Plan[Services, OnboardingRequest]

_GATEWAY: Final = "onboard-gateway"
_NAMES: Final[Mapping[tuple[DeploymentModel | None, bool], str]] = {
    (DeploymentModel.SCALE_SET, True): "onboard",
    (DeploymentModel.CLASSIC, True): "onboard-classic",
    (None, True): "onboard-directory",
    (DeploymentModel.SCALE_SET, False): _GATEWAY,
    (DeploymentModel.CLASSIC, False): f"{_GATEWAY}-classic",
}
"""The names of the plans, which runs store: by the gateway in the tenant, and whether it has a client app."""


def _onboard(model: DeploymentModel | None, *, client: bool) -> OnboardingPlan:
    """The plan of an onboarding.

    Args:
        model: Of the gateway in the tenant's subscription; None: the tenant has none.
        client: Whether the tenant has a client app.
    """
    namespaces = PROVIDERS[model] if model else ()
    registrations = [register(namespace) for namespace in namespaces]
    needed = (*CONNECTION.after, *(step.name for step in registrations))
    of_client = (CLIENT_APP, CLIENT_PRINCIPAL, CONSENT)
    return Plan(
        _NAMES[model, client],
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
    name: _onboard(model, client=client) for (model, client), name in _NAMES.items()
}
"""The plans of onboardings, by name."""


def plan_of(request: OnboardingRequest) -> OnboardingPlan:
    """The plan of the onboarding that a request asks for."""
    model = request.deployment_model if request.subscription_id else None
    return PLANS[_NAMES[model, request.client_app is not None]]


OPERATIONS: Final[Mapping[str, Plan[Services, Any]]] = {REMOVE.name: REMOVE, RENEW.name: RENEW}
"""The plans of renewals and removals, by name."""
