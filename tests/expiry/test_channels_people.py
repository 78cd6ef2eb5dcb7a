from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.cmg.wizard import NoticePreferences
from onboarding.storage import names
from onboarding.words.word import read
from tests.expiry.site import data, ends_at
from tests.support import described
from tests.support.connections import connection as connected
from tests.support.portal import pointers, problem, unique, until
from tests.support.receivers import MailServer, WebServer, tls

HOUR = timedelta(hours=1)
SIGNATURE = secrets.token_urlsafe(24)


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """The certificate of the two servers, and the file of the authority that issued it."""
    return tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
async def post(certified):
    """The mail server, which requires TLS and a password."""
    async with MailServer(tls=certified[0], password=secrets.token_urlsafe(24)) as server:
        yield server


@pytest.fixture(scope="module")
async def teams(certified):
    """The server that stands in for Teams."""
    async with WebServer(tls=certified[0]) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
async def _channels(shared_site, certified, post, teams):
    """Channels of a deployment: Teams, mail to a group, mail to owners, and one that does not work."""
    mail = f"mailtos://robot:{post.password}@{post.host}/?from=robot@contoso.com"
    addresses = {
        "notice-ops-teams": f"workflow://{teams.host}/flow/{SIGNATURE}/",
        "notice-ops-mail": f"{mail}&to=ops@contoso.com",
        "notice-owners": mail,
        "notice-chief": f"{mail}&to=chief@contoso.com",
        "notice-broken": f"json://robot:{SIGNATURE}@127.0.0.1:1/",
        "link-key": secrets.token_urlsafe(32),
    }
    for name, address in addresses.items():
        await shared_site.look("keyVault", "PUT", f"/secrets/{name}?api-version=7.5", {"value": address})
    settings = {
        "NOTICE_CHANNELS": "ops-teams, ops-mail, broken, absent",
        "NOTICE_MAIL_CHANNEL": "owners",
        "NOTICE_OPERATOR_CHANNEL": "chief",
        "LINK_KEY": "link-key",
        "REQUESTS_CA_BUNDLE": str(certified[1]),
        "SSL_CERT_FILE": str(certified[1]),
    }
    async with shared_site.set(settings):
        yield


