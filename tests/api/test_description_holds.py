"""Requests that Schemathesis makes from the description: valid and invalid ones, as each caller."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from onboarding.service import ENDPOINTS
from tests.support.described import DOCUMENT

pytestmark = pytest.mark.soak

OF_THE_HOST = {400, 404, 413, 414, 431}
"""Statuses with which the Functions host answers before the app sees a call."""


def attempt(url: str, token: str, path: str, method: str) -> int:
    """Make many calls of one operation; returns how many the app answered."""
    import schemathesis  # noqa: PLC0415 - takes a second, and only soak needs it
    from schemathesis.checks import not_a_server_error  # noqa: PLC0415
    from schemathesis.specs.openapi import checks  # noqa: PLC0415

    expected = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answered = 0

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        nonlocal answered
        response = case.call(base_url=url, headers=headers, timeout=30)
        if "x-ms-request-id" not in {name.lower() for name in response.headers}:
            assert response.status_code in OF_THE_HOST, (method, path, response.status_code)
            return
        answered += 1
        case.validate_response(response, checks=expected)

    call()
    return answered


@pytest.mark.parametrize(
    "roles",
    [
        pytest.param(("Onboarding.Request",), id="requester"),
        pytest.param(("Onboarding.Operate",), id="operator"),
        pytest.param((), id="no role"),
        pytest.param(None, id="no token"),
    ],
)
async def test_no_answer_is_outside_the_description(portal, roles):
    """Whatever a caller of any role sends, the answer is described, and never an error of the service."""
    token = "" if roles is None else await portal.token(await portal.caller(*roles))
    answered = 0
    for endpoint in ENDPOINTS:
        url = f"{portal.stack.api}/api"
        answered += await asyncio.to_thread(attempt, url, token, endpoint.path, endpoint.method.lower())
    assert answered > 10 * len(ENDPOINTS)
