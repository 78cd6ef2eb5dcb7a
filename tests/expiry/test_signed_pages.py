"""Pages for people without a sign-in: the administrator who consents, and the end at the site."""

from __future__ import annotations

import html
import re
import secrets
from datetime import timedelta

import pytest

from infra.azure.permissions import GRAPH_BASE
from tests.expiry.site import data
from tests.support.administrator import Administrator, waiting
from tests.support.portal import problem, until

DAY = timedelta(days=1)
ADDRESS = r"http://[^\s\"'\\]+/api/links\?token=[\w.-]+"


@pytest.fixture(scope="module", autouse=True)
async def _settings(shared_site, people):
    """A deployment that sends reminders, with scripts that confirm."""
    values = {"notice-people": f"json://{people.host}/site", "link-site": secrets.token_urlsafe(32)}
    for name, value in values.items():
        await shared_site.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", {"value": value})
    settings = {
        "NOTICE_CHANNELS": "people",
        "LINK_KEY": "link-site",
        "SCRIPTS_CONFIRM": "on",
        "HANDOVER_REMINDER_DAYS": "3,10",
    }
    async with shared_site.set(settings):
        yield


async def test_a_site_is_awaited_until_somebody_confirms(site, people):
    """A connection that waits for its site is listed, counted and reminded of; a link confirms once."""
    connection = await site.connection()
    path = f"/api/connections/{connection['id']}"
    assert connection["handover"] == {"state": "Waiting", "since": connection["createdAt"]}
    waiting = {"handover": "Waiting", "tenantId": connection["tenantId"]}
    assert connection["id"] in [each["id"] for each in await site.all("/api/connections", **waiting)]
    await site.advance(3 * DAY)
    for _ in range(2):
        await site.sweep()
    assert await events(site, connection) == ["HandoverWaits"]
    (reminder,) = await site.received(connection)
    first = data(reminder)["actions"][0]
    script = await site.call(first["method"], first["url"][first["url"].index("/api/") :])
    assert (first["kind"], script.status_code) == ("GetScript", 200)
    overview = await site.get("/api/overview", caller="operator")
    assert overview["waitingForSite"]["count"] > 0
    (entry,) = [each for each in overview["attention"] if each["code"] == "handover-waits"]
    assert entry["url"].endswith("/api/attention?code=handover-waits")

    (link,) = re.findall(ADDRESS, people.about("/site", connection["name"])[-1].body)
    for _ in range(2):
        opened = await site.http.get(link)
        assert (opened.status_code, "<button>" in opened.text) == (200, True)
    assert (await site.get(path))["handover"]["state"] == "Waiting"
    assert (await site.http.post(link)).status_code == 200
    await refused(site, link)
    await site.settled()
    confirmed = (await site.get(path))["handover"]
    assert (confirmed["state"], confirmed["confirmedVia"]) == ("Confirmed", "Link")
    assert await events(site, connection) == ["HandoverWaits", "HandoverConfirmed"]
    assert (await site.call("POST", f"{path}/confirm")).json()["handover"] == confirmed
    assert connection["id"] not in [each["id"] for each in await site.all("/api/connections", **waiting)]
    trail = await site.all(f"/api/onboardings/{connection['onboardingId']}/events")
    assert [each["actor"] for each in trail if each["kind"] == "handover-confirmed"] == ["signed link"]
    await site.advance(300 * DAY)
    await site.sweep()
    assert "HandoverWaits" not in (await events(site, connection))[2:]


async def test_the_script_of_a_site_confirms_while_it_may(site):
    """The script's address works like the link in a message, until a requester confirms by API."""
    first, second = await site.connection(), await site.connection()
    scripts = [await site.call("GET", f"/api/connections/{each['id']}/handover") for each in (first, second)]
    addresses = [re.findall(ADDRESS, each.text)[0] for each in scripts]
    assert (await site.http.post(addresses[0])).status_code == 200
    assert (await site.get(f"/api/connections/{first['id']}"))["handover"]["confirmedVia"] == "Link"
    again = await site.call("GET", f"/api/connections/{first['id']}/handover")
    assert "/api/links" not in again.text

    path = f"/api/connections/{second['id']}"
    stranger = await site.caller("Onboarding.Request")
    problem(await site.call("POST", f"{path}/confirm", caller=stranger), 404, "not-found")
    headers = {"On-Behalf-Of": "name=Kim&reference=T-1"}
    answer = await site.call("POST", f"{path}/confirm", headers=headers)
    assert answer.json()["handover"]["onBehalfOf"] == {"name": "Kim", "reference": "T-1"}
    await refused(site, addresses[1])


