"""``/api/openapi.json`` and ``/api/openapi-3.0.json``: the description of the API for tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from onboarding.api.endpoint import JSON, OPEN, Call, Endpoint, Reply, endpoint
from onboarding.api.reading import Query
from onboarding.api.sign_in import SignIn


class DescriptionResource:
    """The endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint], sign_in: SignIn) -> None:
        self._endpoints = endpoints
        self._sign_in = sign_in

    @endpoint(
        "GET /openapi.json",
        name="get_openapi",
        roles=OPEN,
        answers={200: JSON},
    )
    async def get(self, call: Call[Query, None]) -> Reply:
        """Get this description (OpenAPI 3.1)."""
        return Reply(content=json.dumps(self._document(call)).encode())

    @endpoint(
        "GET /openapi-3.0.json",
        name="get_openapi_30",
        roles=OPEN,
        answers={200: JSON},
    )
    async def get_30(self, call: Call[Query, None]) -> Reply:
        """Get this description in OpenAPI 3.0.3, for tools that do not read 3.1."""
        from onboarding.api import openapi30  # noqa: PLC0415 - other calls do not need it

        return Reply(content=json.dumps(openapi30.in_30(self._document(call))).encode())

    def _document(self, call: Call[Query, None]) -> dict[str, Any]:
        from onboarding.api import openapi  # noqa: PLC0415 - other calls do not need it

        return openapi.document(self._endpoints, call.base_url, self._sign_in)
