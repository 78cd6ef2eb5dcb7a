from __future__ import annotations

from graphlib import CycleError

import pytest

from onboarding.lifecycle.plans import ONBOARD, PROVIDER_STEPS
from onboarding.workflow.plans import Plan, Step


def test_each_step_comes_after_what_it_needs():
    """Whatever the order in which steps are written down, callers see them in one that makes sense."""
    plan = Plan(
        "p",
        [
            Step(name="last", title="", after=("left", "right")),
            Step(name="left", title="", after=("first",)),
            Step(name="right", title="", after=("first",)),
            Step(name="first", title=""),
        ],
    )
    order = list(plan.steps)
    assert plan.first == "first"
    assert (order[0], set(order[1:3]), order[3]) == ("first", {"left", "right"}, "last")
    assert set(plan.successors("first")) == {"left", "right"}
    assert plan.successors("left") == ("last",)
    assert plan.successors("last") == ()


def test_a_circle_is_refused():
    """A plan that could never end is no plan."""
    with pytest.raises(CycleError):
        Plan("p", [Step(name="a", title="", after=("b",)), Step(name="b", title="", after=("a",))])


def test_an_unknown_step_is_refused():
    """A misspelt dependency is found when the plan is written down."""
    with pytest.raises(ValueError, match=r"step a waits for unknown \['ghost'\]"):
        Plan("p", [Step(name="a", title="", after=("ghost",))])


def test_a_step_named_twice_is_refused():
    """Two steps of one name would share a row."""
    with pytest.raises(ValueError, match="named twice"):
        Plan("p", [Step(name="a", title=""), Step(name="a", title="")])


def test_an_onboarding_has_these_steps():
    """Names of steps are part of the API; each waits for exactly what it needs."""
    assert {name: set(step.after) for name, step in ONBOARD.steps.items()} == {
        "preflight": set(),
        "server-app": {"preflight"},
        "server-principal": {"server-app"},
        "server-secret": {"server-app"},
        "client-app": {"server-app"},
        "client-principal": {"client-app"},
        "consent": {"server-principal", "client-principal"},
        "provider-keyvault": {"preflight"},
        "provider-storage": {"preflight"},
        "provider-network": {"preflight"},
        "provider-compute": {"preflight"},
        "connection": {
            "server-secret",
            "consent",
            "provider-keyvault",
            "provider-storage",
            "provider-network",
            "provider-compute",
        },
    }


def test_a_gateway_on_a_scale_set_needs_four_providers():
    """The providers are those of Microsoft's article on the gateway."""
    assert set(PROVIDER_STEPS.values()) == {
        "Microsoft.KeyVault",
        "Microsoft.Storage",
        "Microsoft.Network",
        "Microsoft.Compute",
    }
