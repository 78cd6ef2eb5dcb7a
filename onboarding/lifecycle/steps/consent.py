"""Admin consent: the permissions of the two apps, for all users of the tenant.

The service grants them to the applications that it created, if its identity may and the request allows it. To
existing applications it grants nothing, unless an operator asked for that (``ByService``): their owners may
know their secrets, and would get permissions in the tenant that only an administrator can give. Otherwise the
step shows links with which an administrator can consent, checks from time to time whether that was done, and
then continues. The identity needs a permission to see delegated permissions that others have granted. Without
it, a person confirms that the administrator has consented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from onboarding.cmg.permissions import DIRECTORY_READ_ALL, MICROSOFT_GRAPH, USER_READ
from onboarding.cmg.profiles import USER_IMPERSONATION, client_permissions
from onboarding.cmg.wizard import AdminConsent, OnboardingRequest
from onboarding.connections.app_users import Grant
from onboarding.errors import (
    Action,
    ActionKind,
    Actor,
    OnboardingError,
    PermanentError,
    cloud,
    login,
    prerequisites,
)
from onboarding.lifecycle import creation, existing, lost_claims, ownership
from onboarding.lifecycle.awaited import WaitingCode
from onboarding.lifecycle.consent_polls import next_poll
from onboarding.lifecycle.context import OnboardingContext, Services
from onboarding.lifecycle.grant_notes import notes
from onboarding.lifecycle.revocation import Revocation
from onboarding.lifecycle.steps.client_app import CLIENT_APP
from onboarding.lifecycle.steps.principal import CLIENT_PRINCIPAL, SERVER_PRINCIPAL
from onboarding.lifecycle.steps.server_app import SERVER_APP
from onboarding.lifecycle.wanted_permissions import WantedPermissions
from onboarding.storage.codec import Codec
from onboarding.texts import phrases
from onboarding.workflow.outcomes import Done, Outcome, Retry, Wait
from onboarding.workflow.plan import Step
from onboarding.workflow.run import StepState

_LONGEST: Final = timedelta(days=30)

_NOT_ALLOWED: Final = {cloud.AUTHORIZATION_REQUEST_DENIED.code, login.CONSENT_INCOMPLETE.code}

CONFIRMED: Final = "confirmed"
"""The signal of a person: an administrator has consented, even if the service cannot see it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentResult:
    """What is granted now, and what this onboarding has added."""

    granted: tuple[str, ...]
    by: str  # service, administrator, or confirmation (of what the service cannot see)
    added: tuple[Grant, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """The grants to imported apps that the service is about to add. None of them was there before.

    The answer to a grant can be lost. Without the note, the grant would seem to be somebody else's, and no
    removal would revoke it.
    """

    grants: tuple[Grant, ...]
    attempt: int  # the attempt that wrote the note: any earlier attempt can have added grants
    last: Grant | None = None  # the one that a failed attempt was about to add

    @classmethod
    def of(cls, step: StepState | None) -> Noted | None:
        """The note of a step, if it has one."""
        return _NOTES.load(step.memo) if step and step.memo else None


async def run(context: OnboardingContext) -> Done[ConsentResult] | Wait:
    """Grants the permissions that the apps need, or waits until an administrator has consented."""
    wanted = await _wanted(context)
    way = context.request.admin_consent
    noted = Noted.of(context.step)
    if (noted or not context.step.waiting_for) and await _may_grant(context):
        if noted is None and _uses_others(context):
            return await _note(context, wanted)
        try:
            added = await _grant(context, wanted, noted)
            return Done(result=ConsentResult(granted=wanted.names, by="service", added=added))
        except PermanentError as error:
            if way is AdminConsent.BY_SERVICE or error.code not in _NOT_ALLOWED:
                raise
    found = await _look(context, wanted)
    missing = [app for app, granted in found.items() if granted is False]
    unseen = [app for app, granted in found.items() if granted is None]
    if not missing and (not unseen or context.step.signal == CONFIRMED):
        by = "confirmation" if unseen else "administrator"
        return Done(result=ConsentResult(granted=wanted.names, by=by))
    environment = context.services.clouds.environment
    return Wait(
        reason=(phrases.WAITS_CONSENT_CONFIRMED if unseen else phrases.WAITS_CONSENT).of(),
        code=WaitingCode.ADMIN_CONSENT if missing else WaitingCode.CONSENT_CONFIRMATION,
        after=_next_poll(context, wanted),
        give_up_after=_LONGEST,
        actions=(
            *(
                _action(environment.admin_consent(context.request.tenant, app), app)
                for app in (*unseen, *missing)
            ),
            *([_confirmation(context.id)] if unseen else []),
        ),
    )


def _action(url: str, app: str) -> Action:
    """The page where an administrator consents to one app."""
    return Action(
        kind=ActionKind.GRANT_CONSENT,
        label="Grant admin consent",
        actor=Actor.TENANT_ADMINISTRATOR,
        url=url,
        app_id=app,
        role="Privileged Role Administrator",
    )


def _confirmation(onboarding: str) -> Action:
    """The call that confirms a consent that the service cannot see."""
    return Action(
        kind=ActionKind.CONFIRM_CONSENT,
        label="Confirm the admin consent",
        actor=Actor.REQUESTER,
        method="POST",
        path=f"/api/onboardings/{onboarding}/confirm",
    )


def _uses_others(context: OnboardingContext) -> bool:
    """Whether the grants stay when the onboarding is removed, unless the removal revokes them."""
    request = context.request
    return any(app and app.existing for app in (request.server_app, request.client_app))


async def _may_grant(context: OnboardingContext) -> bool:
    """Whether the service may use its own permissions for these applications."""
    request = context.request
    way, server = request.admin_consent, request.server_app.existing
    if way is AdminConsent.BY_ADMINISTRATOR:
        return False
    others = bool(ownership.imported(request))
    if server and server.connection_id:
        others |= (await existing.connection(context, server)).imports_server_app
    if not others:
        return True
    if way is AdminConsent.BY_SERVICE and not ownership.operates(context.run.head):
        raise prerequisites.CONSENT_TO_IMPORTS.error()
    return way is AdminConsent.BY_SERVICE


async def _wanted(context: OnboardingContext) -> WantedPermissions:
    request = context.request
    server = context.result(SERVER_PRINCIPAL).object_id
    graph = await context.services.directory(request.tenant).resource(MICROSOFT_GRAPH)
    client = CLIENT_PRINCIPAL.found_in(context.run)
    scopes = [(graph, USER_READ.value)] if client else []
    if client and client_permissions(request.profile, user_discovery=request.user_discovery.enabled):
        scopes.insert(0, (server, USER_IMPERSONATION))
    return WantedPermissions(
        client=client.object_id if client else "",
        server=server,
        graph=graph,
        scopes=tuple(scopes),
        reads_directory=request.reads_directory,
    )


async def _note(context: OnboardingContext, wanted: WantedPermissions) -> Wait:
    """Notes which grants are missing, before any of them is added."""
    grants = creation.directory(context).grants
    scopes = (await grants.granted_scopes(wanted.client) if wanted.client else {}) or {}
    roles = (await grants.granted_roles(wanted.server) if wanted.reads_directory else set()) or set()
    missing = tuple(
        grant
        for grant in wanted.grants
        if grant.scope not in scopes.get(grant.resource, ()) and (grant.resource, grant.role) not in roles
    )
    return Wait(
        reason=phrases.WAITS_GRANTS.of(),
        after=timedelta(0),
        give_up_after=_LONGEST,
        memo=_NOTES.dump(Noted(grants=missing, attempt=context.step.attempt)),
    )


async def _grant(
    context: OnboardingContext, wanted: WantedPermissions, noted: Noted | None
) -> tuple[Grant, ...]:
    """Grants what is missing; returns the new grants."""
    grants, added = creation.directory(context).grants, []
    tried = noted is not None and context.step.attempt > noted.attempt + 1
    # One at a time: the directory refuses concurrent changes of one principal's grants.
    for grant in wanted.grants:
        try:
            if noted:
                await context.need_claim()
                noted = replace(noted, last=grant)
            new = (
                await grants.grant_scope(grant.client, grant.resource, grant.scope)
                if grant.scope
                else await grants.grant_role(grant.client, grant.resource, grant.role)
            )
        except OnboardingError as error:
            error.memo = _NOTES.dump(noted) if noted else ""
            raise
        if new or (tried and noted and grant in noted.grants):
            added.append(grant)
    return tuple(added)


async def _look(context: OnboardingContext, wanted: WantedPermissions) -> dict[str, bool | None]:
    """Whether an administrator has consented, by the client IDs of the apps; None: not visible."""
    grants, found = creation.directory(context).grants, {}
    alone = bool(context.step.signal)
    scopes, roles = await grants.seen(wanted.poll, context.services.clock.now(), alone=alone)
    if wanted.client:
        found[context.result(CLIENT_APP).app_id] = (
            all(scope in scopes.get(resource, ()) for resource, scope in wanted.scopes)
            if scopes is not None
            else None
        )
    if wanted.reads_directory:
        found[context.result(SERVER_APP).app_id] = (
            (wanted.graph, DIRECTORY_READ_ALL.id) in roles if roles is not None else None
        )
    return found


def _next_poll(context: OnboardingContext, wanted: WantedPermissions) -> timedelta:
    """How long until the next check."""
    now, grants = context.services.clock.now(), creation.directory(context).grants
    after = next_poll(
        now,
        context.step.tries,
        tenant=context.request.tenant,
        onboarding=context.id,
        waiting=grants.polls.waiting,
    )
    grants.expect(wanted.poll, now, now + after)
    return after


async def undo(context: OnboardingContext, outcome: Outcome[ConsentResult]) -> None:
    """Revokes the grants to imported applications that were added too late.

    A worker looks before each grant whether it still has its claim, so only its last one can be too late. The
    directory may not show that one yet.
    """
    noted = Noted.of(context.step)
    added = outcome.result.added if isinstance(outcome, Done) else noted.grants if noted else ()
    last: Grant | None = added[-1] if added else None
    if isinstance(outcome, Retry) and outcome.memo:
        last = _NOTES.load(outcome.memo).last
    if not noted or not added or not await lost_claims.nobody_has(context):
        return
    client = CLIENT_APP.found_in(context.run)
    revocation = Revocation(
        services=context.services,
        tenant=context.request.tenant,
        onboarding=context.id,
        server=context.result(SERVER_APP).app_id,
        client=client.app_id if client else "",
    )
    unseen = (await revocation.revoke(added)).unseen
    if last is None or last not in unseen:
        return

    async def take_back() -> bool:
        return not (await revocation.revoke((last,))).unseen

    await lost_claims.need_gone(take_back, "consent of the onboarding", context.id)


_NOTES: Final = Codec(Noted)

CONSENT: Final[Step[Services, OnboardingRequest, ConsentResult]] = Step(
    name="consent",
    title="Grant the permissions of both apps",
    handler=run,
    result=Codec(ConsentResult),
    notes=notes,
    after=(SERVER_PRINCIPAL.name, CLIENT_PRINCIPAL.name),
    undo=undo,
    keeps_memo=True,
)
