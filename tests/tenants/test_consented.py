"""The consent to the service: its page returns to the service, and what waited for it goes on."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import jwt

from tests.support.customers import CUSTOMER, FABRIKAM
from tests.support.forgeries import forged
from tests.support.portal import USUAL, until

CHECKS = "The service is checking now"
PAUSE = timedelta(seconds=6)
SHORT = 20
"""Characters of a text that a page can also have by itself."""


async def waiting(portal) -> tuple[str, dict[str, Any]]:
    """An onboarding that waits for the consent, and for some seconds does not look by itself; its error."""
    onboarding = await portal.accepted(**CUSTOMER)

    async def pauses() -> dict[str, Any] | None:
        document: dict[str, Any] = await portal.blocked(onboarding)
        (step,) = [each for each in document["steps"] if each.get("error")]
        looks_at = datetime.fromisoformat(step["nextAttemptAt"])
        return document if looks_at > datetime.now(UTC) + PAUSE else None

    return onboarding, (await until(pauses, "a long pause", pause=USUAL))["error"]


def page_in(error: dict[str, Any]) -> str:
    """The address that an error shows to the administrator."""
    (page,) = [each["url"] for each in error["actions"] if each["kind"] == "GrantConsent"]
    return str(page)


async def accepted(portal, page: str) -> str:
    """The address to which Microsoft's page sends the administrator who accepts."""
    answer = await portal.http.post(page, data={"answer": "accept"})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def changed(address: str, **parameters: str | None) -> str:
    """An address with other parameters; None removes one."""
    parts = urlsplit(address)
    query = {name: value for name, value in {**dict(parse_qsl(parts.query)), **parameters}.items() if value}
    return urlunsplit(parts._replace(query=urlencode(query)))


async def resumed(portal, onboarding: str) -> list[dict[str, Any]]:
    """The events of an onboarding that somebody made check."""
    events = await portal.all(f"/api/onboardings/{onboarding}/events", caller="operator")
    return [each for each in events if each["kind"] == "resumed"]


async def opened(portal, address: str, *onboardings: str) -> str:
    """The page after the consent, reloaded until each onboarding checks: one that just checked does not."""
    first = await portal.http.get(address)
    assert CHECKS in first.text

    async def checks() -> bool:
        answer = await portal.http.get(address)
        assert answer.status_code == 200, answer.text
        return all([await resumed(portal, each) for each in onboardings])

    await until(checks, "the check of all that waits", pause=USUAL)
    return str(first.text)


async def waits_only_for_a_role(portal, onboarding: str) -> bool:
    """Whether the next look of an onboarding found the consent, and a subscription without a role."""
    document = await portal.get(f"/api/onboardings/{onboarding}", caller="operator")
    codes = {finding["code"] for finding in document.get("error", {}).get("findings", ())}
    return "subscription-not-found" in codes and "consent-incomplete" not in codes


async def cancelled(portal, onboarding: str) -> None:
    """End a test's onboarding, so that nothing of it runs in a later test."""
    await portal.call("POST", f"/api/onboardings/{onboarding}/cancel", caller="operator")
    assert (await portal.finished(onboarding))["status"] == "Cancelled"


async def test_the_page_after_the_consent_continues_what_waited_for_it(stranger):
    """The administrator follows the link of one onboarding, and all that wait in the tenant check at once."""
    (first, error), (second, other) = await asyncio.gather(waiting(stranger), waiting(stranger))
    assert page_in(error) == page_in(other)  # so that an unchanged document stays unchanged
    done = await opened(stranger, await accepted(stranger, page_in(error)), first, second)
    assert "Consent was granted" in done
    for onboarding in (first, second):
        assert {each["actor"] for each in await resumed(stranger, onboarding)} == {"signed link"}
        await until(
            functools.partial(waits_only_for_a_role, stranger, onboarding), "the next wait", seconds=4
        )
        await cancelled(stranger, onboarding)


async def test_what_does_not_wait_for_the_consent_is_left_alone(customer):
    """A tenant whose onboardings wait for a role, or for nothing, has nothing to check."""
    onboarding = await customer.accepted(tenantId=FABRIKAM, subscriptionId=customer.info["subscription"])
    await customer.blocked(onboarding)
    setup = await customer.get(f"/api/tenants/{FABRIKAM}/setup")
    done = await customer.http.get(await accepted(customer, setup["adminConsentUrl"]))
    assert "Consent was granted" in done.text
    assert CHECKS not in done.text
    assert await resumed(customer, onboarding) == []
    await cancelled(customer, onboarding)


async def test_only_the_states_of_the_service_wake_anything(stranger, link_key):
    """Anyone can open the page with any state: without one of the service, it does and tells nothing.

    The address on the setup page has such a state, and grants what an incomplete consent lacks.
    """
    await stranger.control("POST", "/consents", {"tenant": FABRIKAM, "roles": []})
    onboarding, error = await waiting(stranger)
    assert "consent-incomplete" in {finding["code"] for finding in error["findings"]}
    setup = await stranger.get(f"/api/tenants/{FABRIKAM}/setup")
    assert setup["adminConsentUrl"] == page_in(error)
    (state,) = parse_qs(urlsplit(page_in(error)).query)["state"]
    assert jwt.decode(state, options={"verify_signature": False})["tenant"] == FABRIKAM
    landing = f"{stranger.stack.api}/api/consented?admin_consent=True&tenant={FABRIKAM}"
    wrong = dict(forged(state, link_key, {"tenant": stranger.info["tenant"]}))
    claims = jwt.decode(state, options={"verify_signature": False})
    elsewhere = {**claims, "tenant": stranger.info["tenant"]}
    wrong["of another tenant"] = jwt.encode(elsewhere, link_key, algorithm="HS256")
    assert len(wrong) > 20
    for why, text in wrong.items():
        answer = await stranger.http.get(landing, params={"state": text})
        assert answer.status_code == 200, why
        assert CHECKS not in answer.text, why
        assert len(text) < SHORT or text not in answer.text, why
    for denied in ({"admin_consent": "False"}, {"admin_consent": None}, {"error": "consent_required"}):
        answer = await stranger.http.get(changed(f"{landing}&state={state}", **denied))
        assert CHECKS not in answer.text
        assert "Consent was not granted" in answer.text
    assert await resumed(stranger, onboarding) == []
    await opened(stranger, await accepted(stranger, setup["adminConsentUrl"]), onboarding)
    await cancelled(stranger, onboarding)
