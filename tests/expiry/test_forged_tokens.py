"""Signed URLs: nothing but what the service signed, for one purpose, opens a page or a calendar."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
import pytest

from tests.support.forgeries import forged
from tests.support.portal import problem

KEY: Final = secrets.token_urlsafe(64)
OPEN: Final = ("links", "consent", "expirations/feed")
"""The endpoints for signed URLs."""


@pytest.fixture(scope="module", autouse=True)
async def _settings(shared_site, people):
    """A deployment with links in its messages."""
    values = {"notice-people": f"json://{people.host}/forged", "link-forged": KEY}
    for name, value in values.items():
        await shared_site.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", {"value": value})
    async with shared_site.set({"NOTICE_CHANNELS": "people", "LINK_KEY": "link-forged"}):
        yield


async def refused(site, path: str, token: str, why: str) -> None:
    """An endpoint neither shows nor does anything."""
    for method in ("GET",) if path.startswith("exp") else ("GET", "POST"):
        url = f"{site.stack.api}/api/{path}"
        answer = await site.http.request(method, url, params={"token": token})
        assert answer.status_code == 410, f"{why}: {method} {path} answers {answer.status_code}"
        assert "<button>" not in answer.text


async def test_only_tokens_of_the_service_are_valid(site, people):
    """A token that is changed, cut, signed in another way or for something else is worth nothing anywhere."""
    connection = await site.connection(days=20)
    await site.sweep()
    (link, _) = re.findall(
        r"token=([\w.-]+)", people.about("/forged", connection["name"])[-1].body.replace("\\", " ")
    )[-2:]
    feed = (await site.call("POST", "/api/expirations/feed")).json()["url"].partition("token=")[2]
    others = {"links": {"for": "operators", "do": "confirm"}, "expirations/feed": {"feed": "x.y"}}
    for path, token in (("links", link), ("expirations/feed", feed)):
        answer = await site.http.get(f"{site.stack.api}/api/{path}", params={"token": token})
        assert answer.status_code == 200, path
        for elsewhere in set(OPEN) - {path}:
            await refused(site, elsewhere, token, "another purpose")
        for why, wrong in forged(token, KEY, others[path]):
            await refused(site, path, wrong, why)
    shown = (await site.get(f"/api/connections/{connection['id']}"))["expirations"]["secret"]
    assert not {"acknowledged", "snoozedUntil"} & set(shown)


async def test_a_feed_ends_with_the_first_call_without_its_role(site):
    """An operator who is a requester now has no calendar of all connections; one of its own goes on."""
    caller = await site.caller("Onboarding.Operate", "Onboarding.Request")
    everything = (await site.call("POST", "/api/expirations/feed", caller=caller)).json()
    genuine: dict[str, Any] = jwt.decode(await site.token(caller), options={"verify_signature": False})

    async def calls(*roles: str) -> int:
        claims = {**genuine, "roles": list(roles)}
        token = (await site.control("POST", "/tokens", {"claims": claims, "header": None})).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        answer = await site.call("POST", "/api/expirations/feed", caller=None, headers=headers)
        return int(answer.status_code)

    async def lapsed() -> dict[bool, bool]:
        listed = await site.all("/api/expirations/feeds", caller="operator")
        mine = [each for each in listed if each["createdBy"]["id"] == genuine["oid"]]
        now = datetime.now(UTC) + timedelta(seconds=1)
        return {each["showsAll"]: datetime.fromisoformat(each["lapsesAt"]) <= now for each in mine}

    assert (await site.http.get(everything["url"])).status_code == 200
    assert await calls("Onboarding.Request") == 201
    problem(await site.http.get(everything["url"]), 410, "feed-expired")
    assert await lapsed() == {True: True, False: False}
    assert await calls() == 403
    assert await lapsed() == {True: True, False: True}
