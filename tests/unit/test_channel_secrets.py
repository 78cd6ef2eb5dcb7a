from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from onboarding.cloud.azure_sdk import Transport
from onboarding.cloud.key_vault import KeyVault
from onboarding.connections.records import SecretRecord
from onboarding.errors import PermanentError, TransientError
from onboarding.notices import handover_notices
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.channels.webhook import Receiver, Webhooks, event
from onboarding.notices.message_text import single
from onboarding.notices.signed_links import NoticeLinks
from onboarding.settings import Settings
from onboarding.workflow.outcomes import Failure
from tests.support.notices import connection, item
from tests.support.receivers import WebServer
from tests.support.vault import Safe


@pytest.fixture
def safe():
    return Safe()


@pytest.fixture
def known(safe):
    return ChannelSecrets(lambda: safe, safe)


async def test_many_messages_read_the_vault_once(safe, known):
    """The service keeps a value for five minutes, and then uses a replaced value."""
    safe.values["notice-a"] = ("one",)
    assert [await known.value("notice-a") for _ in range(100)] == ["one"] * 100
    assert safe.reads == 1
    safe.values["notice-a"] = ("two", "one")
    safe.time += timedelta(minutes=5)
    assert await known.value("notice-a") == "two"
    assert await known.newest("notice-a", 2) == ("two", "one")


async def test_what_is_missing_is_looked_for_again(safe, known):
    """The service finds a secret as soon as an operator adds it to the vault."""
    with pytest.raises(TransientError, match="notice-a") as caught:
        await known.value("notice-a")
    assert caught.value.code == "channel-secret-missing"
    safe.values["notice-a"] = ("one",)
    safe.time += timedelta(seconds=10)
    assert await known.value("notice-a") == "one"


async def test_a_vault_that_refuses_is_not_asked_each_time(safe, known):
    """While the vault has no such secret, a hundred calls at once, and a hundred later ones, read it once."""
    answers = await asyncio.gather(*(known.value("link-a") for _ in range(100)), return_exceptions=True)
    for _ in range(100):
        with pytest.raises(TransientError):
            await known.value("link-a")
    assert {type(answer) for answer in answers} == {TransientError}
    assert safe.reads == 1


async def endless(request: web.Request) -> web.StreamResponse:
    """A response that never ends."""
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b"x" * 65_536)
    return response


async def redirects(_: web.Request) -> web.StreamResponse:
    """A redirect to another path, which keeps the method."""
    raise web.HTTPTemporaryRedirect("/elsewhere")


@contextlib.asynccontextmanager
async def served(handler) -> AsyncIterator[tuple[str, list[str]]]:
    """A server whose path / a test sets; its address, and the paths that were called."""
    called: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        called.append(request.path)
        return await handler(request) if request.path == "/" else web.Response()

    application = web.Application()
    application.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "{}:{}".format(*runner.addresses[0][:2]), called
    await runner.cleanup()


async def test_an_endless_answer_is_not_read(safe, known):
    """The response of a receiver is read up to a limit; its status counts."""
    async with served(endless) as (host, _), asyncio.timeout(10):
        receiver = Receiver(channel="webhook", url=f"http://{host}/", secret="")
        about = item()
        sent = await Webhooks(known, safe).send(receiver, event(about.notice, about.connection))
        assert str(sent) == "delivered (200)"


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
async def test_a_channel_for_people_does_not_read_an_endless_answer_either(safe, known):
    """The response of a chat service is read up to a limit, and its status counts."""
    async with served(endless) as (host, _), asyncio.timeout(10):
        safe.values["notice-a"] = (f"json://{host}/",)
        assert str(await People(known).send("a", "", single(item(), "id"))) == "delivered"


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
@pytest.mark.parametrize("more", ["", "?redirect=yes"])
async def test_a_channel_for_people_follows_no_redirect(safe, known, more):
    """A redirect would send the message, and the credentials of the address, to another server."""
    async with served(redirects) as (host, called):
        safe.values["notice-a"] = (f"json://robot:pass@{host}/{more}",)
        with pytest.raises(TransientError):
            await People(known).send("a", "", single(item(), "id"))
        assert called == ["/"]


