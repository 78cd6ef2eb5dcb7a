"""How runs, events and connections look to callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from onboarding.api.moments import iso as _iso
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.cadence import ExpirationState, ExpiryWarning
from onboarding.connections.records import AppRecord, Connection, SecretRecord
from onboarding.drift.inspection import Inspected, Inspection, Subject
from onboarding.errors import Severity
from onboarding.lifecycle.plans import ONBOARD, OPERATIONS, PLANS
from onboarding.storage.queues import Waiting
from onboarding.workflow.poison_messages import PoisonMessage
from onboarding.workflow.run import Event, Head, Run, RunStatus, StepState, StepStatus

if TYPE_CHECKING:
    from onboarding.lifecycle.rehearsal import Rehearsal

_RESULTS: Final[Mapping[bool | None, str]] = {False: "Fail", None: "Unknown", True: "Pass"}
"""How the result of a rule is called, the gravest first."""


def accepted(head: Head) -> dict[str, Any]:
    """An onboarding as it was accepted; the same whenever the same request is repeated."""
    return {"id": head.id, "status": "NotStarted", **_head(head)}


def summary(run: Run) -> dict[str, Any]:
    """An onboarding in a list."""
    return {
        "id": run.head.id,
        "status": str(run.status(PLANS[run.head.plan])),
        **_head(run.head),
        **_end(run),
    }


def onboarding(run: Run, events_url: str) -> dict[str, Any]:
    """An onboarding with its steps, in the order of the plan."""
    return {
        **summary(run),
        "steps": _steps(run),
        "findings": _findings(run),
        "request": run.head.request,
        "eventsUrl": events_url,
    }


def operation(run: Run, events_url: str) -> dict[str, Any]:
    """A renewal or a removal with its steps."""
    return {**operation_summary(run), "steps": _steps(run), "eventsUrl": events_url}


def operation_summary(run: Run) -> dict[str, Any]:
    """A renewal or a removal in a list."""
    return {
        "id": run.head.id,
        "kind": run.head.plan,
        "status": str(run.status(OPERATIONS[run.head.plan])),
        **_head(run.head),
        "connectionId": run.head.request.get("connection") or run.results.get("halt", {}).get("connection"),
        "onboardingId": run.head.request.get("onboarding"),
        "error": _error(run),
    }


def rehearsal(wanted: OnboardingRequest, found: Rehearsal) -> dict[str, Any]:
    """What an onboarding would do; nothing was written."""
    steps = ONBOARD[wanted.deployment_model].steps.values()
    return {
        "wouldFail": any(finding.severity is Severity.ERROR for finding in found.findings),
        "findings": [finding.as_json() for finding in found.findings],
        "steps": [{"name": each.name, "title": each.title, "after": list(each.after)} for each in steps],
        "calls": list(found.calls),
        "request": wanted.model_dump(mode="json", by_alias=True),
    }


def event(record: Event) -> dict[str, Any]:
    """A line of the audit trail."""
    document: dict[str, Any] = {
        "at": _iso(record.at),
        "kind": record.kind,
        "actor": record.actor,
        "step": record.step or None,
        "attempt": record.attempt or None,
        "detail": record.detail or None,
        "error": record.error,
        "calls": list(record.calls),
    }
    return {name: value for name, value in document.items() if value is not None}


def connection(record: Connection, upcoming: Mapping[str, ExpiryWarning | None]) -> dict[str, Any]:
    """A service connection with the next warning of each expiration. It never holds the secret."""
    following = [(name, warning) for name, warning in upcoming.items() if warning]
    soonest = min(following, key=lambda each: each[1].due_at, default=None)
    return {
        "id": record.id,
        "name": record.name,
        "description": record.description,
        "tenantId": record.tenant,
        "tenantName": record.tenant_name,
        "azureEnvironment": record.environment,
        "subscriptionId": record.subscription,
        "profile": record.profile,
        "appIdUri": record.app_id_uri,
        "serverApp": _app(record.server_app),
        "clientApp": _app(record.client_app),
        "state": str(record.state),
        "secret": _secret(record.secret),
        "pendingSecret": _secret(record.pending) if record.pending else None,
        "renewalId": record.renewal or None,
        "renewBy": _iso(record.renew_by),
        "expirations": {name: _expiration(record, name, warning) for name, warning in upcoming.items()},
        "nextWarning": {"expiration": soonest[0], **_warning(soonest[1])} if soonest else None,
        "directory": _directory(record),
        "request": record.request,
        "onboardingId": record.onboarding,
        "createdAt": _iso(record.created_at),
    }


def _directory(record: Connection) -> dict[str, Any] | None:
    """What the last look at the directory has found."""
    if record.inspected_at is None:
        return None
    findings = [
        {
            "code": each.code,
            "app": each.app or None,
            "since": _iso(each.since),
            "detail": each.detail,
            "impact": each.impact,
            "remedy": each.remedy,
        }
        for each in sorted(record.differences.values(), key=lambda each: each.since)
    ]
    return {"inspectedAt": _iso(record.inspected_at), "findings": findings}


def conformance(found: Inspection, subject: Subject, connection: str | None, now: datetime) -> dict[str, Any]:
    """What the directory says of two applications, rule by rule."""
    return {
        "conformant": found.conformant,
        "checkedAt": _iso(now),
        "profile": subject.profile.name,
        "connectionId": connection,
        "serverApp": _inspected(found.server),
        "clientApp": _inspected(found.client),
    }


def _inspected(app: Inspected) -> dict[str, Any]:
    """An application with its rules: what is broken comes first."""
    rules = [
        {
            "name": rule.name,
            "result": _RESULTS[rule.passed],
            "expected": rule.expected,
            "impact": rule.impact,
            "remedy": rule.remedy,
        }
        for rule in sorted(app.rules, key=lambda rule: list(_RESULTS).index(rule.passed))
    ]
    return {"clientId": app.app_id, "name": app.name or None, "rules": rules}


def poison_message(message: PoisonMessage, run: RunStatus | None) -> dict[str, Any]:
    """A message that was given up, and where the run is now that it was for."""
    return {
        "id": message.id,
        "queue": message.queue,
        "reason": str(message.reason),
        "detail": message.detail,
        "runId": message.run or None,
        "runStatus": str(run) if run else None,
        "givenUpAt": _iso(message.at),
        "body": message.body.decode(errors="replace"),
    }


def waiting(message: Waiting) -> dict[str, Any]:
    """A message on a queue."""
    return {
        "insertedAt": _iso(message.inserted_at),
        "deliveries": message.deliveries,
        "body": message.body.decode(errors="replace"),
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "name": head.name,
        "tenantId": head.tenant,
        "createdAt": _iso(head.created_at),
        "requestedBy": {"id": head.requester, "name": head.requester_name},
    }


def _end(run: Run) -> dict[str, Any]:
    return {"connectionId": run.results.get("connection", {}).get("id"), "error": _error(run)}


def _error(run: Run) -> Mapping[str, Any] | None:
    failed = next((step for step in run.steps.values() if step.status is StepStatus.FAILED), None)
    return {**(failed.error or {}), "step": failed.name} if failed else None


def _findings(run: Run) -> Sequence[Mapping[str, Any]]:
    """What the preflight found, whether it let the onboarding pass or not."""
    preflight = run.steps["preflight"]
    found: Sequence[Mapping[str, Any]] = (
        preflight.result.get("findings") or (preflight.error or {}).get("findings") or ()
    )
    return found


def _steps(run: Run) -> list[dict[str, Any]]:
    """A run's steps in the order of its plan."""
    plan = {**PLANS, **OPERATIONS}[run.head.plan]
    return [_step(run.steps[name], step.title) for name, step in plan.steps.items() if name in run.steps]


