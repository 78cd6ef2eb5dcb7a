"""The questions to Microsoft's services are answered and recorded without IDs, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra.azure.permissions import GRAPH_BASE, GRAPH_CONSENT
from tests.azure.conftest import Cloud
from tests.azure.templates import ROOT

BASE = [role.value for role in GRAPH_BASE]
CONSENT = [role.value for role in GRAPH_CONSENT]
GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


class Prove:
    """Runs the script as the deployment's identity."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.file = folder / "report.json"
        self._facts = cloud.facts

    def permit(self, roles: list[str]) -> None:
        """Give the identity exactly these permissions of Graph, as they would be a day later."""
        self.cloud.control("PUT", "/settings", {"identityRoles": roles})
        self.cloud.control("DELETE", "/identityTokens", {})

    def start(self, *more: str, tenant: str = "") -> subprocess.Popen[str]:
        """Start the script; it waits at most one second for an effect."""
        facts = self._facts
        arguments = [
            *("--tenant", tenant or facts["tenant"], "--identity", facts["identity"]["clientId"]),
            *("--login", facts["login"], "--graph", facts["graph"]),
            *("--resource-manager", facts["resourceManager"], "--certificate", facts["certificate"]),
            *("--patience", "1", "--report", str(self.file), *more),
        ]
        identity = {
            "IDENTITY_ENDPOINT": facts["managedIdentity"],
            "IDENTITY_HEADER": facts["identityHeader"],
        }
        return subprocess.Popen(  # noqa: S603 a script of ours
            [sys.executable, "-m", "infra.azure.prove", *arguments],
            cwd=ROOT,
            env={**os.environ, **identity},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *more: str, tenant: str = "") -> tuple[int, dict[str, Any], str]:
        """The exit code, the report, and all output."""
        process = self.start(*more, tenant=tenant)
        out, err = process.communicate(timeout=60)
        return process.returncode, json.loads(self.file.read_text()), out + err

    @property
    def resources(self) -> tuple[str, ...]:
        """The arguments for subscription and vault."""
        return "--subscription", self._facts["subscription"], "--vault", self._facts["keyVault"]

    def remove(self, application: str) -> None:
        """Remove an application permanently, as the administrator."""
        self.cloud.graph(f"/applications/{application}", "DELETE")
        self.cloud.graph(f"/directory/deletedItems/{application}", "DELETE")

    def objects(self) -> list[str]:
        """Names of the script's objects in the directory, including deleted ones."""
        filtered = "?$filter=startswith(displayName,'cmg-prove-')"
        found: list[str] = []
        for path in (
            f"/applications{filtered}",
            f"/servicePrincipals{filtered}",
            f"/directory/deletedItems/microsoft.graph.application{filtered}",
            f"/directory/deletedItems/microsoft.graph.servicePrincipal{filtered}",
        ):
            found += [each["displayName"] for each in self.cloud.graph(path)["value"]]
        return found


@pytest.fixture
def prove(cloud: Cloud, tmp_path: Path) -> Prove:
    """The script, in a cloud whose identity has every permission that the guide grants."""
    prove = Prove(cloud, tmp_path)
    prove.permit(BASE + CONSENT)
    return prove


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    """The answers by question."""
    return {answer["question"]: answer["verdict"] for answer in report["answers"]}


def test_every_question_has_an_answer(prove: Prove) -> None:
    """With all permissions, every question is answered, and everything that the script created is gone."""
    code, report, written = prove.run(*prove.resources)
    assert code == 0, written
    answers = verdicts(report)
    unknown = [question for question, answer in answers.items() if answer == "unknown"]
    assert unknown == ["A caller owns what its upsert creates."]
    assert answers["The service can grant a delegated permission."] == "yes"
    assert answers["The role on the subscription is in effect."] == "yes"
    assert answers["The service can recover a secret."] == "yes"
    pages = [answer for question, answer in answers.items() if question.startswith("The consent page opens")]
    assert pages == ["yes"] * 4
    assert report["leftBehind"] == []
    assert prove.objects() == []
    for question in answers:
        assert question[:-1] in written


def test_the_report_has_no_ids_and_no_secrets(prove: Prove) -> None:
    """The report can be attached to a public question."""
    _, _, written = prove.run(*prove.resources)
    text = prove.file.read_text()
    assert not GUID.search(text)
    assert not GUID.search(written)
    assert "secretText" not in text
    assert "/applications/<id-" in text
    calls = [call for answer in json.loads(text)["answers"] for call in answer["calls"]]
    assert {call["service"] for call in calls} == {"graph", "login", "resourceManager", "keyVault"}
    assert all(
        set(call) == {"service", "method", "path", "status", "code", "message", "seconds"} for call in calls
    )


