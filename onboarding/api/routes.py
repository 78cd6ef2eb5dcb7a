"""The routes of the API, as its description tells them: roles, parameters, documents and refusals of each.

Adding a route is adding an entry to ``OPERATIONS``, and a model (``*schemas.py``) for a new kind of answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from onboarding.api import overview_schemas, run_schemas, schemas
from onboarding.api.acknowledgements import Acknowledge, Snooze
from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE
from onboarding.cmg.renewals import RenewalRequest
from onboarding.cmg.wizard import OnboardingRequest

_EITHER: Final = (REQUEST_ROLE, OPERATE_ROLE)
_OPERATORS: Final = (OPERATE_ROLE,)
_PAGING: Final = ("maxpagesize", "continuationToken")
_WHERE: Final = ("Location", "Operation-Location", "Retry-After")


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One route: a method and a path below /api."""

    id: str  # the function's name
    summary: str
    roles: tuple[str, ...] = _EITHER  # one of them is needed; none: open to all
    parameters: tuple[str, ...] = ()  # besides those in the path
    body: type[BaseModel] | None = None
    answers: Mapping[int, tuple[type[BaseModel] | str, ...]]  # documents, or media types of other texts
    refusals: tuple[int, ...] = ()  # problems, besides those that any call with a token may answer
    headers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # of answers


