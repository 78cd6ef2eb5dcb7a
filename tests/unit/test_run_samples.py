"""Every later version can read what an earlier one stored or sent: each kind has samples.

Each file in ``tests/samples/runs`` has the documents of one kind as versions of the app wrote them, the
newest last. Samples are added, and neither changed nor removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from onboarding.behalf import Behalf
from onboarding.calls import Call
from onboarding.cmg.app_fields import SecretValidity
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.app_users import Grant
from onboarding.connections.records import SecretRecord
from onboarding.errors import Action, ActionKind, Actor, Finding
from onboarding.lifecycle import deletion, plans, removal_halt, removal_steps, renewal_check, renewal_steps
from onboarding.lifecycle.left_behind import LeftBehind
from onboarding.lifecycle.requests import Removal, Renewal
from onboarding.lifecycle.steps.client_app import ClientAppResult
from onboarding.lifecycle.steps.connection import ConnectionResult
from onboarding.lifecycle.steps.consent import ConsentResult
from onboarding.lifecycle.steps.preflight import PreflightResult
from onboarding.lifecycle.steps.principal import PrincipalResult
from onboarding.lifecycle.steps.provider import ProviderResult
from onboarding.lifecycle.steps.server_app import ServerAppResult
from onboarding.storage.tables import Row
from onboarding.storage.unreadable_rows import Dismissal
from onboarding.texts.phrases import Said
from onboarding.words.word import Word
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.outcomes import Failure
from onboarding.workflow.plan import Plan
from onboarding.workflow.poison_messages import PoisonMessage, PoisonReason
from onboarding.workflow.run import SERVICE, Event, Head, RunStatus, StepState, StepStatus
from onboarding.workflow.run_index import OPEN
from onboarding.workflow.step_message import MESSAGES, StepMessage

FOLDER: Final = Path(__file__).parents[1] / "samples" / "runs"
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
            code="c", detail="d", remedy="r", pointer="/name", documentation="https://x", args={"a": ["b", 1]}
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
LEFT: Final = LeftBehind(kind="consent", id="a", reason="r", needed_by=("t.n",), of_same=("t.n",))
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
        added=(Grant(client="c", resource="r", scope="User.Read"), Grant(client="c", resource="r", role="x")),
    ),
    "provider-storage": ProviderResult(namespace="Microsoft.Storage", state="Registered"),
    "connection": ConnectionResult(id="t.n"),
    "removal/halt": removal_halt.HaltResult(connection="t.n"),
    "removal/inventory": removal_steps.InventoryResult(
        client=deletion.MadeApplication(object_id="o", principal_id=None), server=None
    ),
    "removal/consent": removal_steps.RevokeResult(revoked=2, left=(LEFT,)),
    "removal/client-app": deletion.RemoveResult(removed=False, left=(LEFT,)),
    "removal/server-app": deletion.RemoveResult(removed=True),
    "removal/server-secret": deletion.RemoveResult(removed=False),
    "renewal/check": renewal_check.CheckResult(object_id="o", findings=FAILURE.findings),
    "renewal/secret": renewal_steps.NewSecret(secret=SECRET, replaces="cmg-1"),
    "renewal/confirmation": renewal_steps.AwaitedConfirmation(by="time limit"),
    "renewal/retirement": renewal_steps.Retirement(removed=True),
}
"""By step; with the plan before it if the plan is not an onboarding's."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of stored or sent documents."""

    record: Any  # as this version writes it
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def row(record: Any) -> Kind:
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

    return Kind(record=record, write=write, read=read)


def request(plan: Plan[Any, Any], record: Any) -> Kind:
    """The request of a run."""
    head = plan.head("r", record, author=SERVICE, created_at=NOW)
    return Kind(
        record=record,
        write=lambda record: plan.head("r", record, author=SERVICE, created_at=NOW).request,
        read=lambda text: plan.request_of(head.evolve(request=text)),
    )


def results() -> dict[str, Kind]:
    """The results of all steps."""
    kinds = {}
    for name, record in RESULTS.items():
        plan, _, step = name.rpartition("/")
        declared = (plans.OPERATIONS[plan] if plan else plans.PLANS["onboard"]).steps[step]
        assert declared.result is not None
        kinds[f"result-{name.replace('/', '-')}"] = Kind(
            record=record, write=declared.dump, read=declared.result.load
        )
    return kinds


KINDS: Final[Mapping[str, Kind]] = {
    "head": row(
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
            on_behalf_of=Behalf(Word("Kim"), Word("INC-1")),
            request='{"v":1}',
        )
    ),
    "step": row(
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
            result='{"v":1}',
        )
    ),
    "event": row(
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
                Call(service="s", method="GET", path="/p", status=429, request_id="r", client_request_id="c"),
            ),
        )
    ),
    "index-entry": row(
        Entry(
            run="r",
            lists={"tenant": TENANT},
            announced_at=NOW,
            cause="forbidden",
            since=NOW,
            dismissed=Dismissal(by="Op", at=NOW, reason="r"),
            partition=OPEN,
        )
    ),
    "poison-message": row(
        PoisonMessage(
            queue="steps",
            body=b"x",
            reason=PoisonReason.UNKNOWN_VERSION,
            detail="d",
            run="r",
            at=NOW,
            since=NOW,
            count=2,
            retried_at=NOW,
        )
    ),
    "step-message": Kind(
        record=StepMessage(run="r", step="consent", attempt=2, key="k", traceparent="t"),
        write=MESSAGES.dump,
        read=MESSAGES.load,
    ),
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


def samples(name: str) -> list[Any]:
    """The documents of a kind, the newest last."""
    found: list[Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_every_sample_is_read(name):
    """A later version reads what any earlier version has stored or sent."""
    kind = KINDS[name]
    for sample in samples(name):
        assert isinstance(kind.read(sample), type(kind.record))


@pytest.mark.parametrize("name", KINDS)
def test_the_newest_sample_is_what_is_written_now(name):
    """A change of a format needs a new sample: append to the file what this version writes."""
    kind = KINDS[name]
    assert samples(name)[-1] == kind.write(kind.record)
    assert kind.read(samples(name)[-1]) == kind.record


def test_each_result_has_a_sample():
    """Each result of a step has a sample."""
    onboard = plans.PLANS["onboard"].steps.values()
    wanted = {step.name for step in onboard if step.result and not step.name.startswith("provider-")}
    wanted |= {"provider-storage"}
    for plan in plans.OPERATIONS.values():
        wanted |= {f"{plan.name}/{step.name}" for step in plan.steps.values() if step.result}
    assert set(RESULTS) == wanted


def test_no_sample_is_left_over():
    """Each file of samples has a kind that reads it."""
    assert {file.stem for file in FOLDER.glob("*.json")} == set(KINDS)
