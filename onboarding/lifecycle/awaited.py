"""What steps wait for: codes for programs, and who must act."""

from __future__ import annotations

from enum import StrEnum

from onboarding.errors import Actor


class WaitingCode(StrEnum):
    """What a step waits for."""

    PROVIDER_REGISTRATION = "provider-registration"
    ADMIN_CONSENT = "admin-consent"
    CONSENT_CONFIRMATION = "consent-confirmation"
    SITE_CONFIRMATION = "site-confirmation"
    STEP_IN_PROGRESS = "step-in-progress"
    DIRECTORY = "directory"

    @property
    def actor(self) -> Actor:
        """Who must act."""
        return _ACTORS.get(self, Actor.NOBODY)


_ACTORS = {
    WaitingCode.ADMIN_CONSENT: Actor.TENANT_ADMINISTRATOR,
    WaitingCode.CONSENT_CONFIRMATION: Actor.REQUESTER,
    WaitingCode.SITE_CONFIRMATION: Actor.SITE_ADMINISTRATOR,
}
