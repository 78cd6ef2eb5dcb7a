"""The apps for which an onboarding waits until an administrator consents, and what each of them requests."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.cmg.permissions import DIRECTORY_READ_ALL, USER_READ
from onboarding.cmg.profiles import USER_IMPERSONATION, client_permissions
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.consent import CONSENT
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.texts import phrases
from onboarding.texts.phrases import Said
from onboarding.words.word import Word
from onboarding.workflow.run import Run, StepStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentApp:
    """An app without consent, as far as the service can see."""

    name: Word
    app_id: str
    url: str  # Microsoft's page, where an administrator consents
    permissions: tuple[Said, ...]


def awaits(run: Run) -> bool:
    """Whether a run waits for consent, or checks for it now."""
    step = run.steps.get(CONSENT.name)
    return bool(step and step.status in {StepStatus.WAITING, StepStatus.RUNNING} and not run.head.stop_as)


def waiting(run: Run, request: OnboardingRequest) -> tuple[ConsentApp, ...]:
    """The apps for which a run waits; empty if it does not wait for consent, or has not checked yet."""
    if not awaits(run):
        return ()
    known = {}
    if client := CLIENT_APP.found_in(run):
        known[client.app_id] = (client.name, _of_client(run, request))
    if server := SERVER_APP.found_in(run):
        known[server.app_id] = (server.name, (DIRECTORY_READ_ALL.said,))
    return tuple(
        ConsentApp(
            name=known[action.app_id][0],
            app_id=action.app_id,
            url=action.address,
            permissions=known[action.app_id][1],
        )
        for action in run.steps[CONSENT.name].actions
        if action.app_id in known
    )


def _of_client(run: Run, request: OnboardingRequest) -> tuple[Said, ...]:
    found = [USER_READ.said]
    server = SERVER_APP.found_in(run)
    if server and client_permissions(request.profile, user_discovery=request.user_discovery.enabled):
        found.insert(0, phrases.OF_NAMED_APP.of(permission=USER_IMPERSONATION, app=server.name))
    return tuple(found)
