"""The plans of onboardings, renewals and removals: which step waits for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def _onboard(name: str, namespaces: Sequence[str]) -> Plan[Services, OnboardingRequest]:
    """The plan of an onboarding that needs these resource providers."""
    registrations = [register(namespace) for namespace in namespaces]
    needed = (*CONNECTION.after, *(step.name for step in registrations))
    return Plan(
        name,
        Codec(OnboardingRequest),
        PREFLIGHT,
        SERVER_APP,
        SERVER_PRINCIPAL,
        SERVER_SECRET,
        CLIENT_APP,
        CLIENT_PRINCIPAL,
        CONSENT,
        *registrations,
        replace(CONNECTION, after=needed),
    )


ONBOARD: Final[Mapping[DeploymentModel, Plan[Services, OnboardingRequest]]] = {
    DeploymentModel.SCALE_SET: _onboard("onboard", PROVIDERS[DeploymentModel.SCALE_SET]),
    DeploymentModel.CLASSIC: _onboard("onboard-classic", PROVIDERS[DeploymentModel.CLASSIC]),
}

PLANS: Final[Mapping[str, Plan[Services, OnboardingRequest]]] = {plan.name: plan for plan in ONBOARD.values()}
"""The plans of onboardings, by name."""

OPERATIONS: Final[Mapping[str, Plan[Services, Any]]] = {REMOVE.name: REMOVE, RENEW.name: RENEW}
"""The plans of renewals and removals, by name."""
