"""``/api/capabilities``: what this deployment offers to its caller, so that a form shows only what works."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from onboarding.api import secret_budget
from onboarding.api.documents import Document, ProfileName
from onboarding.api.endpoint import Call, endpoint
from onboarding.api.paging import LARGEST
from onboarding.api.reading import LONGEST, Parameters
from onboarding.api.tenants import ServedTenants
from onboarding.cmg.profiles import PROFILES
from onboarding.cmg.wizard import AdminConsent, AzureEnvironment
from onboarding.errors.reserve import OwnerAction
from onboarding.expiry.user_responses import LONGEST_SNOOZE
from onboarding.settings import Settings
from onboarding.texts.languages import Language


class ServedTenant(Document):
    """A tenant that can be onboarded."""

    id: UUID
    needs_setup: Annotated[
        bool, Field(description="An administrator of the tenant must give the service access: see its setup.")
    ]
    setup_url: str | None


class ConsentWays(Document):
    """The values of ``adminConsent`` that the caller can send."""

    created_apps: tuple[AdminConsent, ...]
    existing_apps: tuple[AdminConsent, ...]


class OfferedProfile(Document):
    """A revision of the manual article, and the versions of Configuration Manager that it fits."""

    name: ProfileName
    first_version: str
    next_version: Annotated[str | None, Field(description="The first version that it no longer fits.")]


class CapabilityLimits(Document):
    """Limits of requests, of lists and of the deployment."""

    body_bytes: int
    page_size: int
    open_onboardings: Annotated[int, Field(description="Of one caller, at the same time.")]
    snooze_days: int
    secrets_a_day: Annotated[int, Field(description="Client secrets that a requester can provide in a day.")]


class Capabilities(Document):
    """What the deployment offers to the caller."""

    roles: tuple[str, ...]
    can: Annotated[
        tuple[OwnerAction, ...], Field(description="What the caller can do to the resources that it can see.")
    ]
    azure_environment: AzureEnvironment
    tenants: tuple[ServedTenant, ...]
    profiles: Annotated[tuple[OfferedProfile, ...], Field(description="The oldest first.")]
    admin_consent: ConsentWays
    channels: Annotated[tuple[str, ...], Field(description="Values of notices.channels.")]
    sends_webhooks: bool
    expiry_thresholds: Annotated[
        tuple[int, ...], Field(description="Days before an expiration on which a warning is sent.")
    ]
    expired_repeat_days: int
    renew_before_days: Annotated[int, Field(description="0: the service renews nothing automatically.")]
    renewal_time_limit_days: int
    scripts_confirm: Annotated[
        bool, Field(description="Whether the script for the site confirms the handover.")
    ]
    handover_reminder_days: Annotated[
        tuple[int, ...], Field(description="Days after which people are reminded to connect the site.")
    ]
    owner_mail: Annotated[bool, Field(description="Owners with an email address get mail.")]
    owner_mail_domains: Annotated[
        tuple[str, ...],
        Field(description="Domains of owners that get mail. Empty: the tenants' verified domains."),
    ]
    calendar_feeds: Annotated[
        bool, Field(description="Calendar subscriptions, links in messages and the page for consent work.")
    ]
    languages: Annotated[tuple[Language, ...], Field(description="Values of Accept-Language.")]
    limits: CapabilityLimits


class CapabilitiesResource:
    """The endpoint."""

    def __init__(self, *, settings: Settings, tenants: ServedTenants) -> None:
        self._settings = settings
        self._tenants = tenants

    @endpoint("GET /capabilities", name="get_capabilities", answers={200: Capabilities})
    async def get(self, call: Call[Parameters, None]) -> Capabilities:
        """Get what this deployment offers: tenants, channels, profiles, limits, and rights of the caller."""
        settings, operates = self._settings, call.caller.operates
        every = tuple(AdminConsent)
        asked = tuple(way for way in every if operates or way is not AdminConsent.BY_SERVICE)
        reserved = () if operates else settings.operators_only
        return Capabilities(
            roles=call.caller.known_roles,
            can=tuple(action for action in OwnerAction if action not in reserved),
            azure_environment=settings.azure_environment,
            tenants=tuple(
                ServedTenant(
                    id=tenant,
                    needs_setup=needs_setup,
                    setup_url=call.url(f"tenants/{tenant}/setup") if needs_setup else None,
                )
                for tenant, needs_setup in self._tenants.all()
            ),
            profiles=tuple(map(OfferedProfile.model_validate, PROFILES.values())),
            admin_consent=ConsentWays(created_apps=every, existing_apps=asked),
            channels=settings.notice_channels,
            sends_webhooks=settings.notice_webhook_url is not None,
            expiry_thresholds=settings.expiry_thresholds,
            expired_repeat_days=settings.expired_repeat_days,
            renew_before_days=settings.renew_before_days,
            renewal_time_limit_days=settings.renewal_time_limit_days,
            scripts_confirm=settings.scripts_confirm == "on",
            handover_reminder_days=settings.handover_reminder_days,
            owner_mail=bool(settings.notice_mail_channel),
            owner_mail_domains=settings.notice_mail_domains,
            calendar_feeds=bool(settings.link_key),
            languages=tuple(Language),
            limits=CapabilityLimits(
                body_bytes=LONGEST,
                page_size=LARGEST,
                open_onboardings=settings.max_open_onboardings,
                snooze_days=LONGEST_SNOOZE // timedelta(days=1),
                secrets_a_day=secret_budget.MOST,
            ),
        )
