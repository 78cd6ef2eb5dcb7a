"""The receiver of the webhook is down, then back."""

from __future__ import annotations

from typing import Any, Final

from tests.incidents import night
from tests.support.portal import Portal, until

INCIDENT: Final = "A channel does not accept notices"
NAME: Final = "webhook"


async def channel(portal: Portal) -> dict[str, Any]:
    """The state of the channel, from the page's first call."""
    shown = await night.act(portal, INCIDENT, 0, name=NAME)
    found: dict[str, Any] = next(each for each in shown["value"] if each["name"] == NAME)
    return found


async def test_dead_channel(portal, settled):
    """It has a state with the class of the error at once; when it works again, the notice arrives once."""
    down = {"status": 503, "times": 1000}
    await portal.control("PUT", "/inbox/notices/answer", down)
    withdrawn = await night.withdraw(portal, settled)
    await night.inspected(portal, settled)

    async def failing() -> dict[str, Any] | None:
        return (await night.attention(portal)).get("channel-failing")

    entry = await until(failing, "the entry of the channel")
    assert entry["causes"] == {"refused": 1}
    state = await channel(portal)
    assert (state["state"], state["fault"], "lastFailureAt" in state) == ("Failing", "refused", True)
    assert "503" in state["error"]["detail"]
    assert state["waiting"] >= 1
    await portal.control("DELETE", "/inbox/notices")  # it also shows refused ones
    await portal.control("PUT", "/inbox/notices/answer", {"status": 202, "times": 1})
    await night.act(portal, INCIDENT, 1, name=NAME)

    async def working() -> bool:
        return bool((await channel(portal))["state"] == "Working")

    await until(working, "the channel to work")
    await night.act(portal, INCIDENT, 2, name=NAME)
    await portal.fire("sweep_onboardings")

    async def arrived() -> list[str]:
        inbox = (await portal.control("GET", "/inbox/notices")).json()["value"]
        source = f"/connections/{settled['id']}"
        return [each["body"]["id"] for each in inbox if each["body"]["source"] == source]

    ids = await until(arrived, "the notice")
    assert len(ids) == len(set(ids)), "none arrives twice"
    assert await failing() is None
    await night.consent(portal, settled, withdrawn)
