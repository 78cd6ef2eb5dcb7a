"""``/api/openapi.json``: the description of the API for tools."""

from __future__ import annotations

import json
from collections.abc import Sequence

from onboarding.api.endpoint import JSON, OPEN, Call, Endpoint, Reply, endpoint
from onboarding.api.reading import Query


class DescriptionResource:
    """The endpoint."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = endpoints

    @endpoint(
        "GET /openapi.json",
        name="get_openapi",
        roles=OPEN,
        answers={200: JSON},
    )
    async def get(self, call: Call[Query, None]) -> Reply:
        """Get this description (OpenAPI 3.1)."""
        from onboarding.api import openapi  # noqa: PLC0415 - other calls do not need it

        return Reply(content=json.dumps(openapi.document(self._endpoints, call.base_url)).encode())
