"""The plans: which steps a run of each kind has, and which wait for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from onboarding.cmg import providers
from onboarding.cmg.versions import DeploymentModel
from onboarding.workflow.plans import Plan, Step


def provider_step(namespace: str) -> str:
    """The name of the step that registers a resource provider."""
    return f"provider-{namespace.rpartition('.')[2].casefold()}"


PROVIDER_STEPS: Final[Mapping[str, str]] = {
    provider_step(namespace): namespace for each in providers.BY_MODEL.values() for namespace in each
}
"""Namespaces by the names of their steps, of all deployment models."""


def _onboard(name: str, namespaces: Sequence[str]) -> Plan:
    """The plan of an onboarding that needs these resource providers."""
    registrations = [
        Step(
            name=provider_step(namespace),
            title=f"Register the resource provider {namespace}",
            after=("preflight",),
        )
        for namespace in namespaces
    ]
    return Plan(
        name,
        [
            Step(name="preflight", title="Check the tenant, its policies and the subscription"),
            Step(name="server-app", title="Create the web (server) app registration", after=("preflight",)),
            Step(
                name="server-principal",
                title="Create the server app's service principal",
                after=("server-app",),
            ),
            Step(name="server-secret", title="Put a client secret into Key Vault", after=("server-app",)),
            Step(
                name="client-app", title="Create the native (client) app registration", after=("server-app",)
            ),
            Step(
                name="client-principal",
                title="Create the client app's service principal",
                after=("client-app",),
            ),
            Step(
                name="consent",
                title="Grant the permissions of both apps",
                after=("server-principal", "client-principal"),
            ),
            *registrations,
            Step(
                name="connection",
                title="Record the service connection and its expiry",
                after=("server-secret", "consent", *(step.name for step in registrations)),
            ),
        ],
    )


ONBOARD: Final[Mapping[DeploymentModel, Plan]] = {
    DeploymentModel.SCALE_SET: _onboard("onboard", providers.SCALE_SET),
    DeploymentModel.CLASSIC: _onboard("onboard-classic", providers.CLASSIC),
}

PLANS: Final[Mapping[str, Plan]] = {plan.name: plan for plan in ONBOARD.values()}
