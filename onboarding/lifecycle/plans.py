"""The plans: which steps a run of each kind has, and which wait for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from onboarding.cmg.versions import PROVIDERS, DeploymentModel
from onboarding.workflow.plan import Plan, Step


def provider_step(namespace: str) -> str:
    """The name of the step that registers a resource provider."""
    return f"provider-{namespace.rpartition('.')[2].casefold()}"


PROVIDER_STEPS: Final[Mapping[str, str]] = {
    provider_step(namespace): namespace for namespaces in PROVIDERS.values() for namespace in namespaces
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
    DeploymentModel.SCALE_SET: _onboard("onboard", PROVIDERS[DeploymentModel.SCALE_SET]),
    DeploymentModel.CLASSIC: _onboard("onboard-classic", PROVIDERS[DeploymentModel.CLASSIC]),
}

PLANS: Final[Mapping[str, Plan]] = {plan.name: plan for plan in ONBOARD.values()}
"""The plans of onboardings, by name."""

REMOVE: Final = Plan(
    "removal",
    [
        Step(name="halt", title="Stop what is under way"),
        Step(name="inventory", title="Find what the onboarding has made", after=("halt",)),
        Step(name="consent", title="Take back what was granted to imported apps", after=("inventory",)),
        Step(name="client-app", title="Delete the native (client) app for good", after=("consent",)),
        Step(name="server-app", title="Delete the web (server) app for good", after=("client-app",)),
        Step(name="server-secret", title="Delete the client secret from Key Vault", after=("server-app",)),
        Step(
            name="connection", title="Forget the service connection and its expiry", after=("server-secret",)
        ),
    ],
)
"""Undoes an onboarding, in reverse order. Imported apps and resource providers stay."""

RENEW: Final = Plan(
    "renewal",
    [
        Step(name="check", title="Check that the secret may be renewed"),
        Step(name="secret", title="Put a new client secret beside the old one", after=("check",)),
        Step(name="confirmation", title="Wait until the site has the new secret", after=("secret",)),
        Step(name="retirement", title="Remove the old client secret", after=("confirmation",)),
    ],
)
"""Replaces a client secret without a moment in which none works."""

CONFIRMED: Final = "confirmed"
"""What the renewal's step ``confirmation`` is told when the site has the new secret."""

OPERATIONS: Final[Mapping[str, Plan]] = {plan.name: plan for plan in (REMOVE, RENEW)}
"""The plans of operations on what onboardings have made, by name."""
