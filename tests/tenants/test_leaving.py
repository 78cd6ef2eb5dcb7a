"""Customers that have left: what belongs to the service is removed, and the rest is listed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.customers import CUSTOMER, FABRIKAM, CustomerPortal
from tests.support.operations import done, operate, step
from tests.support.portal import problem, until

DENIED = {"service": "graph", "kind": "status", "status": 403, "times": None, "message": "no"}


def left_apps(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """What a removal left behind, except resource providers, which always stay registered."""
    return [left for left in operation["leftBehind"] if left["kind"] != "resourceProvider"]


async def removed(customer: CustomerPortal, connection: dict[str, Any]) -> dict[str, str]:
    """Off-board a connection; return what is left behind, each kind with its reason.

    Its record, its expirations and its secret in the vault no longer exist.
    """
    path = f"/api/connections/{connection['id']}"
    operation = await done(customer, await operate(customer, "DELETE", path))
    problem(await customer.call("GET", path, caller="operator"), 404, "not-found")
    listed = await customer.all("/api/expirations", caller="operator", tenantId=FABRIKAM)
    assert connection["id"] not in {entry["connectionId"] for entry in listed}
    with pytest.raises(AssertionError, match="SecretNotFound"):
        await customer.look("keyVault", "GET", f"/secrets/cmg-{connection['onboardingId']}?api-version=7.5")
    ids = {app: connection[app]["objectId"] for app in ("clientApp", "serverApp")}
    assert {left["kind"]: left["id"] for left in left_apps(operation)} == ids
    events = await customer.all(f"/api/operations/{operation['id']}/events", caller="operator")
    for object_id in ids.values():
        assert any(object_id in event.get("detail", "") for event in events)
    return {left["kind"]: left["reason"] for left in left_apps(operation)}


async def test_a_customer_that_has_left_is_off_boarded(stranger):
    """After the consent is withdrawn, or the tenant deleted, nothing of ours remains, and warnings end."""
    await stranger.let_in()
    first, second = [await stranger.onboarded(**CUSTOMER) for _ in range(2)]
    waiting = await stranger.accepted(**CUSTOMER, adminConsent="ByAdministrator")
    await step(stranger, f"/api/onboardings/{waiting}", "consent", "Waiting")
    await stranger.leave()
    await stranger.restart_host()  # so that it has no token from the customer's tenant
    reasons = await removed(stranger, first)
    assert set(reasons) == {"clientApp", "serverApp"}
    assert all("AADSTS700016" in reason and FABRIKAM in reason for reason in reasons.values())
    fault = {"service": "login", "tenant": FABRIKAM, "kind": "status", "status": 400, "code": "AADSTS90002"}
    async with stranger.fault(**fault, times=None):
        reasons = await removed(stranger, second)
        # It checks now: until the tenant was deleted, an administrator could have restored access.
        answer = await stranger.call("POST", f"/api/onboardings/{waiting}/resume", caller="operator")
        assert answer.status_code == 202, answer.text
        assert (await stranger.finished(waiting))["status"] == "Failed"  # consent can no longer be granted
    assert all("AADSTS90002" in reason for reason in reasons.values())
    operation = await done(stranger, await operate(stranger, "POST", f"/api/onboardings/{waiting}/rollback"))
    assert len(left_apps(operation)) == 2
    assert (await stranger.finished(waiting))["status"] == "RolledBack"


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("Authorization_RequestDenied", "Application.ReadWrite.OwnedBy"),
        ("Authorization_IdentityNotFound", "Authorization_IdentityNotFound"),
    ],
)
async def test_a_customer_who_takes_rights_back_keeps_no_secret_in_the_vault(customer, code, missing):
    """An administrator who removes the service's permissions does not block the off-boarding."""
    connection = await customer.onboarded(**CUSTOMER)
    async with customer.fault(**DENIED, method="DELETE", tenant=FABRIKAM, code=code):
        reasons = await removed(customer, connection)
    assert all(f"does not have all required permissions: {missing}" in reason for reason in reasons.values())


async def test_the_home_tenant_cannot_leave(customer):
    """In the deployment's own tenant, a refusal is a fault that an operator corrects."""
    connection = await customer.onboarded()
    path = f"/api/connections/{connection['id']}"
    async with customer.fault(**DENIED, method="DELETE", code="Authorization_RequestDenied"):
        operation = await operate(customer, "DELETE", path)

        async def waits() -> bool:
            document = await customer.get(f"/api/operations/{operation['id']}", caller="operator")
            return bool(document["status"] == "Waiting" and document["error"]["actor"] == "Operator")

        await until(waits, "the wait for an operator")
    assert left_apps(await done(customer, operation)) == []
