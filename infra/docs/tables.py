"""Tables for the documentation, made from the declarations of endpoints, models, plans and errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from infra.docs import calls
from onboarding.api import openapi
from onboarding.api.callers import REQUEST_ROLE
from onboarding.api.endpoint import Endpoint
from onboarding.api.sign_in import SignIn
from onboarding.errors import ErrorType, PermanentError, ReplicationLagError, TransientError, channels
from onboarding.errors.catalogue import FAILURES, FAULTS, FINDINGS, PARAMETER_FAULTS, PROBLEMS
from onboarding.lifecycle.plans import PLANS
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.lifecycle.renewal_steps import RENEW
from onboarding.notices import delivery_plans
from onboarding.service import ENDPOINTS
from onboarding.workflow import retry
from onboarding.workflow.outcomes import RetryReason
from onboarding.workflow.plan import Plan

DOCUMENT: Final = openapi.document(
    ENDPOINTS,
    "https://cmg.contoso.com/api",
    SignIn(
        login="https://login.microsoftonline.com",
        tenant="contoso.onmicrosoft.com",
        audience="api://9d0f4c7e-2b61-4c5a-8f3e-6a1d7b2c9e40",
    ),
)
"""The description of an imaginary deployment."""

_SCHEMAS: Final[Mapping[str, Any]] = DOCUMENT["components"]["schemas"]
_BY_NAME: Final = {endpoint.name: endpoint for endpoint in ENDPOINTS}
_ALWAYS: Final = {401, 403, 500, 503}
"""Statuses of problems that the table of endpoints leaves out, because nearly every endpoint has them."""


def table(name: str) -> str:
    """The table for a marked place, such as ``parameters list_onboardings``. Raises ``KeyError``."""
    kind, _, argument = name.partition(" ")
    return _KINDS[kind](argument)


def _endpoints(_: str) -> str:
    rows = ((_call(each), each.summary, _role(each), _statuses(each)) for each in ENDPOINTS)
    return _markdown(("endpoint", "purpose", "role", "statuses"), rows)


def _call(endpoint: Endpoint) -> str:
    return f"`{endpoint.method} /api{endpoint.path}`"


def _role(endpoint: Endpoint) -> str:
    if not endpoint.roles:
        return "none"
    return "either" if REQUEST_ROLE in endpoint.roles else "operators"


def _statuses(endpoint: Endpoint) -> str:
    """The statuses of answers, then those of problems."""
    problems = [
        str(status)
        for status, codes in openapi.problems(endpoint).items()
        if status not in _ALWAYS and (codes or status != HTTPStatus.TOO_MANY_REQUESTS)
    ]
    answers = map(str, endpoint.answers)
    return "; ".join(filter(None, (", ".join(answers), ", ".join(problems))))


def _parameters(name: str) -> str:
    endpoint = _BY_NAME[name]
    described = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]["parameters"]
    rows = (
        (
            f"`{each['name']}`",
            _default(each["schema"], required=each["required"]),
            _text(each, each["schema"]),
        )
        for each in described
        if each["in"] != "path" and each["name"] != "Accept-Language"  # of all calls
    )
    return _markdown(("parameter", "default", "description"), rows)


def _fields(name: str) -> str:
    schema = _SCHEMAS[name]
    rows = ((f"`{path}`", default, text) for path, default, text in _rows(schema, ""))
    return _markdown(("field", "default", "description"), rows)


def _rows(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """The fields of a model, with those of the models in it."""
    for name, field in schema["properties"].items():
        inner, many = _inner(field)
        if inner is None or many:
            required = name in schema.get("required", ())
            yield f"{prefix}{name}", _default(field, required=required), _text(field, field)
        if inner is not None:
            yield from _rows(inner, f"{prefix}{name}[]." if many else f"{prefix}{name}.")


def _inner(field: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, bool]:
    """The model in a field, if there is one, and whether the field is a list of them."""
    for choice in (field, *field.get("anyOf", ())):
        if choice.get("type") == "array":
            return _inner(choice["items"])[0], True
        model = _referenced(choice)
        if "properties" in model:
            return model, False
    return None, False


def _referenced(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return {}
    found: Mapping[str, Any] = _SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return found


def _default(schema: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    value = schema.get("default")
    if value in (None, "", [], {}):
        return "none"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _text(described: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The description, with the values of an enumeration."""
    choices = [schema, *schema.get("anyOf", ())]
    values = next(
        (found for choice in choices if (found := {**choice, **_referenced(choice)}.get("enum"))), ()
    )
    text = str(described.get("description", ""))
    return f"{text} {f'Values: {_listed(values)}.' if values else ''}".strip()


