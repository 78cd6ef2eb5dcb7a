from __future__ import annotations

import json
from graphlib import CycleError
from typing import Any

import pytest

from onboarding.cmg import versions
from onboarding.cmg.conflicts import conflicts
from onboarding.cmg.versions import DeploymentModel
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import PermanentError
from onboarding.lifecycle.plans import PLANS, plan_of
from onboarding.storage.codec import Codec
from onboarding.workflow.outcomes import Done
from onboarding.workflow.plan import Context, Plan, Step


async def nothing(_context: Context[None, dict[str, Any]]) -> Done[None]:
    """Do nothing."""
    return Done(result=None)


CONTEXT: Any = None
"""The context of an attempt that needs nothing."""


def step(name: str, *after: str) -> Step[None, dict[str, Any], None]:
    return Step(name=name, title="", handler=nothing, after=after)


def test_each_step_comes_after_what_it_needs():
    """Whatever the order of declarations, callers see each step after the steps that it needs."""
    plan = Plan(
        "p",
        Codec(dict),
        step("last", "left", "right"),
        step("left", "first"),
        step("right", "first"),
        step("first"),
    )
    order = list(plan.steps)
    assert plan.first == "first"
    assert (order[0], set(order[1:3]), order[3]) == ("first", {"left", "right"}, "last")
    assert set(plan.successors("first")) == {"left", "right"}
    assert plan.successors("left") == ("last",)
    assert plan.successors("last") == ()


def test_a_circle_is_refused():
    """A plan with a cycle is refused."""
    with pytest.raises(CycleError):
        Plan("p", Codec(dict), step("a", "b"), step("b", "a"))


def test_an_unknown_step_is_refused():
    """A misspelt dependency is refused when the plan is declared."""
    with pytest.raises(ValueError, match=r"step a waits for unknown \['ghost'\]"):
        Plan("p", Codec(dict), step("a", "ghost"))


def test_a_step_named_twice_is_refused():
    """Two steps with the same name would share a row, so they are refused."""
    with pytest.raises(ValueError, match="named twice"):
        Plan("p", Codec(dict), step("a"), step("a"))


TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
APPS = {
    "preflight": set(),
    "server-app": {"preflight"},
    "server-principal": {"server-app"},
    "server-secret": {"server-app"},
    "client-app": {"server-app"},
    "client-principal": {"client-app"},
    "consent": {"server-principal", "client-principal"},
}
SERVER_ONLY = {
    **{name: after for name, after in APPS.items() if not name.startswith("client-")},
    "consent": {"server-principal"},
}
PROVIDERS = {
    "VirtualMachineScaleSet": {
        "provider-keyvault": "Microsoft.KeyVault",
        "provider-storage": "Microsoft.Storage",
        "provider-network": "Microsoft.Network",
        "provider-compute": "Microsoft.Compute",
    },
}


def asked(**fields: Any) -> OnboardingRequest:
    """A request for an onboarding in a tenant with a subscription."""
    least = {"name": "Contoso", "tenantId": TENANT, "subscriptionId": TENANT}
    return OnboardingRequest.model_validate_json(json.dumps({**least, **fields}))


@pytest.mark.parametrize("client", [True, False], ids=["with client app", "without client app"])
@pytest.mark.parametrize("model", [DeploymentModel.SCALE_SET, None])
def test_an_onboarding_has_these_steps(model, client):
    """The names of steps are part of the API; each step waits for exactly the steps that it needs."""
    gateway = {"deploymentModel": model} if model else {"subscriptionId": None}
    request = asked(**gateway, **({} if client else {"clientApp": None}))
    if not (model or client):
        assert {"/clientApp"} == {fault.pointer for fault in conflicts(request)}
        return
    providers = set(PROVIDERS.get(model, {}))
    assert {name: set(step.after) for name, step in plan_of(request).steps.items()} == {
        **(APPS if client else SERVER_ONLY),
        **{each: {"preflight"} for each in providers},
        "connection": {"server-secret", "consent", *providers},
    }


@pytest.mark.parametrize("model", versions.PROVIDERS)
def test_a_gateway_needs_the_providers_of_its_deployment_model(model):
    """The providers are those in Microsoft's article about the gateway."""
    assert set(versions.PROVIDERS[model]) == set(PROVIDERS[model].values())
    registrations = {
        name: step.title.rpartition(" ")[2]
        for name, step in plan_of(asked(deploymentModel=model)).steps.items()
        if name.startswith("provider-")
    }
    assert registrations == PROVIDERS[model]


def test_an_onboarding_that_has_begun_finds_its_plan():
    """A run stores its plan by name, so the names do not change."""
    assert {name: plan.name for name, plan in PLANS.items()} == {
        name: name
        for name in (
            "onboard",
            "onboard-classic",
            "onboard-directory",
            "onboard-gateway",
            "onboard-gateway-classic",
        )
    }
    assert plan_of(asked()).name == "onboard"
    assert plan_of(asked(subscriptionId=None)).name == "onboard-directory"
    assert plan_of(asked(clientApp=None)).name == "onboard-gateway"


@pytest.mark.parametrize(("name", "client"), [("onboard-classic", True), ("onboard-gateway-classic", False)])
async def test_an_onboarding_of_a_retired_deployment_model_is_read_and_refused(name, client):
    """Runs that were stored with a classic service keep their steps, but no longer register a provider."""
    steps = PLANS[name].steps
    providers = {"provider-classiccompute", "provider-storage"}
    assert {step for step in steps if step.startswith("provider-")} == providers
    assert ("client-app" in steps) is client
    for provider in providers:
        with pytest.raises(PermanentError, match="August 31, 2024"):
            await steps[provider].handler(CONTEXT)
