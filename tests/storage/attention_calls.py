"""The calls with which tests read and change what needs attention."""

from __future__ import annotations

from typing import Any

from tests.support.world import World


async def codes(world: World, tenant: str | None = None) -> list[str]:
    """The codes of what needs attention, apart from the timers, which never run here."""
    found = [each["code"] for each in (await world.call("get_overview", tenantId=tenant))["attention"]]
    return [code for code in found if code != "job-late"]


async def entries(world: World, **query: Any) -> list[dict[str, Any]]:
    """The entries in the list of what needs attention."""
    return [*(await world.call("list_attention", **query))["value"]]


async def handled(world: World, name: str, **query: Any) -> tuple[int, int]:
    """How many entries a call has handled and kept, over all its continuations."""
    done, kept = 0, 0
    while True:
        answer = await world.call(name, **query)
        done, kept = done + answer["done"], kept + answer["kept"]
        if "nextLink" not in answer:
            return done, kept
