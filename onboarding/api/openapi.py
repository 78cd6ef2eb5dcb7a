"""``/api/openapi.json``: the API described for tools (OpenAPI 3.1), made from the models and the routes.

Imported when the description is first asked for: no other call pays for it.

Source: https://spec.openapis.org/oas/v3.1.1.html.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from onboarding.api import problems, schemas
from onboarding.api.acknowledgements import Acknowledge, Snooze
from onboarding.api.paging import LARGEST, USUAL
from onboarding.api.routes import OPERATIONS, Operation
from onboarding.api.statuses import phrase
from onboarding.cmg.profiles import PROFILES
from onboarding.cmg.renewals import RenewalRequest
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.cadence import ExpirationState
from onboarding.workflow.run import RunStatus

_EVERYBODY: Final = (500, 503)
"""What any call may answer."""

_TEXT: Final = {"type": "string"}
_ID: Final = {"type": "string", "format": "uuid"}
_PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "maxpagesize": {
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST, "default": USUAL},
        "description": "Entries of a page; there may be fewer although more follow.",
    },
    "continuationToken": {"schema": _TEXT, "description": "Part of nextLink; nothing to make up."},
    "status": {"schema": {"type": "string", "enum": list(RunStatus)}},
    "token": {"schema": _TEXT, "required": True, "description": "As it stands in the link."},
    "tenantId": {"schema": _ID, "description": "Of one tenant."},
    "owner": {"schema": {"type": "string", "format": "email"}, "description": "Of one owner."},
    "withinDays": {
        "schema": {"type": "integer", "minimum": 0, "maximum": 9999},
        "description": "What ends in so many days, or has ended.",
    },
    "state": {"schema": {"type": "string", "enum": list(ExpirationState)}},
    "format": {
        "schema": {"type": "string", "enum": ["json", "csv", "ics"]},
        "description": "Left out: what Accept prefers.",
    },
    "for": {
        "schema": {"type": "string", "enum": ["import", "removal"], "default": "import"},
        "description": "What is to be done at the site.",
    },
    "subscriptionId": {"schema": _ID, "description": "Put into the commands."},
    "serverAppId": {"schema": _ID, "required": True, "description": "Client id of the web (server) app."},
    "clientAppId": {"schema": _ID, "required": True, "description": "Client id of the native (client) app."},
    "appIdUri": {"schema": _TEXT, "description": "App ID URI that the site was given; none: any."},
    "profile": {
        "schema": {"type": "string", "enum": list(PROFILES)},
        "description": "Revision of the manual article to check against.",
    },
    "configMgrVersion": {
        "schema": {"type": "string"},
        "description": "In its place the site's version, such as 2409; neither: the newest.",
    },
    "userDiscovery": {
        "schema": {"type": "boolean", "default": False},
        "description": "Whether Entra user discovery is used.",
    },
    "dryRun": {
        "schema": {"type": "boolean", "default": False},
        "description": "Look and tell, and write nothing.",
    },
    "Idempotency-Key": {
        "in": "header",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
        "description": "The same key with the same request gives the same answer and makes nothing new.",
    },
    "traceparent": {"in": "header", "schema": _TEXT, "description": "W3C Trace Context."},
}
"""Parameters by name: of the query, unless they say otherwise."""

_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Location": {"schema": {"type": "string", "format": "uri"}, "description": "Where its status is."},
    "Operation-Location": {"schema": {"type": "string", "format": "uri"}, "description": "The same."},
    "Link": {"schema": _TEXT, "description": "Of a spreadsheet or calendar: where the next rows are."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds; missing once it is final."},
}
_TENANT, _SUBSCRIPTION = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05", "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46"
_ONBOARDINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "least": {"name": "Contoso CMG", "tenantId": _TENANT, "subscriptionId": _SUBSCRIPTION},
    "own names and discovery": {
        "name": "Contoso CMG",
        "tenantId": _TENANT,
        "subscriptionId": _SUBSCRIPTION,
        "serverApp": {"name": "CMG-ServerApp", "appIdUri": f"api://{_TENANT}/ConfigMgrService"},
        "clientApp": {"name": "CMG-ClientApp"},
        "userDiscovery": {"enabled": True, "schedule": {"unit": "Days", "every": 1}},
        "configMgrVersion": "2409",
        "owners": [{"name": "Kim", "email": "kim@contoso.com"}],
    },
    "apps that are there already": {
        "name": "Contoso CMG",
        "tenantId": _TENANT,
        "subscriptionId": _SUBSCRIPTION,
        "serverApp": {
            "existing": {
                "clientId": "59ecaa28-3240-4d9c-a4e4-d3ff305bc6ed",
                "vaultSecret": "import-contoso",
            }
        },
        "clientApp": {"existing": {"clientId": "93f99d42-7284-4643-a203-a7b6e804e408"}},
    },
}

EXAMPLES: Final[Mapping[type[BaseModel], Mapping[str, Mapping[str, Any]]]] = {
    OnboardingRequest: _ONBOARDINGS,
    RenewalRequest: {
        "of an app that was made here": {"secretValidity": "P1Y", "timeLimitDays": 30},
        "of an imported app": {"vaultSecret": "import-contoso-2027"},
    },
    Acknowledge: {
        "the expiration that ends first": {},
        "a certain expiration": {"expiration": "application"},
    },
    Snooze: {
        "for some days": {"days": 7},
        "until a moment": {"until": "2027-11-30T08:00:00Z", "expiration": "secret"},
    },
}
"""Requests that are worth showing."""


def document(base_url: str) -> dict[str, Any]:
    """The whole description, for an API whose base address ends with /api."""
    return {**_described(), "servers": [{"url": base_url}]}


@functools.cache
def _described() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in OPERATIONS.items():
        method, _, path = route.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "CMG onboarding",
            "version": "unreleased",
            "description": "Prepares Microsoft Entra ID and Azure for a Cloud Management Gateway of "
            "Configuration Manager, and warns before its client secret runs out.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An Entra access token for the API's audience, with an app role.",
                }
            },
        },
    }


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _in_path(path)),
            *({"in": "query", "name": name, **_PARAMETERS[name]} for name in operation.parameters),
        ],
        "responses": _responses(operation),
        # One of the roles is enough; no role, no token.
        "security": [{"entra": [role]} for role in operation.roles],
    }
    if operation.body:
        examples = {name: {"value": value} for name, value in EXAMPLES[operation.body].items()}
        content = {**_content(operation.body), "examples": examples}
        required = any(field.is_required() for field in operation.body.model_fields.values())
        described["requestBody"] = {"required": required, "content": {"application/json": content}}
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    refusals = {*operation.refusals, *_EVERYBODY, *((401, 403) if operation.roles else ())}
    problem = {problems.MEDIA_TYPE: _content(schemas.Problem)}
    responses: dict[str, Any] = {
        str(status): {"description": phrase(status), "content": problem} for status in sorted(refusals)
    }
    for status, kinds in operation.answers.items():
        before = responses.get(str(status), {}).get("content", {})
        answers = {kind if isinstance(kind, str) else "application/json": _content(kind) for kind in kinds}
        responses[str(status)] = {
            "description": phrase(status),
            "headers": {name: _HEADERS[name] for name in operation.headers.get(status, ())},
            "content": {**before, **answers},
        }
    return responses


def _content(kind: type[BaseModel] | str) -> dict[str, Any]:
    """What a body is: a document of a model, or any text of a media type."""
    if isinstance(kind, str):
        return {"schema": {} if kind == "application/json" else _TEXT}
    return {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}


def _in_path(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)


class _Untitled(GenerateJsonSchema):
    """A field's name says what its title would."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic asks so
        return False


def _schemas() -> dict[str, Any]:
    """The models as JSON schemas: requests as they are read, answers as they are written."""
    models: set[tuple[type[BaseModel], Literal["validation", "serialization"]]]
    models = {(schemas.Problem, "serialization")}
    for operation in OPERATIONS.values():
        kinds = itertools.chain.from_iterable(operation.answers.values())
        models |= {(kind, "serialization") for kind in kinds if not isinstance(kind, str)}
        models |= {(operation.body, "validation")} if operation.body else set()
    _, definitions = models_json_schema(
        sorted(models, key=str),
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    found: dict[str, Any] = definitions["$defs"]
    return found