def test_a_missing_permission_is_an_answer(prove: Prove) -> None:
    """With the base permissions, the same run shows what it cannot do."""
    prove.permit(BASE)
    code, report, written = prove.run()
    assert code == 0, written
    answers = verdicts(report)
    for role in CONSENT:
        assert answers[f"The token has {role}."] == "no"
    assert answers["Grants of delegated permissions can be read."] == "no"
    assert answers["The role on the subscription is in effect."] == "unknown"
    assert answers["The service can store a secret."] == "unknown"
    assert prove.objects() == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_removes_what_was_made(prove: Prove, sent: signal.Signals) -> None:
    """Ctrl-C in the middle of a call leaves nothing behind, and the report is written."""
    fault = prove.cloud.control(
        "POST", "/faults", {"service": "graph", "path": "addPassword", "kind": "hold"}
    )
    process = prove.start()
    while not prove.cloud.control("GET", f"/faults/{fault['id']}", {})["held"]:
        assert process.poll() is None
        time.sleep(0.05)
    assert prove.objects()
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in err
    prove.cloud.control("DELETE", "/faults", {})
    assert prove.objects() == []
    assert json.loads(prove.file.read_text())["leftBehind"] == []


def test_what_an_interrupted_creation_made_is_found_by_its_name(prove: Prove) -> None:
    """After Ctrl-C during a creation, the script does not know the application's ID; it finds it by name."""
    creation = {"service": "graph", "method": "POST", "path": "/applications$", "when": "after"}
    fault = prove.cloud.control("POST", "/faults", {**creation, "kind": "hold"})
    process = prove.start()
    while not prove.cloud.control("GET", f"/faults/{fault['id']}", {})["held"]:
        assert process.poll() is None
        time.sleep(0.05)
    assert prove.objects()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    prove.cloud.control("DELETE", "/faults", {})
    assert prove.objects() == []
    assert json.loads(prove.file.read_text())["leftBehind"] == []


def test_a_vault_that_refuses_is_not_an_empty_one(prove: Prove) -> None:
    """A secret that the identity can store but not delete is reported as left behind."""
    allowed = ["secrets/setSecret/action", "secrets/getSecret/action"]
    prove.cloud.control("PUT", "/settings", {"vaultActions": allowed})
    try:
        code, report, written = prove.run(*prove.resources)
    finally:
        prove.cloud.control("PUT", "/settings", {"vaultActions": ["secrets/*"]})
    assert code == 1
    assert [what for what in report["leftBehind"] if what.startswith("vault secret cmg-prove-")], written


def test_the_owner_of_an_upsert_is_asked_for_only_by_order(prove: Prove) -> None:
    """The answer can leave an application that only an administrator can remove, so the report names it."""
    code, report, written = prove.run("--upsert")
    assert verdicts(report)["A caller owns what its upsert creates."] == "no", written
    assert code == 1
    (left,) = report["leftBehind"]
    assert left.startswith("application cmg-prove-")
    (found,) = prove.cloud.graph("/applications?$filter=startswith(displayName,'cmg-prove-')")["value"]
    prove.remove(found["id"])


def test_an_answer_that_nobody_expects_ends_in_a_report(prove: Prove) -> None:
    """The script reports that it ended early, removes what it created, and writes what it knows."""
    odd = {"service": "graph", "method": "POST", "path": "/addPassword$", "kind": "rewrite"}
    prove.cloud.control("POST", "/faults", {**odd, "find": "secretText", "put": "other"})
    code, report, written = prove.run()
    assert code == 1
    assert "The questions ended early" in written
    assert "Traceback" not in written
    assert verdicts(report)["The identity gets a token for Microsoft Graph."] == "yes"
    assert report["leftBehind"] == []
    prove.cloud.control("DELETE", "/faults", {})
    assert prove.objects() == []


def test_what_cannot_be_removed_is_named_and_removed_by_the_next_run(prove: Prove) -> None:
    """The exit code is 1, and a later run finds the objects by their names."""
    fault = {"service": "graph", "method": "DELETE", "kind": "status", "status": 403, "times": None}
    prove.cloud.control("POST", "/faults", fault)
    code, report, written = prove.run()
    assert code == 1
    assert any(what.startswith("application cmg-prove-") for what in report["leftBehind"])
    assert "Remove it manually" in written
    prove.cloud.control("DELETE", "/faults", {})
    code, report, _ = prove.run()
    assert code == 0
    assert verdicts(report)["An earlier run left applications."] == "yes"
    assert prove.objects() == []


def test_another_tenant_is_entered_as_the_multitenant_application(prove: Prove) -> None:
    """Without its administrator's consent, the script ends with login's error code; with it, it answers."""
    customer = prove.cloud.facts["tenants"][0]["tenant"]
    more = ("--multitenant-client", prove.cloud.facts["multitenantClientId"])
    code, report, written = prove.run(*more, tenant=customer)
    assert code == 1
    assert "AADSTS700016" in written
    assert verdicts(report) == {"The identity gets a token for Microsoft Graph.": "no"}
    prove.cloud.control("POST", "/consents", {"tenant": customer})
    try:
        code, report, written = prove.run(*more, tenant=customer)
        assert code == 0, written
        assert verdicts(report)["The identity gets a token for Microsoft Graph."] == "yes"
    finally:
        prove.cloud.http.delete(f"{prove.cloud.facts['control']}/consents/{customer}").raise_for_status()
