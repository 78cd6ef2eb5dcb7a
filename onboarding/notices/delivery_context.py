"""What the steps of deliveries and digests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onboarding.clock import Clock
from onboarding.connections.cadence import Cadence
from onboarding.connections.connection_store import ConnectionStore
from onboarding.connections.records import Connection
from onboarding.errors import channels
from onboarding.notices import warning_texts
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains, domain_of
from onboarding.notices.message_items import Item
from onboarding.notices.notice import DeliveryRequest, DigestRequest, Notice
from onboarding.notices.receipts import Receipts
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.notices.subscribers import PREFIX, Subscribers
from onboarding.storage.tables import Tables
from onboarding.workflow.plan import Context
from onboarding.workflow.runtime import Runtime

if TYPE_CHECKING:
    from onboarding.notices.outgoing import Outgoing


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryServices:
    """What all steps share."""

    runs: Runtime
    tables: Tables
    connections: ConnectionStore
    outgoing: Outgoing
    subscribers: Subscribers
    routing: Routing
    links: NoticeLinks
    receipts: Receipts
    mail_domains: MailDomains
    budget: MailBudget
    cadence: Cadence
    clock: Clock
    reserved: Collection[str]  # what only operators may do
    is_present: Callable[[], Awaitable[bool]]  # whether the records are current

    async def connection(self, notice: Notice) -> Connection | None:
        """The connection of a notice, unless the subject of the notice has changed in the meantime."""
        connection = await self.connections.get(notice.connection)
        return connection if connection and notice.is_current(connection) else None

    def is_passed(self, notice: Notice, connection: Connection) -> bool:
        """Whether a more severe warning about the same date is due, which replaces this one."""
        if notice.days is None or notice.ends_at is None:
            return False
        acknowledged = connection.is_acknowledged(notice.expiration)
        now = self.clock.now()
        return self.cadence.is_passed(notice.ends_at, notice.days, now, acknowledged=acknowledged)

    def as_sent(self, notice: Notice, connection: Connection) -> Notice:
        """The notice as it is sent now."""
        sent = warning_texts.refreshed(notice, connection, self.clock.now())
        return sent.assigned(self.reserved)

    async def is_wanted(self, channel: str, notice: Notice, connection: Connection | None) -> bool:
        """Whether a channel still gets a notice, as it is sent now: the filter of a subscriber can change."""
        if not channel.startswith(PREFIX):
            return True
        subscriber = await self.subscribers.of_channel(channel)
        sent = self.as_sent(notice, connection) if connection else notice
        return subscriber is not None and subscriber.wants(sent, connection)

    @asynccontextmanager
    async def mailing(
        self, owner: str, connections: Collection[Connection], mails: int = 1
    ) -> AsyncIterator[None]:
        """Sends mails about connections to an owner; an operators' channel (no owner) has no limits.

        Raises ``TransientError`` unless they may be sent there now.
        """
        if not owner:
            yield
            return
        for tenant in {connection.tenant for connection in connections}:
            if domain_of(owner) not in await self.mail_domains.of(tenant):
                raise channels.MAIL_DOMAIN_NOT_ALLOWED.error()
        async with self.budget.used({connection.requester for connection in connections}, mails):
            yield

    async def item(self, notice: Notice, connection: Connection, target: str) -> Item:
        """The notice as a message to people shows it."""
        sent, owner = self.as_sent(notice, connection), self.routing.address(target)[1]
        operators = self.routing.are_operators(target)
        links = await self.links.of(sent, connection, operators=operators)
        sent = sent.for_owner(self.reserved) if owner else sent
        return Item(notice=sent, connection=connection, links=links)


DeliveryContext = Context[DeliveryServices, DeliveryRequest]
"""An attempt of a step of a delivery."""

DigestContext = Context[DeliveryServices, DigestRequest]
"""An attempt of a step of a digest."""
