"""Undoes an onboarding in reverse order: to cancel one, roll a failed one back, or off-board a connection.

What was made here goes, and goes for good, so that its names can be used again at once. Applications that
were imported or belong to another connection stay, as do resource providers, which others may use. It looks
for what is there instead of trusting what was noted, so it may be interrupted and repeated anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import Connection, ConnectionState, key_of
from onboarding.errors import PermanentError
from onboarding.lifecycle.context import Operation, unique_name
from onboarding.lifecycle.credentials import vault_name
from onboarding.lifecycle.existing import discard
from onboarding.workflow import interventions
from onboarding.workflow.outcomes import Done, Wait
from onboarding.workflow.run import Run, RunStatus, StepState, StepStatus

_LOOKS: Final = (0.2, 0.5, 1, 2, 5)  # seconds between looks
_LONGEST: Final = timedelta(hours=1)
_SETTLED: Final = timedelta(minutes=2)
"""After this long the directory shows what a step that was interrupted may have made."""
_PURGE_LOOKS: Final = 5
"""How often a deleted application is looked for that the directory does not show among the deleted ones."""


async def halt(operation: Operation) -> Done | Wait:
    """Stops the onboarding and any renewal, and waits, without holding a worker, until no step runs."""
    services = operation.services
    onboarding, actor = _onboarding(operation), operation.head.requester_name
    stop_as, run = operation.head.request["stopAs"], await _run(operation)
    if (
        not stop_as
        and run
        and run.status(services.onboardings.plans[run.head.plan]) is not RunStatus.SUCCEEDED
    ):
        stop_as = (
            RunStatus.ROLLED_BACK
        )  # the connection stands, but the step that wrote it has not ended well
    if stop_as:
        run = await interventions.stop(services.onboardings, onboarding, RunStatus(stop_as), actor)
        if run and not interventions.at_rest(run):
            return _wait(operation, "the step that is under way comes to its end")
    connection = await _connection(operation)
    if connection is None:
        return Done(result={"connection": None})
    connection = await services.connections.change(connection.id, _to(ConnectionState.REMOVING)) or connection
    try:  # only now: whoever begins to share it from here on sees that it goes
        await services.connections.need_unshared(connection)
    except PermanentError:
        await services.connections.change(connection.id, _to(ConnectionState.ACTIVE))
        raise
    if connection.renewal:
        run = await interventions.stop(services.operations, connection.renewal, RunStatus.CANCELLED, actor)
        if run and not interventions.at_rest(run):
            return _wait(operation, "the renewal of the secret comes to its end")
        await interventions.finish(services.operations, connection.renewal)
    return Done(result={"connection": connection.id})


async def inventory(operation: Operation) -> Done | Wait:
    """Finds the object ids of what the onboarding has made, before anything is deleted."""
    request, run = _request(operation), await _run(operation)
    found: dict[str, dict[str, str | None]] = {}
    for role, app in (("client", request.client_app), ("server", request.server_app)):
        if app.existing:
            continue
        step = run.steps.get(f"{role}-app") if run else None
        object_id, app_id = _noted(step)
        if not object_id:
            shown = await operation.directory.find_application(unique_name(_onboarding(operation), role))
            if shown:
                object_id, app_id = shown.object_id, shown.app_id
            elif step and _may_still_appear(operation, step):
                return _wait(operation, "the directory shows what an interrupted step may have made")
        if object_id:
            principal = await operation.directory.find_service_principal(app_id)
            found[role] = {"objectId": object_id, "principalId": principal}
    return Done(result=found)


async def revoke(operation: Operation) -> Done:
    """Takes back what the onboarding granted to imported apps; what it made itself goes with its grants."""
    request, run = _request(operation), await _run(operation)
    added = run.results.get("consent", {}).get("added", ()) if run else ()
    if not (request.server_app.existing or request.client_app.existing):
        added = ()
    for grant in added:
        if "scope" in grant:
            await operation.directory.revoke_scope(grant["client"], grant["resource"], grant["scope"])
        else:
            await operation.directory.revoke_role(grant["client"], grant["resource"], grant["role"])
    return Done(result={"revoked": len(added)})


async def delete_application(operation: Operation, role: str) -> Done | Wait:
    """Deletes an application with its service principal and secrets, and then for good."""
    found = operation.results["inventory"].get(role)
    if found is None:
        return Done(result={"removed": False})
    await operation.directory.delete_application(found["objectId"])
    if not await operation.directory.purge(found["objectId"]) and operation.step.tries < _PURGE_LOOKS:
        # Not shown yet, or purged by an attempt whose answer was lost.
        return _wait(operation, "the directory shows the deleted application")
    if found["principalId"]:
        await operation.directory.purge(found["principalId"])
    return Done(result={"removed": True})


async def delete_secret(operation: Operation) -> Done:
    """Deletes what the onboarding and its renewals have put into Key Vault."""
    onboarding = _onboarding(operation)
    existing = _request(operation).server_app.existing
    if existing is None:
        await operation.services.clouds.vault.remove(vault_name(onboarding))
        return Done(result={"removed": True})
    names = {existing.vault_secret} if existing.vault_secret else set()
    if connection := await _connection(operation):
        names |= {each.vault_name for each in (connection.secret, connection.pending) if each}
        if renewal := await operation.services.operations.store.load(connection.renewal):
            names |= {renewal.head.request["vaultSecret"] or ""} - {""}
    removed = [name for name in sorted(names) if await discard(operation.services, name, onboarding)]
    return Done(result={"removed": bool(removed)})


async def forget(operation: Operation) -> Done:
    """Removes the connection, whose warnings are dropped then, and says that what was stopped is undone."""
    connection = await _connection(operation)
    if connection:
        await operation.services.warning_schedule.forget(connection.id)
        await operation.services.connections.remove(connection)
    await interventions.finish(operation.services.onboardings, _onboarding(operation))
    return Done()


async def _connection(operation: Operation) -> Connection | None:
    """The connection of the onboarding, if it came so far; another one of the same name is none of ours."""
    name = _request(operation).name
    found = await operation.services.connections.get(f"{operation.head.tenant}.{key_of(name)}")
    return found if found and found.onboarding == _onboarding(operation) else None


async def _run(operation: Operation) -> Run | None:
    return await operation.services.onboardings.store.load(_onboarding(operation))


def _onboarding(operation: Operation) -> str:
    return str(operation.head.request["onboarding"])


def _request(operation: Operation) -> OnboardingRequest:
    return OnboardingRequest.model_validate_json(json.dumps(operation.head.request["request"]))


def _to(state: ConnectionState) -> Callable[[Connection], Connection | None]:
    """The change to a state; none where a connection is in it already."""
    return lambda found: None if found.state is state else found.evolve(state=state)


def _noted(step: StepState | None) -> tuple[str, str]:
    """Object id and client id of the application that a step has made."""
    done = step is not None and step.status is StepStatus.SUCCEEDED
    return (step.result["objectId"], step.result["appId"]) if step and done else ("", "")


def _may_still_appear(operation: Operation, step: StepState) -> bool:
    """Whether a step was begun so recently that the directory may hide what it has made."""
    since = operation.services.clock.now() - _SETTLED
    return step.attempt > 0 and step.changed_at is not None and step.changed_at > since


def _wait(operation: Operation, reason: str) -> Wait:
    pause = _LOOKS[min(operation.step.tries, len(_LOOKS) - 1)]
    return Wait(reason=reason, after=timedelta(seconds=pause), give_up_after=_LONGEST)
