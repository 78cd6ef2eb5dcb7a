"""A directory returns odd values: they affect only the connection whose object has them."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from onboarding.storage import names
from tests.expiry.site import Site
from tests.support.portal import problem, until

CODE = "directory-unreadable"
ODD = [
    ("passwordCredentials", "null", "value-unreadable", "passwordCredentials is null"),
    ("identifierUris", "7", "value-unreadable", "identifierUris has the type int"),
    ("displayName", '"<fill>"', "answer-too-large", "8 MiB"),
]
"""Another value of a member of an application, and the reason why it cannot be read."""


def rewriting(app: str, member: str, put: str) -> dict[str, Any]:
    """A fault: the directory returns another value for a member of an application."""
    return {
        "service": "graph",
        "method": "POST",
        "path": "batch",
        "times": None,
        "kind": "rewrite",
        "find": f'"{member}":("[^"]*"|\\[[^]]*\\])(?=(?:(?!"appId").)*"appId":"{app}")',
        "put": f'"{member}":{put}',
        "fill": 9 << 20,
    }


async def inspected(site: Site, *connections: dict[str, Any]) -> list[dict[str, Any]]:
    """What is known about the directory after the inspections of the next week."""
    paths = [f"/api/connections/{each['id']}" for each in connections]
    before = [(await site.get(path, caller="operator")).get("directory") for path in paths]
    await site.fire("sweep_directory")  # today's
    await site.advance(timedelta(days=8))
    await site.fire("sweep_directory")

    async def all_inspected() -> list[dict[str, Any]]:
        found = [(await site.get(path, caller="operator")).get("directory") for path in paths]
        times = [
            {(each or {}).get("inspectedAt") for each in pair} for pair in zip(before, found, strict=True)
        ]
        return found if all(len(pair) > 1 for pair in times) else []

    found: list[dict[str, Any]] = await until(all_inspected, "the inspections")
    return found


async def test_an_odd_value_costs_no_other_connection_its_inspection(site):
    """That connection is shown as unreadable, with the value; the others are inspected as usual."""
    await site.clear(names.CONNECTIONS)
    odd, other = [await site.connection() for _ in range(len(ODD))], await site.connection()
    async with contextlib.AsyncExitStack() as faults:
        for connection, (member, put, _, _) in zip(odd, ODD, strict=True):
            fault = rewriting(connection["serverApp"]["clientId"], member, put)
            await faults.enter_async_context(site.fault(**fault))
        *found, as_always = await inspected(site, *odd, other)
        assert as_always["differences"] == []
        overview = await site.get("/api/overview", caller="operator")
        shown = {each["connectionId"]: str(each) for each in overview["differences"]}
        for connection, directory, (_, _, code, reason) in zip(odd, found, ODD, strict=True):
            assert [each["code"] for each in directory["differences"]] == [CODE], reason
            assert reason in directory["differences"][0]["detail"]
            assert CODE in shown[connection["id"]]
            path = f"/api/connections/{connection['id']}/conformance"
            problem(await site.call("GET", path, caller="operator"), 502, code)
    for directory in await inspected(site, *odd):
        assert directory["differences"] == []
