"""The parts that notify people and programs: notices, channels, subscribers, links."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from onboarding.clock import Clock
from onboarding.cloud.clouds import Clouds
from onboarding.notices.announcing import Notices
from onboarding.notices.channel_names import ChannelNames
from onboarding.notices.channel_states import ChannelStates
from onboarding.notices.channel_watch import ChannelWatch
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.consent_states import ConsentStates
from onboarding.notices.delivery_context import DeliveryServices
from onboarding.notices.delivery_log import DeliveryLog
from onboarding.notices.mail_budget import MailBudget
from onboarding.notices.mail_domains import MailDomains
from onboarding.notices.open_matters import OpenMatters
from onboarding.notices.receipts import Receipts
from onboarding.notices.routing import Routing
from onboarding.notices.signed_links import NoticeLinks
from onboarding.notices.subscribers import Subscribers
from onboarding.parts.stores import Stores
from onboarding.settings import Settings
from onboarding.workflow.runtime import Runtime

if TYPE_CHECKING:
    from onboarding.notices.outgoing import Outgoing


class Messaging:
    """What announces notices and delivers them."""

    def __init__(
        self,
        *,
        settings: Settings,
        clock: Clock,
        stores: Stores,
        clouds: Callable[[], Clouds],
        runs: Callable[[], Runtime],
        is_present: Callable[[], Awaitable[bool]],
    ) -> None:
        """``runs`` are the deliveries; ``is_present``: whether the records are current."""
        self._settings = settings
        self._clock = clock
        self._stores = stores
        self._clouds = clouds
        self._runs = runs
        self._is_present = is_present

    @functools.cached_property
    def notices(self) -> Notices:
        """Where notices are announced."""
        return Notices(
            runs=self._runs(),
            clock=self._clock,
            routing=self.routing,
            subscribers=self.subscribers,
            matters=self.open_matters,
        )

    @functools.cached_property
    def open_matters(self) -> OpenMatters:
        """What somebody is asked to act on."""
        return OpenMatters(self._stores.tables)

    @functools.cached_property
    def mail_domains(self) -> MailDomains:
        """To which domains mail to owners may go."""
        settings = self._settings
        return MailDomains(
            allowed=settings.notice_mail_domains,
            home=settings.home_tenant_id,
            verified=lambda tenant: self._clouds().directory(tenant).verified_domains(),
            tables=self._stores.tables,
            clock=self._clock,
        )

    @functools.cached_property
    def receipts(self) -> Receipts:
        """Which notices a channel has accepted."""
        return Receipts(self._stores.tables, self._clock)

    @functools.cached_property
    def channel_secrets(self) -> ChannelSecrets:
        """The addresses and keys of the channels."""
        return ChannelSecrets(lambda: self._clouds().vault, self._clock)

    @functools.cached_property
    def links(self) -> NoticeLinks:
        """The links in messages."""
        return NoticeLinks(self._settings, secrets=self.channel_secrets, clock=self._clock)

    @functools.cached_property
    def consent_states(self) -> ConsentStates:
        """The states of the pages for the consent to the service."""
        return ConsentStates(secrets=self.channel_secrets, key=self._settings.link_key, clock=self._clock)

    @functools.cached_property
    def routing(self) -> Routing:
        """Who gets a notice."""
        return Routing.of(self._settings)

    @functools.cached_property
    def subscribers(self) -> Subscribers:
        """The webhook subscribers."""
        return Subscribers(self._stores.tables, lambda: self._clouds().vault)

    @functools.cached_property
    def delivery_log(self) -> DeliveryLog:
        """The deliveries of each channel."""
        return DeliveryLog(self._stores.tables, self._runs())

    @functools.cached_property
    def channel_states(self) -> ChannelStates:
        """Whether each channel works."""
        return ChannelStates(self._stores.tables)

    @functools.cached_property
    def channel_names(self) -> ChannelNames:
        """All channels."""
        return ChannelNames(self.routing, self.subscribers)

    @functools.cached_property
    def channel_watch(self) -> ChannelWatch:
        """What follows from the states of channels."""
        return ChannelWatch(
            states=self.channel_states,
            notices=self.notices,
            runs=self._runs(),
            routing=self.routing,
            names=self.channel_names.all,
        )

    @functools.cached_property
    def outgoing(self) -> Outgoing:
        """What sends to channels."""
        from onboarding.notices.channels.webhook import Webhooks  # noqa: PLC0415 - no SDK for calls
        from onboarding.notices.outgoing import Outgoing  # noqa: PLC0415
        from onboarding.notices.receivers import Receivers  # noqa: PLC0415

        url, secrets = self._settings.notice_webhook_url, self.channel_secrets
        receivers = Receivers(
            url=str(url or ""),
            secret=self._settings.notice_webhook_secret,
            subscribers=self.subscribers,
            secrets=secrets,
            local=self._settings.local_cloud_endpoints is not None,
        )
        return Outgoing(
            programs=Webhooks(secrets, self._clock),
            people=People(secrets),
            find=receivers.find,
            states=self.channel_states,
            origin=self._settings.public_url.rstrip("/"),
        )

    @functools.cached_property
    def delivery_services(self) -> DeliveryServices:
        """What the steps of deliveries share."""
        return DeliveryServices(
            runs=self._runs(),
            tables=self._stores.tables,
            connections=self._stores.connection_store,
            outgoing=self.outgoing,
            subscribers=self.subscribers,
            routing=self.routing,
            links=self.links,
            receipts=self.receipts,
            mail_domains=self.mail_domains,
            budget=MailBudget(self._stores.tables, self._clock, self._settings.notice_mails_per_day),
            cadence=self._stores.cadence,
            clock=self._clock,
            reserved=self._settings.operators_only,
            is_present=self._is_present,
        )
