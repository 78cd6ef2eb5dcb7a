"""Ask everything, one line for each answer; write a report; remove what was created, even after Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import httpx
from azure.core.credentials import TokenCredential
from azure.identity import AzureCliCredential, ClientAssertionCredential, ManagedIdentityCredential

from infra.azure.prove import azure, graph
from infra.azure.prove.questions import PREFIX, Finding, Question, Run
from infra.azure.prove.services import Answer, NoTokenError, Pseudonyms, Services
from onboarding.cloud.environments import ENVIRONMENTS, Environment

QUESTIONS: Final[tuple[Question, ...]] = (
    graph.permissions,
    graph.earlier,
    graph.creation,
    graph.deletion,
    graph.upsert,
    graph.consent_pages,
    azure.subscription,
    azure.vault,
)
_INTERRUPTED: Final = 130


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run, and return the exit code: 0 when all was asked and removed."""
    arguments = _parser(environ).parse_args(argv)
    logging.getLogger("azure").addHandler(logging.NullHandler())
    signal.signal(signal.SIGTERM, _interrupt)
    trust = ssl.create_default_context(cafile=arguments.certificate)
    with httpx.Client(verify=trust, timeout=60) as http:
        run = _run(arguments, http)
        report: dict[str, Any] = {
            "startedAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": arguments.environment,
            "answers": [],
        }
        try:
            code = _ask(run, report)
        except NoTokenError as error:
            print(f"The identity gets no token ({error}); nothing else can be asked", file=sys.stderr)
            code = 1
        except KeyboardInterrupt:
            print("\nInterrupted; removing what was made", file=sys.stderr)
            code = _INTERRUPTED
        except Exception as error:  # noqa: BLE001 - whatever ends the questions, what was made is removed
            print(f"The questions ended early: {type(error).__name__}", file=sys.stderr)
            code = 1
        left = _clean_up(run)
        report["leftBehind"] = left
        arguments.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for what in left:
        print(f"Still there: {what}. Remove it manually.", file=sys.stderr)
    print(f"The report without IDs and secrets: {arguments.report}")
    return code or (1 if left else 0)


def _ask(run: Run, report: dict[str, Any]) -> int:
    for question in QUESTIONS:
        for finding, seconds in _timed(question(run)):
            print(f"{finding.verdict:<8} {finding.question[:-1]} ({finding.detail})", flush=True)
            calls = [asdict(call) for call in run.services.calls]
            run.services.calls.clear()
            report["answers"].append({**asdict(finding), "seconds": round(seconds, 1), "calls": calls})
    return 0


def _timed(findings: Iterator[Finding]) -> Iterator[tuple[Finding, float]]:
    started = time.monotonic()
    for finding in findings:
        yield finding, time.monotonic() - started
        started = time.monotonic()


def _clean_up(run: Run) -> list[str]:
    """Remove everything. A second Ctrl-C ends it, and names what is left."""
    try:
        return run.clean_up()
    except KeyboardInterrupt:
        return run.names()


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _run(arguments: argparse.Namespace, http: httpx.Client) -> Run:
    environment = ENVIRONMENTS[arguments.environment]
    login = (arguments.login or environment.login).rstrip("/")
    urls = {
        "login": f"{login}/{arguments.tenant}",
        "graph": (arguments.graph or environment.graph).rstrip("/"),
    }
    scopes = {"graph": environment.graph_scope}
    if arguments.subscription:
        manager = (arguments.resource_manager or environment.resource_manager).rstrip("/")
        urls["resourceManager"] = f"{manager}/subscriptions/{arguments.subscription}"
        scopes["resourceManager"] = environment.resource_manager_scope
    if arguments.vault:
        urls["keyVault"] = arguments.vault.rstrip("/")
        scopes["keyVault"] = f"https://{environment.vault_suffix}/.default"
    pseudonyms = Pseudonyms(known={arguments.tenant.lower(): "<tenant>"})
    if arguments.subscription:
        pseudonyms.known[arguments.subscription.lower()] = "<subscription>"
    services = Services(
        urls=urls,
        scopes=scopes,
        credential=_credential(arguments, environment, login),
        http=http,
        pseudonyms=pseudonyms,
    )
    return Run(
        services=services,
        environment=environment,
        name=f"{PREFIX}{secrets.token_hex(4)}",
        patience=arguments.patience,
        progress=_progress,
        leaves_orphan=arguments.upsert,
    )


def _progress(seconds: float, answer: Answer) -> None:
    """Shows what the script waits for, so that nobody mistakes a long wait for a hang."""
    print(f"waiting  for {seconds:.0f} s so far ({answer.text})", file=sys.stderr, flush=True)


def _credential(arguments: argparse.Namespace, environment: Environment, login: str) -> TokenCredential:
    """The identity, as the app uses it: itself at home, as the multi-tenant application elsewhere."""
    if not arguments.identity:
        return AzureCliCredential(tenant_id=arguments.tenant)
    identity = ManagedIdentityCredential(client_id=arguments.identity)
    if not arguments.multitenant_client:
        return identity
    local: dict[str, Any] = {"connection_verify": arguments.certificate} if arguments.certificate else {}
    proof: Callable[[], str] = lambda: identity.get_token(environment.federation_scope).token  # noqa: E731
    return ClientAssertionCredential(
        arguments.tenant,
        arguments.multitenant_client,
        proof,
        authority=login,
        disable_instance_discovery=bool(arguments.login),
        **local,
    )


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.azure.prove",
        description="Ask Microsoft's services in a test tenant what documentation leaves open. The script "
        "makes objects named cmg-prove-…, and removes them.",
    )
    parser.add_argument("--tenant", required=True, help="ID of a tenant for tests")
    parser.add_argument("--subscription", help="ID of a subscription in which the identity has its role")
    parser.add_argument("--vault", help="URL of the vault; only in the deployment's own tenant")
    parser.add_argument(
        "--identity",
        default=environ.get("IDENTITY_CLIENT_ID"),
        help="client ID of the managed identity, on a machine that has it. Without it, the script uses the "
        "account that is signed in to the Azure CLI",
    )
    parser.add_argument(
        "--multitenant-client", help="client ID of the multi-tenant application, for another tenant"
    )
    parser.add_argument("--environment", choices=sorted(ENVIRONMENTS), default="AzurePublicCloud")
    parser.add_argument(
        "--patience",
        type=float,
        default=600,
        help="longest wait for an effect, in seconds (%(default)s): a role can take ten minutes",
    )
    parser.add_argument(
        "--upsert",
        action="store_true",
        help="ask also whether a caller owns what its upsert creates. If not, an application is left, which "
        "an administrator must remove",
    )
    parser.add_argument(
        "--report", type=Path, default=Path("prove.json"), help="file for the report (%(default)s)"
    )
    for name in ("login", "graph", "resource-manager"):
        parser.add_argument(f"--{name}", help="another URL, such as that of a local cloud")
    parser.add_argument(
        "--certificate", metavar="FILE", help="PEM file of the only certificate authority to trust"
    )
    return parser


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
