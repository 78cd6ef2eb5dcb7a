"""What an onboarding notes before it grants permissions to the applications that it creates.

The grants belong to the service principals, and go with them: a removal deletes the application, which
deletes its service principal, and then purges both. If it cannot, it lists the application, which somebody
could restore with its grants. So the note names the application. Grants to imported applications have notes
of their own (``consent``), because these applications stay.

Source: https://learn.microsoft.com/entra/architecture/recover-from-deletions and
https://learn.microsoft.com/entra/identity/enterprise-apps/restore-application.
"""

from __future__ import annotations

from onboarding.cmg.wizard import AdminConsent, OnboardingRequest
from onboarding.lifecycle.context import unique_name
from onboarding.lifecycle.effects import EffectKind, note
from onboarding.workflow.run import StepState


def notes(request: OnboardingRequest, step: StepState) -> list[str]:
    """The own applications that may get grants, by their unique names."""
    if request.admin_consent is AdminConsent.BY_ADMINISTRATOR:
        return []
    client = request.client_app is not None and request.client_app.existing is None
    server = request.reads_directory and request.server_app.existing is None
    roles = [role for role, granted in (("client", client), ("server", server)) if granted]
    return [note(EffectKind.GRANT, unique_name(step.run, role)) for role in roles]