async def events(site, connection) -> list[str]:
    """The kinds of the events about a connection."""
    return [event.get_type().rpartition(".")[2] for event in await site.received(connection)]


async def refused(site, link: str) -> None:
    """Assert that a link does nothing and says so."""
    for method in ("GET", "POST"):
        answer = await site.http.request(method, link)
        assert answer.status_code == 410
        assert "no longer valid" in answer.text


async def consent_page(site, onboarding: str) -> str:
    """The address of the administrator's page, as soon as the onboarding waits for consent."""
    await waiting(site, onboarding)
    first, second = [await site.get(f"/api/onboardings/{onboarding}") for _ in range(2)]
    assert first["consentUrl"] == second["consentUrl"]  # so that an unchanged document stays unchanged
    return str(first["consentUrl"])


async def text_of(site, page: str, method: str = "GET") -> str:
    """The text of a page that opens without a sign-in, runs no script, and sends its form only here."""
    answer = await site.http.request(method, page)
    assert answer.status_code == 200, answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert ("default-src 'none'" in policy, "form-action 'self'" in policy) == (True, True)
    return str(answer.text)


async def test_an_administrator_returns_to_a_page_that_wakes_the_onboarding(site):
    """The page shows what it asks for and where, checks now, and says when the service sees the consent."""
    onboarding = await site.accepted(adminConsent="ByAdministrator", userDiscovery={"enabled": True})
    page, person = await consent_page(site, onboarding), Administrator(site, onboarding)
    links = [await person.link(role) for role in ("client", "server")]
    shown = html.unescape(await text_of(site, page))
    for expected in (
        "Contoso",
        site.info["tenant"],
        "User.Read of Microsoft Graph",
        "Directory.Read.All",
        *links,
    ):
        assert expected in shown
    assert shown.count('target="_blank" rel="noopener noreferrer"') == 2
    assert "AADSTS500113" in shown

    await person.consents_for_client()
    await person.consents_for_server()

    async def seen() -> bool:
        checks = await text_of(site, page, "POST")
        assert ('http-equiv="refresh"' in checks) == ("Consent for" in checks)
        return "Consent was granted for" in checks

    await until(seen, "the page that shows the consent", seconds=20)
    assert (await site.finished(onboarding))["status"] == "Succeeded"
    assert "consentUrl" not in await site.get(f"/api/onboardings/{onboarding}")
    assert "<form" not in await text_of(site, page)
    for wrong in (page[:-1], page.replace("token=", "token=x"), page.partition("?")[0]):
        await refused(site, wrong)


async def test_the_page_of_a_cancelled_onboarding_does_nothing(site):
    """A page is valid only while its onboarding waits."""
    onboarding = await site.accepted(adminConsent="ByAdministrator")
    page = await consent_page(site, onboarding)
    await site.call("POST", f"/api/onboardings/{onboarding}/cancel")
    await site.finished(onboarding)
    await refused(site, page)


async def test_the_page_confirms_what_the_service_cannot_see(site):
    """With the default permissions, the button on the page is the administrator's confirmation."""
    async with site.settings(identityRoles=[role.value for role in GRAPH_BASE]):
        await site.control("DELETE", "/identityTokens")
        onboarding = await site.accepted()
        page = await consent_page(site, onboarding)
        assert "cannot see whether" in await text_of(site, page)
        await text_of(site, page, "POST")
        assert (await site.finished(onboarding))["status"] == "Succeeded"
    await site.control("DELETE", "/identityTokens")
