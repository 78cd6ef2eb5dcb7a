"""The plans: which steps a run of each kind has, and which wait for which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onboarding.cmg import providers
from onboarding.workflow.plans import Plan, Step


def provider_step(namespace: str) -> str:
    """The name of the step that registers a resource provider."""
    return f"provider-{namespace.rpartition('.')[2].casefold()}"


PROVIDER_STEPS: Final[Mapping[str, str]] = {provider_step(each): each for each in providers.SCALE_SET}
"""Namespaces by the names of their steps."""

ONBOARD: Final = Plan(
    "onboard",
    [
        Step(name="preflight", title="Check the tenant, its policies and the subscription"),
        Step(name="server-app", title="Create the web (server) app registration", after=("preflight",)),
        Step(
            name="server-principal",
            title="Create the server app's service principal",
            after=("server-app",),
        ),
        Step(
            name="server-secret",
            title="Put a client secret into Key Vault",
            after=("server-app",),
        ),
        Step(name="client-app", title="Create the native (client) app registration", after=("server-app",)),
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
        *(
            Step(name=name, title=f"Register the resource provider {namespace}", after=("preflight",))
            for name, namespace in PROVIDER_STEPS.items()
        ),
        Step(
            name="connection",
            title="Record the service connection and its expiry",
            after=("server-secret", "consent", *PROVIDER_STEPS),
        ),
    ],
)

PLANS: Final[Mapping[str, Plan]] = {plan.name: plan for plan in (ONBOARD,)}