def _step(step: StepState, title: str) -> dict[str, Any]:
    waiting = step.status is StepStatus.WAITING
    finished = step.status in {StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED}
    return {
        "name": step.name,
        "title": title,
        "status": str(step.status),
        "attempts": step.attempt,
        "startedAt": _iso(step.started_at),
        "finishedAt": _iso(step.changed_at) if finished else None,
        "nextAttemptAt": _iso(step.due_at) if waiting else None,
        "waitingFor": (step.waiting_for or None) if waiting else None,
        "actionUrls": list(step.actions) if waiting else [],
        "error": step.error,
    }


def _secret(record: SecretRecord) -> dict[str, Any]:
    return {"keyId": record.key_id, "vaultSecretId": record.vault_id, "endsAt": _iso(record.ends_at)}


def _app(record: AppRecord) -> dict[str, str]:
    return {
        "name": record.name,
        "clientId": record.app_id,
        "objectId": record.object_id,
        "servicePrincipalId": record.service_principal_id,
    }


def expiration(
    record: Connection, kind: str, upcoming: ExpiryWarning | None, state: ExpirationState, now: datetime
) -> dict[str, Any]:
    """An expiration of a connection in the list of what is expiring."""
    return {
        "connectionId": record.id,
        "connectionName": record.name,
        "tenantId": record.tenant,
        "tenantName": record.tenant_name,
        "serverApp": {"name": record.server_app.name, "clientId": record.server_app.app_id},
        "kind": kind,
        "state": str(state),
        "daysLeft": (record.expirations[kind] - now).days,
        "renewBy": _iso(record.renew_by),
        **_expiration(record, kind, upcoming),
        "owners": list(record.request.get("owners", ())),
    }


def _expiration(record: Connection, name: str, upcoming: ExpiryWarning | None) -> dict[str, Any]:
    """An expiration: when it ends, what comes next, and what people have said to that end."""
    acknowledgement, snooze = record.acknowledgement(name), record.snooze(name)
    return {
        "endsAt": _iso(record.expirations[name]),
        "nextWarning": _warning(upcoming) if upcoming else None,
        "acknowledged": (
            {"by": acknowledgement.by, "at": _iso(acknowledgement.at)} if acknowledgement else None
        ),
        "snoozedUntil": _iso(snooze.until) if snooze else None,
    }


def _warning(warning: ExpiryWarning) -> dict[str, Any]:
    return {"daysBeforeEnd": warning.days, "dueAt": _iso(warning.due_at)}