@pytest.mark.parametrize("name", ["cmg-5d3f", "import-contoso", "", "NOTICE-x"])
async def test_client_secrets_cannot_be_read(name):
    """The app can read only its own values in the vault; for any other it sends no request."""
    anybody: Any = object()  # never asked for a token
    vault = KeyVault("https://127.0.0.1:1", anybody, Transport(None), local=True)
    with pytest.raises(PermanentError, match="does not read the vault secret"):
        await vault.read(name)


async def test_a_secret_that_cannot_sign_sends_nothing(safe, known):
    """A message is sent signed or not at all, and the operator reads which secret is invalid."""
    safe.values["notice-signing"] = ("whsec_a",)
    receiver = Receiver(channel="webhook", url="http://127.0.0.1:1/", secret="notice-signing")
    about = item()
    with pytest.raises(TransientError, match="notice-signing") as caught:
        await Webhooks(known, safe).send(receiver, event(about.notice, about.connection))
    assert caught.value.code == "webhook-secret-unusable"


@pytest.mark.parametrize("address", ["banana {", "https://secret:port/", "ftp://secret.invalid/"])
async def test_an_address_of_a_webhook_that_is_no_url_is_not_repeated(safe, known, address):
    """If an address in the vault is damaged, the operator reads whose address it is, and no part of it."""
    receiver = Receiver(channel="webhook", url=address, secret="")
    about = item()
    with pytest.raises(TransientError) as caught:
        await Webhooks(known, safe).send(receiver, event(about.notice, about.connection))
    assert caught.value.code == "webhook-address-unusable"
    assert "secret" not in str(Failure.of(caught.value))


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # one of Apprise's plug-ins calls it
async def test_an_address_that_cannot_be_used_is_not_repeated(safe, known):
    """For an address that is invalid or takes no recipient, an operator reads only its name."""
    safe.values |= {"notice-none": ("secret-of-nothing",), "notice-json": ("json://secret@127.0.0.1:1/",)}
    people = People(known)
    for channel, recipient in (("none", ""), ("json", "kim@contoso.com")):
        with pytest.raises(TransientError) as caught:
            await people.send(channel, recipient, single(item(), "id"))
        assert caught.value.code == "channel-unusable"
        kept = str(Failure.of(caught.value))
        assert "secret-of" not in kept
        assert "secret@" not in kept


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
async def test_nothing_is_logged_of_where_a_message_goes(safe, known, caplog):
    """At no log level does the log show where a message was sent or should have been sent."""
    async with WebServer() as server:
        safe.values["notice-a"] = (f"json://robot:pass-of-robot@{server.host}/path-of-robot",)
        with caplog.at_level(logging.DEBUG):
            assert str(await People(known).send("a", "", single(item(), "id"))) == "delivered"
            server.refuses.add("/path-of-robot")
            with pytest.raises(TransientError, match="did not accept"):
                await People(known).send("a", "", single(item(), "id"))
    assert len(server.posts) == 2
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("aiohttp.")]
    assert [line for line in ours if "of-robot" in line or server.host in line] == []


@pytest.mark.parametrize("scripts", ["on", "off"])
@pytest.mark.parametrize(("reserved", "owners"), [("", 1), ("renew", 1), ("confirm", 0)])
async def test_an_owner_gets_no_link_that_only_an_operator_may_follow(safe, known, reserved, owners, scripts):
    """With OPERATORS_ONLY=confirm only operators get the link, and one sent before no longer confirms.

    Neither does a script that was downloaded before SCRIPTS_CONFIRM was turned off.
    """
    safe.values["link-a"] = ("k" * 43,)
    settings = Settings(
        ONBOARDING_STORAGE="x",
        HOME_TENANT_ID="t",
        KEY_VAULT_URL="https://v",
        API_AUDIENCE="a",
        PUBLIC_URL="https://p",
        LINK_KEY="link-a",
        OPERATORS_ONLY=reserved,
        SCRIPTS_CONFIRM=scripts,
    )
    links = NoticeLinks(settings, secrets=known, clock=safe)
    about = connection(secret=SecretRecord(key_id="k", vault_id="v", ends_at=safe.now() + timedelta(days=90)))
    waits = handover_notices.waits(about, safe.now(), 1)
    assert len(await links.of(waits, about, operators=False)) == owners
    (of_operators,) = await links.of(waits, about, operators=True)
    claims = await links.read(of_operators.url.partition("token=")[2]) or {}
    assert [links.may_confirm(reader) for reader in (claims["for"], "script", "owner")] == [
        True,
        scripts == "on",
        bool(owners),
    ]