def _steps(name: str) -> str:
    plans: dict[str, Plan[Any, Any]] = {
        "onboarding": PLANS["onboard"],
        "renewal": RENEW,
        "removal": REMOVE,
    }
    rows = ((f"`{step.name}`", step.title, _listed(step.after)) for step in plans[name].steps.values())
    return _markdown(("step", "title", "after"), rows)


def _codes(area: str) -> str:
    return _CODES[area]()


def _problems() -> str:
    rows = ((f"`{kind.code}`", str(int(kind.status or 0)), kind.title) for kind in PROBLEMS)
    return _markdown(("code", "status", "meaning"), rows)


def _faults() -> str:
    return _markdown(("code", "meaning"), ((f"`{kind.code}`", kind.title) for kind in FAULTS))


def _parameter_faults() -> str:
    rows = ((f"`{kind.code}`", kind.title) for kind in PARAMETER_FAULTS)
    return _markdown(("code", "meaning"), rows)


def _findings() -> str:
    rows = ((f"`{kind.code}`", str(kind.severity), _listed(kind.pointers), kind.title) for kind in FINDINGS)
    return _markdown(("code", "severity", "points to", "meaning"), rows)


def _failures() -> str:
    rows = ((f"`{kind.code}`", _retried(kind), kind.title) for kind in FAILURES)
    return _markdown(("code", "retried for", "meaning"), rows)


def _retried(kind: ErrorType) -> str:
    """How long the engine retries a step that fails with this error."""
    failure = kind.failure or PermanentError
    if kind.actor.is_awaited and kind not in vars(channels).values():
        return _duration(retry.CLOUD[RetryReason.BLOCKED].give_up_after)
    if issubclass(failure, PermanentError):
        return ""
    if issubclass(failure, ReplicationLagError):
        reason = RetryReason.REPLICATION
    else:
        reason = RetryReason.TRANSIENT if issubclass(failure, TransientError) else RetryReason.INTERNAL
    policies = delivery_plans.POLICIES if kind in vars(channels).values() else retry.CLOUD
    return _duration(policies[reason].give_up_after)


def _duration(value: timedelta | None) -> str:
    """Such as ``7 days``, ``24 h`` or ``30 min``."""
    if value is None:
        return "always"
    if value > timedelta(days=1):
        return f"{value.days} days"
    minutes = int(value.total_seconds()) // 60
    return f"{minutes} min" if minutes % 60 else f"{minutes // 60} h"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _calls(service: str) -> str:
    rows = list(calls.rows(service))
    heads = ("call", "purpose", "needed, at least", "asked for", "inferred")
    return _markdown(heads[: len(rows[0])], rows)


_KINDS: Final[Mapping[str, Callable[[str], str]]] = {
    "endpoints": _endpoints,
    "parameters": _parameters,
    "fields": _fields,
    "steps": _steps,
    "codes": _codes,
    "calls": _calls,
}
_CODES: Final[Mapping[str, Callable[[], str]]] = {
    "problems": _problems,
    "faults": _faults,
    "parameters": _parameter_faults,
    "findings": _findings,
    "steps": _failures,
}


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [_line(head), "|" + "---|" * len(head), *map(_line, rows)]
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |".replace("|  |", "| |")
