"""Every call of a caller needs a token with a role."""

from __future__ import annotations

import pytest

from tests.support.portal import problem

OTHER = "11111111-2222-4333-8444-555555555555"


async def test_a_client_without_a_role_gets_a_token_that_is_refused(portal):
    """A token that the sign-in service issues to an application without a role is refused."""
    answer = await portal.call("GET", "/api/onboardings", caller=await portal.caller())
    problem(answer, 403, "role-missing")


@pytest.mark.parametrize(
    "path", ["/api/onboardings", f"/api/onboardings/{OTHER}", f"/api/onboardings/{OTHER}/events",
             "/api/connections", "/api/connections/x"]
)  # fmt: skip
async def test_every_call_needs_a_token(portal, path):
    """Every path answers a caller without a token in the same way, whether a resource exists or not."""
    problem(await portal.call("GET", path, caller=None), 401, "token-missing")


async def test_a_token_is_checked_before_the_body(portal):
    """A caller without a token learns nothing about what the API accepts."""
    answer = await portal.call("POST", "/api/onboardings", caller=None, content=b"{")
    problem(answer, 401, "token-missing")
