"""A record of each kind that runs store or send, as this version writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from onboarding.behalf import Behalf
from onboarding.calls import CloudCall
from onboarding.cloud.applications import Application
from onboarding.cmg.app_fields import SecretValidity
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.app_users import Grant
from onboarding.connections.records import SecretRecord
from onboarding.drift import inspection_step
from onboarding.errors import Action, ActionKind, Actor, Finding
from onboarding.lifecycle import (
    creation,
    deletion,
    plans,
    removal_halt,
    removal_steps,
    renewal_check,
    renewal_steps,
)
from onboarding.lifecycle.left_behind import LeftBehind
from onboarding.lifecycle.requests import Removal, Renewal
from onboarding.lifecycle.steps import consent
from onboarding.lifecycle.steps.client_app import ClientAppResult
from onboarding.lifecycle.steps.connection import ConnectionResult
from onboarding.lifecycle.steps.consent import ConsentResult
from onboarding.lifecycle.steps.preflight import PreflightResult
from onboarding.lifecycle.steps.principal import PrincipalResult
from onboarding.lifecycle.steps.provider import ProviderResult
from onboarding.lifecycle.steps.server_app import ServerAppResult
from onboarding.notices import deliveries, digests
from onboarding.notices.delivery_results import DeliveryResult, DigestResult
from onboarding.storage.codec import Codec
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Dismissal
from onboarding.texts.phrases import Said
from onboarding.words.word import Word
from onboarding.workflow.index_entry import _ENTRIES, Entry
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.plan import Plan, Step
from onboarding.workflow.poison_messages import _CODEC as POISON
from onboarding.workflow.poison_messages import PoisonMessage, PoisonReason
from onboarding.workflow.run import (
    _EVENTS,
    _HEADS,
    _STEPS,
    SERVICE,
    Event,
    Head,
    RunStatus,
    StepState,
    StepStatus,
)
from onboarding.workflow.run_index import OPEN
from onboarding.workflow.step_message import MESSAGES, StepMessage

NOW: Final = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
TENANT: Final = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
ACTIONS: Final = (Action(kind=ActionKind.OPEN, label="l", actor=Actor.OPERATOR, url="https://x"),)
FAILURE: Final = Failure(
    code="throttled",
    title="Title",
    detail="Detail",
    remedy="Remedy",
    documentation="https://x",
    request_id="r",
    findings=(
        Finding(
            code="c",
            detail="d",
            remedy="r",
            pointer="/name",
            documentation="https://x",
            args={"a": ["b", 1]},
            actions=ACTIONS,
            parameter="p",
        ),
    ),
    args={"a": NOW.isoformat()},
    actions=ACTIONS,
)
REQUEST: Final = OnboardingRequest.model_validate_json(
    json.dumps(
        {
            "name": "Contoso",
            "tenantId": TENANT,
            "subscriptionId": "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46",
            "owners": [{"name": "Kim", "email": "kim@contoso.com"}],
            "labels": {"site": "C01"},
        }
    )
)
SECRET: Final = SecretRecord(key_id="k", vault_id="https://v.vault.azure.net/secrets/cmg-1/2", ends_at=NOW)
GRANTS: Final = (
    Grant(client="c", resource="r", scope="User.Read"),
    Grant(client="c", resource="r", role="x"),
)
LEFT: Final = LeftBehind(
    kind="consent", id="a", reason="r", said=Said(code="c", text="r"), needed_by=("t.n",), of_same=("t.n",)
)
HOW: Final = Said(code="c", text="delivered", args={"a": 1})
MADE: Final = deletion.MadeApplication(object_id="o", principal_id="p")
RESULTS: Final[Mapping[str, Any]] = {
    "preflight": PreflightResult(
        providers={"Microsoft.Storage": "Registered"},
        tenant_name=Word("T"),
        tenant_domain=Word("t.onmicrosoft.com"),
        purge=("p",),
        findings=FAILURE.findings,
    ),
    "server-app": ServerAppResult(
        object_id="o", app_id="a", name=Word("n"), created_at=NOW, app_id_uri="api://x", scope_id="s"
    ),
    "server-principal": PrincipalResult(object_id="o"),
    "server-secret": SECRET,
    "client-app": ClientAppResult(object_id="o", app_id="a", name=Word("n")),
    "client-principal": PrincipalResult(object_id="o"),
    "consent": ConsentResult(
        granted=("User.Read",),
        by="service",
        added=GRANTS,
    ),
    "provider-storage": ProviderResult(namespace="Microsoft.Storage", state="Registered"),
    "connection": ConnectionResult(id="t.n"),
    "removal/halt": removal_halt.HaltResult(connection="t.n"),
    "removal/inventory": removal_steps.InventoryResult(
        client=MADE,
        server=MADE,
        left=(LEFT,),
    ),
    "removal/consent": removal_steps.RevokeResult(revoked=2, left=(LEFT,)),
    "removal/client-app": deletion.RemoveResult(removed=False, kept=("o",), left=(LEFT,)),
    "removal/server-app": deletion.RemoveResult(removed=True, kept=("o",), left=(LEFT,)),
    "removal/server-secret": deletion.RemoveResult(removed=False, kept=("o",), left=(LEFT,)),
    "renewal/check": renewal_check.CheckResult(object_id="o", findings=FAILURE.findings),
    "renewal/secret": renewal_steps.NewSecret(secret=SECRET, replaces="cmg-1"),
    "renewal/confirmation": renewal_steps.AwaitedConfirmation(by="time limit"),
    "renewal/retirement": renewal_steps.Retirement(removed=True),
}
"""By step; with the plan before it if the plan is not an onboarding's."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of stored or sent documents."""

    codec: Codec[Any]
    record: Any  # as this version writes it
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def row(codec: Codec[Any], record: Any) -> Kind:
    """A record that has a row of its own."""

    def write(record: Any) -> dict[str, Any]:
        row = record.to_row()
        columns = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in row.columns.items()
            if value is not None
        }
        return {"partition": row.partition, "key": row.key, "columns": columns}

    def read(document: dict[str, Any]) -> Any:
        columns = dict(document["columns"])
        if "body" in columns:
            columns["body"] = columns["body"].encode()
        return type(record).from_row(
            Row(partition=document["partition"], key=document["key"], columns=columns)
        )

    return Kind(codec=codec, record=record, write=write, read=read)


