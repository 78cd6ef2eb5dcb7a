"""Why a channel does not accept a message: what the operator reads, with real servers."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from onboarding.errors import OnboardingError, TransientError, cloud
from onboarding.notices.channel_states import ChannelState, ChannelStates
from onboarding.notices.channels.channel_faults import ChannelFault, fault_of
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.channels.webhook import Receiver, Webhooks, event
from onboarding.notices.message_text import single
from onboarding.storage import names
from tests.support.memory import MemoryTables
from tests.support.notices import item
from tests.support.receivers import MailServer, WebServer, tls
from tests.support.vault import Safe

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

PASSWORD = secrets.token_urlsafe(24)
CLOSED = "127.0.0.1:1"


@pytest.fixture
def safe():
    return Safe()


@pytest.fixture
def secrets_of(safe):
    return ChannelSecrets(lambda: safe, safe)


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    return tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
async def post(certified) -> AsyncIterator[MailServer]:
    async with MailServer(tls=certified[0], password=PASSWORD) as server:
        yield server


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[str]:
    """A server that answers each POST request with a status."""

    async def answer(_: web.Request) -> web.Response:
        response = web.Response(status=status, text=PASSWORD)
        response.force_close()
        return response

    application = web.Application()
    application.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "{}:{}".format(*runner.addresses[0][:2])
    await runner.cleanup()


async def refused(people: People, recipient: str = "") -> OnboardingError:
    """Why a channel does not accept a message. The text never contains the credentials."""
    with pytest.raises(TransientError) as caught:
        await people.send("ops", recipient, single(item(), "id"))
    assert PASSWORD not in f"{caught.value.detail} {caught.value.remedy} {caught.value!r}"
    return caught.value


async def test_a_wrong_mail_password_is_called_that(safe, secrets_of, post, certified, monkeypatch):
    """If a mail server refuses the password, the operator reads SMTP 535 and no other error."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    safe.values["notice-ops"] = (
        f"mailtos://robot:wrong@{post.host}/?from=robot@contoso.com&to=ops@contoso.com",
    )
    error = await refused(People(secrets_of))
    assert (fault_of(error), error.code) == (ChannelFault.AUTH_FAILED, "channel-auth-failed")
    assert "SMTP 535" in error.detail
    assert post.mails == []


async def test_a_certificate_that_nobody_trusts_is_called_that(safe, secrets_of, certified):
    """A channel for people and a webhook report the certificate, and send nothing."""
    async with WebServer(tls=certified[0]) as server:
        safe.values["notice-ops"] = (f"jsons://robot:{PASSWORD}@{server.host}/",)
        assert fault_of(await refused(People(secrets_of))) is ChannelFault.TLS
        about = item()
        receiver = Receiver(channel="webhook", url=f"https://{server.host}/{PASSWORD}", secret="")
        with pytest.raises(TransientError) as caught:
            await Webhooks(secrets_of, safe).send(receiver, event(about.notice, about.connection))
        assert fault_of(caught.value) is ChannelFault.TLS
        assert server.posts == []


@pytest.mark.parametrize(
    "address",
    [
        f"mailtos://robot:{PASSWORD}@{CLOSED}/?from=robot@contoso.com&to=ops@contoso.com",
        f"json://robot:{PASSWORD}@{CLOSED}/",
    ],
    ids=["mail", "chat"],  # without the password, which differs in each process
)
async def test_a_server_that_is_not_there_is_unreachable(safe, secrets_of, address):
    """A closed port has one class of error, for mail and for chat."""
    safe.values["notice-ops"] = (address,)
    assert fault_of(await refused(People(secrets_of))) is ChannelFault.UNREACHABLE


STATUSES: Mapping[int, ChannelFault] = {
    401: ChannelFault.AUTH_FAILED,
    403: ChannelFault.AUTH_FAILED,
    404: ChannelFault.REFUSED,
    410: ChannelFault.GONE,
    413: ChannelFault.TOO_LARGE,
    429: ChannelFault.REFUSED,
    500: ChannelFault.REFUSED,
}


@pytest.mark.parametrize("status", STATUSES)
async def test_a_status_has_the_same_class_for_people_and_programs(safe, secrets_of, status):
    """One list classifies the statuses of chat services and webhooks."""
    async with answering(status) as host:
        safe.values["notice-ops"] = (f"json://robot:{PASSWORD}@{host}/",)
        assert fault_of(await refused(People(secrets_of))) is STATUSES[status]
        about = item()
        receiver = Receiver(channel="webhook", url=f"http://{host}/{PASSWORD}", secret="")
        with pytest.raises(TransientError) as caught:
            await Webhooks(secrets_of, safe).send(receiver, event(about.notice, about.connection))
    assert fault_of(caught.value) is STATUSES[status]
    assert PASSWORD not in f"{caught.value.detail} {receiver!r}"


async def test_an_owner_without_a_mailbox_is_no_trouble_of_the_channel(
    safe, secrets_of, post, certified, monkeypatch
):
    """If the mail server refuses one recipient, the channel is not at fault; the others get their mail."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    monkeypatch.setattr(post, "unknown", {"gone@contoso.com"})
    safe.values["notice-ops"] = (f"mailtos://robot:{PASSWORD}@{post.host}/?from=robot@contoso.com",)
    error = await refused(People(secrets_of), "gone@contoso.com")
    assert (fault_of(error), error.code) == (None, "recipient-refused")


async def test_mail_goes_to_exactly_the_address_of_an_owner(safe, secrets_of, post, certified, monkeypatch):
    """No part of an address is mistaken for a name: mail for o'brien is not sent to brien."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certified[1]))
    safe.values["notice-ops"] = (f"mailtos://robot:{PASSWORD}@{post.host}/?from=robot@contoso.com",)
    owners = ["o'brien@contoso.com", "kim+cmg@contoso.com", "k%40x.com=y@contoso.com"]
    before = len(post.mails)
    for owner in owners:
        await People(secrets_of).send("ops", owner, single(item(), "id"))
    assert [mail.recipients for mail in post.mails[before:]] == [(owner,) for owner in owners]


async def test_the_state_of_a_channel_follows_what_it_answers(safe):
    """A state begins with the change; a failure of the vault is the service's own, not the channel's."""
    tables = MemoryTables()
    tables.clock = safe
    tables.create(names.SERVICE)
    states = ChannelStates(tables)

    async def attempt(kind: Any = None, **values: Any) -> None:
        safe.time += timedelta(minutes=1)
        try:
            async with states.watched("ops"):
                if kind:
                    raise kind.error(**values)
        except OnboardingError:
            pass

    assert (await states.get("ops")).state is ChannelState.UNKNOWN
    await attempt()
    begun = safe.time
    await attempt()
    assert ((await states.get("ops")).state, (await states.get("ops")).since) == (ChannelState.WORKING, begun)
    await attempt(cloud.SECRET_NOT_READABLE, name="x", prefixes="y")
    failed = await states.get("ops")
    assert (failed.state, failed.since, failed.fault) == (
        ChannelState.FAILING,
        safe.time,
        ChannelFault.SERVICE_ERROR,
    )
    since = safe.time
    await attempt(cloud.SECRET_NOT_READABLE, name="x", prefixes="y")
    assert (await states.get("ops")).since == since
    await attempt()
    works = await states.get("ops")
    assert (works.state, works.fault, works.error, works.back) == (ChannelState.WORKING, None, None, True)
    assert works.last_failure_at == since + timedelta(minutes=1)
