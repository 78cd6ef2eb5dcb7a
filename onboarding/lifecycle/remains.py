"""What an onboarding that failed may have left behind."""

from __future__ import annotations

from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.connection import CONNECTION
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.lifecycle.steps.server_secret import SERVER_SECRET
from onboarding.workflow.run import Run


def leaves_something(run: Run) -> bool:
    """Whether an onboarding that is not undone may have created something that still exists.

    For existing applications it creates only grants. Resource providers stay registered in any case.
    """
    request = PLANS[run.head.plan].request_of(run.head)
    creating = [CONSENT.name, CONNECTION.name]
    if request.server_app.existing is None:
        creating += [SERVER_APP.name, SERVER_PRINCIPAL.name, SERVER_SECRET.name]
    if request.client_app and request.client_app.existing is None:
        creating += [CLIENT_APP.name, CLIENT_PRINCIPAL.name]
    return not run.head.undone and any(run.steps[name].attempt > 0 for name in creating if name in run.steps)
