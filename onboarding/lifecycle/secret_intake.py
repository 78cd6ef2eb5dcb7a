"""A secret in a request for an onboarding: stored in Key Vault after a check of its application.

Secrets of onboardings that cannot work must not accumulate in the vault. So a secret whose application does
not exist, or belongs to somebody else, is not stored; the onboarding then fails with that reason. If the
directory does not answer in time, the secret is stored: the request must not depend on it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from pydantic import SecretStr

from onboarding.cloud.applications import passwords_of
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.errors import OnboardingError, PermanentError, existing_apps
from onboarding.lifecycle import existing, provided_secrets
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.plans import plan_of
from onboarding.lifecycle.requests import Asker
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.workflow.plan import Context

_PATIENCE: Final = 10
"""Seconds for the directory, while a caller waits."""
_HOPELESS: Final = {existing_apps.APP_NOT_FOUND.code, existing_apps.APP_IN_USE.code}
"""Faults that nobody corrects before the onboarding runs."""


async def keep_secret(
    services: Services, request: OnboardingRequest, onboarding: str, asker: Asker, now: datetime
) -> OnboardingRequest:
    """Stores the secret of a request in Key Vault; returns the request with the secret's name instead."""
    app = request.server_app.existing
    if app is None or app.secret is None:
        return request
    name = provided_secrets.name_of(app.secret, onboarding)
    known = app.model_copy(update={"secret": None, "vault_secret": name})
    server = request.server_app.model_copy(update={"existing": known})
    kept = request.model_copy(update={"server_app": server})
    ends_at = now + provided_secrets.UNKNOWN_END
    context = _context(services, kept, onboarding, asker, now)
    try:
        async with asyncio.timeout(_PATIENCE):
            ends_at = await _end(context, app.secret) or ends_at
    except PermanentError as error:
        if error.code in _HOPELESS:
            return kept
    except (OnboardingError, TimeoutError):
        pass  # the onboarding checks again, and waits for the directory
    tags = {"onboarding": onboarding, "tenantId": request.tenant, "appId": str(app.client_id)}
    await provided_secrets.keep(services, app.secret, onboarding, tags, ends_at=ends_at)
    return kept


def _context(
    services: Services, request: OnboardingRequest, onboarding: str, asker: Asker, now: datetime
) -> OnboardingContext:
    """The step that will use the application, before its onboarding exists."""
    plan = plan_of(request)
    head = plan.head(
        onboarding,
        request,
        author=asker.author,
        created_at=now,
        lists=asker.lists(request.tenant),
        authority=asker.authority,
    )
    run = plan.new(head)
    return Context(services=services, request=request, run=run, step=run.steps[SERVER_APP.name])


async def _end(context: OnboardingContext, secret: SecretStr) -> datetime | None:
    """When a secret of an application expires, if the directory lists one that begins like it."""
    wanted = context.request.server_app.existing
    found = await existing.server_app(context, wanted) if wanted else {}
    return provided_secrets.end_of(passwords_of(found), secret.get_secret_value())
