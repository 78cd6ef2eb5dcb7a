"""``/api/subscribers``: operators manage the programs that get events."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from onboarding.api.conditions import Conditional
from onboarding.api.endpoint import CLOUD_REFUSES, OPERATORS, Call, Reply, endpoint
from onboarding.api.problems import ProblemError, invalid
from onboarding.api.reading import Parameters
from onboarding.api.subscriber_documents import (
    Subscriber,
    SubscriberChange,
    SubscriberList,
    SubscriberRequest,
)
from onboarding.clock import Clock
from onboarding.errors import fields, requests
from onboarding.notices import subscribers
from onboarding.notices.channel_states import ChannelStates
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.public_network import is_public
from onboarding.notices.subscribers import Subscribers
from onboarding.texts import reasons

_MOST: Final = 50
"""Each notice is compared with all of them."""

_EXAMPLE: Final = {
    "name": "Ticket system",
    "address": "https://tickets.contoso.com/hooks/cmg",
    "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "kinds": ["SecretNearExpiry", "SecretExpired", "SecretRenewed"],
    "labels": {"team": "workplace"},
}
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_WHAT: Final = reasons.THE_SUBSCRIBER.of()


class SubscribersResource:
    """The endpoints."""

    def __init__(
        self,
        *,
        store: Subscribers,
        secrets: ChannelSecrets,
        states: ChannelStates,
        clock: Clock,
        local: bool,
    ) -> None:
        """``local``: receivers are on this computer, so they need neither encryption nor a public address."""
        self._store = store
        self._secrets = secrets
        self._states = states
        self._clock = clock
        self._local = local

    @endpoint(
        "POST /subscribers",
        name="create_subscriber",
        roles=OPERATORS,
        answers={201: Subscriber},
        headers={201: ("ETag",)},
        problems=(requests.TOO_MANY_SUBSCRIBERS, CLOUD_REFUSES),
        examples={"some events": _EXAMPLE},
    )
    async def create(self, call: Call[Parameters, SubscriberRequest]) -> Reply:
        """Create a subscriber. Its address and its secret go to the vault."""
        wanted, now = call.body, self._clock.now()
        if len(await self._store.all()) >= _MOST:
            raise ProblemError(requests.TOO_MANY_SUBSCRIBERS, most=_MOST)
        made = subscribers.Subscriber(
            id=str(uuid.uuid4()),
            name=wanted.name,
            host=self._host(wanted.address),
            kinds=tuple(map(str, wanted.kinds)),
            tenants=tuple(map(str, wanted.tenants)),
            labels=wanted.labels,
            enabled=wanted.enabled,
            created_at=now,
            changed_at=now,
            created_by=call.caller.name,
        )
        address, key = wanted.address.get_secret_value(), wanted.secret.get_secret_value()
        await self._store.store(made, address=address, key=key)
        return _reply(made, call, HTTPStatus.CREATED)

    @endpoint("GET /subscribers", name="list_subscribers", roles=OPERATORS, answers={200: SubscriberList})
    async def list(self, call: Call[Parameters, None]) -> SubscriberList:
        """List the subscribers."""
        found = sorted(await self._store.all(), key=lambda subscriber: subscriber.created_at)
        return SubscriberList(value=tuple(Subscriber.of(subscriber, call.url) for subscriber in found))

    @endpoint(
        "GET /subscribers/{id}",
        name="get_subscriber",
        roles=OPERATORS,
        answers={200: Subscriber, 304: ()},
        headers={200: ("ETag",)},
        problems=(requests.NOT_FOUND,),
    )
    async def get(self, call: Call[Parameters, None]) -> Reply:
        """Get a subscriber, without its secret and without the path of its address."""
        return _reply(await self._find(call), call)

    @endpoint(
        "PATCH /subscribers/{id}",
        name="change_subscriber",
        roles=OPERATORS,
        answers={200: Subscriber},
        headers={200: ("ETag",)},
        problems=(requests.NOT_FOUND, requests.PRECONDITION_FAILED, CLOUD_REFUSES),
        examples={"another filter": {"kinds": ["SecretExpired"]}, "pause": {"enabled": False}},
    )
    async def change(self, call: Call[Conditional, SubscriberChange]) -> Reply:
        """Change a subscriber. Waiting notices are sent to a new address at once."""
        found, wanted = await self._find(call), call.body
        call.query.need(_etag(found), _WHAT)
        changes: dict[str, Any] = {
            name: getattr(wanted, name)
            for name in ("name", "labels", "enabled")
            if getattr(wanted, name) is not None
        }
        for name in ("kinds", "tenants"):
            if (values := getattr(wanted, name)) is not None:
                changes[name] = tuple(map(str, values))
        address = key = ""
        if wanted.address:
            changes["host"] = self._host(wanted.address)
            address = wanted.address.get_secret_value()
        if wanted.secret:
            key = wanted.secret.get_secret_value()
        changed = replace(found, **changes, version=found.version + 1, changed_at=self._clock.now())
        if not await self._store.store(changed, address=address, key=key):
            raise await self._changed(call)
        for name in (found.address_secret, found.key_secret):
            self._secrets.forget(name)
        if address:
            await self._states.begin_again(found.channel)
        return _reply(changed, call)

    @endpoint(
        "DELETE /subscribers/{id}",
        name="delete_subscriber",
        roles=OPERATORS,
        answers={200: Subscriber},
        problems=(requests.NOT_FOUND, requests.PRECONDITION_FAILED, CLOUD_REFUSES),
    )
    async def delete(self, call: Call[Conditional, None]) -> Subscriber:
        """Delete a subscriber with its secrets, and return it as it was."""
        found = await self._find(call)
        call.query.need(_etag(found), _WHAT)
        if not await self._store.remove(found):
            raise await self._changed(call)
        await self._states.forget(found.channel)
        return Subscriber.of(found, call.url)

    async def _find(self, call: Call[Any, Any]) -> subscribers.Subscriber:
        found = await self._store.get(call.path["id"])
        if found is None:
            raise ProblemError(requests.NOT_FOUND, what=_WHAT)
        return found

    async def _changed(self, call: Call[Any, Any]) -> ProblemError:
        """The problem for a change if another change was made first."""
        now = await self._find(call)
        return ProblemError(requests.PRECONDITION_FAILED, what=_WHAT, etag=_etag(now))

    def _host(self, address: SecretStr) -> str:
        """The host of an address. Raises ``ProblemError`` (422) if no event may go there."""
        url = urlsplit(address.get_secret_value())
        host = url.hostname or ""
        if self._local and host in _LOOPBACK:
            return host
        if url.scheme != "https":
            raise invalid(fields.NOT_A_WEBHOOK_ADDRESS.finding("/address"))
        try:
            public = is_public(str(ipaddress.ip_address(host)))
        except ValueError:  # a name: what it resolves to is checked with each connection
            public = host != "localhost" and not host.endswith(".localhost")
        if not public:
            raise invalid(fields.WEBHOOK_ADDRESS_PRIVATE.finding("/address"))
        return host


def _etag(subscriber: subscribers.Subscriber) -> str:
    return f'"{subscriber.version}"'


def _reply(
    subscriber: subscribers.Subscriber, call: Call[Any, Any], status: HTTPStatus = HTTPStatus.OK
) -> Reply:
    document = Subscriber.of(subscriber, call.url)
    return Reply(content=document, status=status, headers={"ETag": _etag(subscriber)})