OPERATIONS: Final[Mapping[str, Operation]] = {
    "POST /onboardings": Operation(
        id="create_onboarding",
        summary="Ask for an onboarding, or with dryRun=true what it would find and do",
        parameters=("dryRun", "Idempotency-Key", "traceparent"),
        body=OnboardingRequest,
        answers={202: (run_schemas.Accepted,), 200: (run_schemas.Rehearsal,)},
        headers={202: _WHERE},
        refusals=(400, 409, 413, 415, 422, 502),
    ),
    "GET /onboardings": Operation(
        id="list_onboardings",
        summary="List onboardings, newest first",
        parameters=(*_PAGING, "status", "tenantId"),
        answers={200: (run_schemas.OnboardingList,)},
        refusals=(400,),
    ),
    "GET /onboardings/{id}": Operation(
        id="get_onboarding",
        summary="Status, steps, and what went wrong",
        answers={200: (run_schemas.Onboarding,)},
        headers={200: ("Retry-After",)},
        refusals=(404,),
    ),
    "GET /onboardings/{id}/events": Operation(
        id="list_onboarding_events",
        summary="The audit trail, oldest first",
        parameters=_PAGING,
        answers={200: (run_schemas.EventList,)},
        refusals=(400, 404),
    ),
    "POST /onboardings/{id}/retry": Operation(
        id="retry_onboarding",
        summary="Let a failed onboarding go on where it stopped",
        roles=_OPERATORS,
        answers={202: (run_schemas.OnboardingSummary,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "POST /onboardings/{id}/cancel": Operation(
        id="cancel_onboarding",
        summary="Stop an onboarding, and remove what it has made",
        roles=_OPERATORS,
        answers={202: (run_schemas.Operation,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "POST /onboardings/{id}/rollback": Operation(
        id="roll_back_onboarding",
        summary="Remove what a failed onboarding has made",
        roles=_OPERATORS,
        answers={202: (run_schemas.Operation,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "GET /connections": Operation(
        id="list_connections",
        summary="List service connections, by tenant",
        parameters=_PAGING,
        answers={200: (schemas.ConnectionList,)},
        refusals=(400,),
    ),
    "GET /connections/{id}": Operation(
        id="get_connection",
        summary="Apps, vault secret, next warning",
        answers={200: (schemas.Connection,)},
        refusals=(404,),
    ),
    "DELETE /connections/{id}": Operation(
        id="remove_connection",
        summary="Off-board a connection: its apps, secret and grants are removed for good",
        roles=_OPERATORS,
        answers={202: (run_schemas.Operation,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "POST /connections/{id}/renewals": Operation(
        id="renew_secret",
        summary="Put a new client secret beside the old one",
        roles=_OPERATORS,
        body=RenewalRequest,
        answers={202: (run_schemas.Operation,)},
        headers={202: _WHERE},
        refusals=(400, 404, 409, 413, 415, 422, 502),
    ),
    "POST /connections/{id}/renewals/{renewal}/confirm": Operation(
        id="confirm_renewal",
        summary="Say that the site has the new secret: the old one is removed",
        roles=_OPERATORS,
        answers={202: (run_schemas.Operation,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "GET /operations": Operation(
        id="list_operations",
        summary="List renewals and removals, newest first",
        roles=_OPERATORS,
        parameters=(*_PAGING, "status", "tenantId"),
        answers={200: (run_schemas.OperationList,)},
        refusals=(400,),
    ),
    "GET /operations/{id}": Operation(
        id="get_operation",
        summary="A renewal or a removal: status, steps, and what went wrong",
        roles=_OPERATORS,
        answers={200: (run_schemas.Operation,)},
        headers={200: ("Retry-After",)},
        refusals=(404,),
    ),
    "GET /operations/{id}/events": Operation(
        id="list_operation_events",
        summary="The audit trail of an operation, oldest first",
        roles=_OPERATORS,
        parameters=_PAGING,
        answers={200: (run_schemas.EventList,)},
        refusals=(400, 404),
    ),
    "GET /operations/{id}/handover": Operation(
        id="get_operation_handover",
        summary="The PowerShell script for what an operation leaves to do at the site; it holds no secret",
        roles=_OPERATORS,
        answers={200: ("text/plain",)},
        refusals=(404, 409),
    ),
    "POST /operations/{id}/retry": Operation(
        id="retry_operation",
        summary="Let a failed operation go on where it stopped",
        roles=_OPERATORS,
        answers={202: (run_schemas.OperationSummary,)},
        headers={202: _WHERE},
        refusals=(404, 409),
    ),
    "GET /connections/{id}/handover": Operation(
        id="get_handover",
        summary="The PowerShell script that connects the site, or disconnects it; it holds no secret",
        parameters=("for",),
        answers={200: ("text/plain",)},
        refusals=(400, 404),
    ),
    "POST /connections/{id}/acknowledge": Operation(
        id="acknowledge_connection",
        summary="Say that you have seen that an expiration ends",
        body=Acknowledge,
        answers={200: (schemas.Connection,)},
        refusals=(400, 404, 409, 413, 415, 422),
    ),
    "POST /connections/{id}/snooze": Operation(
        id="snooze_connection",
        summary="Hear nothing of a kind for a while",
        body=Snooze,
        answers={200: (schemas.Connection,)},
        refusals=(400, 404, 409, 413, 415, 422),
    ),
    "GET /links": Operation(
        id="show_link",
        summary="What a signed link in a message will do, as a page with a button",
        roles=(),
        parameters=("token",),
        answers={200: ("text/html",), 410: ("text/html",)},
    ),
    "POST /links": Operation(
        id="follow_link",
        summary="Do what a signed link in a message is for",
        roles=(),
        parameters=("token",),
        answers={200: ("text/html",), 410: ("text/html",)},
    ),
    "GET /connections/{id}/conformance": Operation(
        id="get_connection_conformance",
        summary="Whether both apps are in the directory as Configuration Manager needs them",
        roles=_OPERATORS,
        answers={200: (schemas.Conformance,)},
        refusals=(404, 502),
    ),
    "GET /tenants/{id}/conformance": Operation(
        id="get_tenant_conformance",
        summary="The same for two apps that belong to no connection",
        roles=_OPERATORS,
        parameters=(
            "serverAppId",
            "clientAppId",
            "appIdUri",
            "profile",
            "configMgrVersion",
            "userDiscovery",
        ),
        answers={200: (schemas.Conformance,)},
        refusals=(400, 422, 502),
    ),
    "GET /overview": Operation(
        id="get_overview",
        summary="How the deployment is, or one tenant; what needs somebody comes first",
        roles=_OPERATORS,
        parameters=("tenantId",),
        answers={200: (overview_schemas.Overview,)},
        refusals=(400,),
    ),
    "GET /poison": Operation(
        id="list_poison",
        summary="Messages that were given up, and what lies on the poison queues",
        roles=_OPERATORS,
        parameters=_PAGING,
        answers={200: (schemas.Poison,)},
        refusals=(400,),
    ),
    "POST /poison/{id}/redrive": Operation(
        id="redrive_poison",
        summary="Carry out after all what was given up",
        roles=_OPERATORS,
        answers={202: (schemas.Redriven,)},
        refusals=(404,),
    ),
    "GET /expirations": Operation(
        id="list_expirations",
        summary="What ends, the soonest first; for a spreadsheet or a calendar, too",
        parameters=(*_PAGING, "tenantId", "owner", "withinDays", "state", "format"),
        answers={200: (schemas.ExpirationList, "text/csv", "text/calendar")},
        headers={200: ("Link",)},
        refusals=(400,),
    ),
    "POST /expirations/feed": Operation(
        id="create_feed",
        summary="An address of the calendar, to which a calendar program can subscribe",
        parameters=("tenantId", "owner", "withinDays", "state"),
        answers={201: (schemas.Feed,)},
        refusals=(400, 409),
    ),
    "GET /expirations/feed": Operation(
        id="read_feed",
        summary="The calendar, for whoever has its address",
        roles=(),
        parameters=("token",),
        answers={200: ("text/calendar",)},
        refusals=(410,),
    ),
    "GET /tenants/{id}/setup": Operation(
        id="get_tenant_setup",
        summary="What a customer's administrator has to do",
        roles=_OPERATORS,
        parameters=("subscriptionId",),
        answers={200: (schemas.TenantSetup, "text/html")},
        refusals=(400, 404),
    ),
    "GET /health": Operation(
        id="get_health",
        summary="Whether everything that is needed answers",
        roles=(),
        answers={200: (schemas.Health,), 503: (schemas.Health,)},
    ),
    "GET /openapi.json": Operation(
        id="get_openapi", summary="This description", roles=(), answers={200: ("application/json",)}
    ),
}
"""All routes, by method and path."""