def request(plan: Plan[Any, Any], record: Any) -> Kind:
    """The request of a run."""
    head = plan.head("r", record, author=SERVICE, created_at=NOW)
    return Kind(
        codec=plan._request,
        record=record,
        write=lambda record: plan.head("r", record, author=SERVICE, created_at=NOW).request,
        read=lambda text: plan.request_of(head.evolve(request=text)),
    )


def text(codec: Codec[Any], record: Any) -> Kind:
    """A record that is the text of a message or a column."""
    return Kind(codec=codec, record=record, write=codec.dump, read=codec.load)


def of_step(step: Step[Any, Any, Any], record: Any) -> Kind:
    """The result of a step."""
    assert step.result is not None
    return text(step.result, record)


def results() -> dict[str, Kind]:
    """The results of all steps."""
    kinds = {}
    for name, record in RESULTS.items():
        plan, _, step = name.rpartition("/")
        declared = (plans.OPERATIONS[plan] if plan else plans.PLANS["onboard"]).steps[step]
        kinds[f"result-{name.replace('/', '-')}"] = of_step(declared, record)
    return kinds


KINDS: Final[Mapping[str, Kind]] = {
    "head": row(
        _HEADS,
        Head(
            id="r",
            plan="onboard",
            actor="a",
            created_at=NOW,
            retried_at=NOW,
            lists={"requester": "o", "tenant": TENANT},
            fingerprint="f",
            traceparent="t",
            authority="requester",
            stop_as=RunStatus.CANCELLED,
            undone=True,
            undone_at=NOW,
            on_behalf_of=Behalf(Word("Kim"), Word("INC-1")),
            request='{"v":1}',
        ),
    ),
    "step": row(
        _STEPS,
        StepState(
            run="r",
            name="consent",
            status=StepStatus.WAITING,
            attempt=2,
            key="k",
            delivery="d",
            changed_at=NOW,
            started_at=NOW,
            due_at=NOW,
            tries=1,
            since=NOW,
            waiting_for="w",
            waiting_said=Said(code="c", text="w", args={"a": "b"}),
            actions=ACTIONS,
            error=FAILURE,
            signal="confirmed",
            memo="m",
            noted=("n",),
            result='{"v":1}',
        ),
    ),
    "event": row(
        _EVENTS,
        Event(
            run="r",
            at=NOW,
            kind="retrying",
            step="consent",
            attempt=2,
            actor="service",
            on_behalf_of=Behalf(Word("Kim"), Word("INC-1")),
            detail="d",
            error=FAILURE,
            calls=(
                CloudCall(
                    service="s", method="GET", path="/p", status=429, request_id="r", client_request_id="c"
                ),
            ),
        ),
    ),
    "index-entry": row(
        _ENTRIES,
        Entry(
            run="r",
            lists={"tenant": TENANT},
            announced_at=NOW,
            cause="forbidden",
            since=NOW,
            dismissed=Dismissal(by="Op", at=NOW, reason="r"),
            partition=OPEN,
        ),
    ),
    "poison-message": row(
        POISON,
        PoisonMessage(
            queue="steps",
            body=b"x",
            reason=PoisonReason.UNKNOWN_VERSION,
            detail="d",
            args={"a": "b"},
            run="r",
            at=NOW,
            since=NOW,
            count=2,
            retried_at=NOW,
        ),
    ),
    "step-message": text(MESSAGES, StepMessage(run="r", step="consent", attempt=2, key="k", traceparent="t")),
    "memo-application": text(creation._MEMO, Application(object_id="o", app_id="a", created_at=NOW)),
    "memo-consent": text(consent._NOTES, consent.Noted(grants=GRANTS, attempt=2, last=GRANTS[0])),
    "memo-deletion": text(
        deletion._DELETIONS,
        deletion.Deletion(deleted=True, requested=("o",), purged=("p",), since=NOW),
    ),
    "memo-revocation": text(removal_steps._REVOKED, removal_steps.EarlierGrants(grants=GRANTS)),
    "result-delivery": of_step(deliveries.DELIVER, DeliveryResult.of(HOW)),
    "result-digest": of_step(digests.SEND, DigestResult.of(HOW, notices=2)),
    "result-inspection": of_step(inspection_step.INSPECT, inspection_step.InspectionResult(inspected=2)),
    "request-onboard": request(plans.PLANS["onboard"], REQUEST),
    "request-removal": request(
        removal_steps.REMOVE,
        Removal(onboarding="r", request=REQUEST, stop_as=RunStatus.ROLLED_BACK, connection="t.n"),
    ),
    "request-renewal": request(
        renewal_steps.RENEW,
        Renewal(
            connection="t.n",
            tenant=TENANT,
            name=Word("n"),
            secret_validity=SecretValidity.ONE_YEAR,
            secret_end_date=NOW,
            vault_secret="import-x",
            time_limit_days=30,
            onboarding="o",
            secret="k",
            labels={"ticket": Word("T-1")},
        ),
    ),
    **results(),
}
