"""Where events for subscribers may be sent, whatever a name resolves to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from onboarding.errors import TransientError
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.public_network import is_public
from onboarding.notices.channels.webhook import Receiver, Webhooks, event
from tests.support.notices import item
from tests.support.receivers import WebServer


class Nothing:
    """A vault without secrets, and a clock."""

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def now(self) -> datetime:
        return datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",  # noqa: S104 - nothing listens
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
    ],
)
def test_private_and_reserved_addresses_are_not_public(address):
    """No address in the function app's own network can receive a subscriber's events."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["20.50.1.1", "2603:1020::1", "::ffff:20.50.1.1"])
def test_addresses_of_the_internet_are_public(address):
    """A receiver on the internet is allowed."""
    assert is_public(address)


async def test_a_name_that_leads_to_a_private_address_gets_nothing():
    """The address of the connection counts, not the name; not one byte of the event is sent."""
    nothing = Nothing()
    webhooks = Webhooks(ChannelSecrets(lambda: nothing, nothing), nothing)
    about = item()
    async with WebServer() as server:
        url = f"http://localhost:{server.host.rpartition(':')[2]}/hook"
        receiver = Receiver(channel="subscriber-1", url=url, secret="", public=True)
        with pytest.raises(TransientError) as caught:
            await webhooks.send(receiver, event(about.notice, about.connection))
    assert caught.value.code == "receiver-not-public"
    assert server.posts == []
