"""Pages of Table Storage that the emulator never returns."""

from __future__ import annotations

import json

from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables.aio import TableServiceClient

from onboarding.storage.tables import Range, Tables


async def test_an_empty_page_with_a_continuation_is_not_the_end():
    """The first rows are found even if Azure first returns pages without rows, and the order is kept."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query.get("NextRowKey", ""))
        number = len(asked)
        rows = [{"PartitionKey": "p", "RowKey": f"k{number}"}] if number > 2 else []
        headers = {"x-ms-continuation-NextPartitionKey": "p", "x-ms-continuation-NextRowKey": f"k{number}"}
        body = json.dumps({"value": rows}).encode()
        return web.Response(body=body, headers=headers, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        credential = AzureNamedKeyCredential("account", "a2V5")
        service = TableServiceClient(
            endpoint=f"http://127.0.0.1:{server.port}/account", credential=credential
        )
        async with service:
            page = await Tables(service).page("rows", Range("p", ""), size=5)
    assert [row.key for row in page.rows] == ["k3"]
    assert asked == ["", "k1", "k2"]
    assert page.continuation