async def test_every_channel_tells_the_same_in_its_own_way(site, post, teams):
    """Owners and a group get mail, Teams a card, the webhook an event; a failing channel blocks no other."""
    owner, other = f"{unique('kim')}@contoso.com", f"{unique('lee')}@contoso.com"
    owners = [{"email": owner}, {"email": other}, {"email": owner.upper()}]
    connection = await site.connection(days=20, owners=owners)
    await site.fire("sweep_expirations")

    async def told() -> bool:
        groups = [
            mail for mail in post.to("ops@contoso.com") if connection["name"] in mail.message["subject"]
        ]
        everywhere = [
            post.to(owner.upper()) or post.to(owner),
            post.to(other),
            groups,
            teams.about("/workflows/flow", connection["name"]),
        ]
        return all(everywhere) and bool(await site.received(connection))

    await until(told, "the notice on each channel")
    (event,) = await site.received(connection)
    (mail,) = post.to(other)
    assert mail.recipients == (other,)
    assert mail.message["to"] == other
    assert mail.message["x-notice-id"] == event.get_id()
    assert mail.message["subject"] == f"{connection['name']}: {data(event)['message']}"
    for kind in ("plain", "html"):
        text = " ".join(mail.part(kind).split())
        assert f"{ends_at(connection):%Y-%m-%d}" in text
        assert connection["serverApp"]["clientId"] in text
        assert connection["tenantName"] in text
        assert "Renew Secret Key" in text
        assert f"Acknowledge: {site.stack.api}/api/links?token=" in text
        assert f"Remind me in 7 days: {site.stack.api}/api/links?token=" in text
    assert len(post.to(owner) + post.to(owner.upper())) == 1
    (card,) = teams.about("/workflows/flow", connection["name"])
    assert json.loads(card.body)["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"


async def test_what_a_channel_needs_to_know_is_seen_by_nobody(site, post):
    """No table, log or error contains a password or the signature of a URL."""
    host_log = "".join(file.read_text() for file in site.stack.folder.glob("host*.log"))
    rows = [str(row) for table in names.TABLES for row in await site.rows(table)]
    for secret in (SIGNATURE, post.password):
        assert secret not in host_log
        assert not [row for row in rows if secret in row]


async def test_a_connection_can_choose_among_the_channels(site, post, teams):
    """A connection that selects channels gets no others; an unknown channel is refused."""
    connection = await site.connection(days=20, notices={"channels": ["ops-teams"]})
    await site.sweep()
    assert teams.about("/workflows/flow", connection["name"])
    about = [mail for mail in post.mails if connection["name"] in mail.message["subject"]]
    assert {mail.recipients for mail in about} == {("chief@contoso.com",)}, "operators cannot be opted out"
    answer = await site.post(notices={"channels": ["ops-teams", "owners"]})
    assert pointers(problem(answer, 422, "invalid-request")) == {"/notices/channels/1"}


async def test_an_owner_elsewhere_gets_nothing_and_operators_see_it(site, fleet, post):
    """An earlier owner at a domain that may not get mail gets none; operators do."""
    now = datetime.now(UTC)
    owner = f"{unique('kim')}@evil.example"
    record = connected(now + timedelta(days=20), owners=[owner], tenant=site.info["tenant"])
    silent = NoticePreferences.model_validate_json('{"channels": []}')
    record = record.evolve(request=record.request.model_copy(update={"notices": silent}))
    await fleet.add(record, now)
    await site.fire("sweep_expirations")
    refused = {f"mail:{owner}": ("Retrying", "mail-domain-not-allowed")}
    await until(lambda: shown(site, {"id": record.id}, **refused), "the delivery in the overview")
    assert post.to(owner) == []
    assert [mail for mail in post.to("chief@contoso.com") if read(record.name) in mail.message["subject"]]


@pytest.mark.soak
async def test_a_channel_that_was_away_gets_what_is_still_true(site, teams, post):
    """A failed channel has a cause, the others are told, and weeks later it gets what it missed."""
    connection = await site.connection(days=80, notices={"channels": ["absent", "broken"]})
    gone = await site.connection(days=80, notices={"channels": ["broken"]})
    await site.fire("sweep_expirations")
    missing, refused = ("Retrying", "channel-secret-missing"), ("Retrying", "channel-unreachable")
    await until(lambda: shown(site, connection, absent=missing, broken=refused), "both in the overview")
    broken = await site.get("/api/channels/broken", caller="operator")
    assert (broken["state"], broken["fault"]) == ("Failing", "unreachable")
    assert broken["waiting"] >= 2
    absent = (await site.call("POST", "/api/channels/absent/test", caller="operator")).json()
    assert (absent["delivered"], absent["channel"]["fault"]) == (False, "not-set-up")
    assert (await site.get("/api/channels/webhook", caller="operator"))["state"] == "Working"
    await site.advance(HOUR / 3)
    await site.fire("sweep_onboardings")
    await until(lambda: told(site, "broken", "ChannelFailing"), "the news on the webhook")
    await until(lambda: mailed(post, "chief@contoso.com", "'broken' has not accepted"), "the news by mail")
    assert not await mailed(post, "ops@contoso.com", "'broken' has not accepted")
    await site.advance(12 * 24 * HOUR)
    await site.fire("sweep_onboardings")
    await site.renew(gone)
    for name in ("absent", "broken"):
        address = {"value": f"jsons://{teams.host}/{name}"}
        await site.look("keyVault", "PUT", f"/secrets/notice-{name}?api-version=7.5", address)
    await site.advance(2 * HOUR)  # the longest pause of a delivery that fails, however often it was tried
    tested = (await site.call("POST", "/api/channels/broken/test", caller="operator")).json()
    assert tested["delivered"], tested
    await site.fire("sweep_onboardings")
    await until(lambda: told(site, "broken", "ChannelWorks"), "the good news")
    await until(lambda: shown(site, connection), "the end of the trouble")
    assert len(teams.about("/broken", connection["name"])) == 1
    assert teams.about("/broken", gone["name"]) == [], "it is no longer true"
    assert (await site.get("/api/channels/broken", caller="operator"))["state"] == "Working"


async def mailed(post, recipient: str, text: str) -> bool:
    """Whether a recipient got a mail with a text in its subject."""
    return any(text in mail.message["subject"] for mail in post.to(recipient))


async def told(site, channel: str, kind: str) -> bool:
    """Whether the webhook got an event about a channel."""
    found = (await site.control("GET", "/inbox/notices")).json()["value"]
    events = [each["body"] for each in found if each["body"]["type"].endswith(f".{kind}")]
    for event in events:
        described.check_event(event)
    return any(event["data"].get("channel") == channel for event in events)


async def shown(site, connection, **expected) -> bool:
    """Whether the overview shows this about a connection's notices, by channel."""
    overview = await site.get("/api/overview", caller="operator")
    found = {
        each["channel"]: (each["state"], each["error"]["code"])
        for each in overview["deliveries"]
        if each["connectionId"] == connection["id"]
    }
    return bool(found == expected)
