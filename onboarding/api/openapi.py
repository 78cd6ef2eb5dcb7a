"""The OpenAPI 3.1 description of the API, made from the endpoints and their models.

Source: https://spec.openapis.org/oas/v3.1.1.html.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from onboarding.api.documents import Problem
from onboarding.api.endpoint import JSON, Endpoint, Schema
from onboarding.api.problems import MEDIA_TYPE
from onboarding.api.webhook_events import EVENTS, webhooks
from onboarding.errors import ErrorType, requests

_TOKENS: Final = (
    requests.TOKEN_MISSING,
    requests.TOKEN_INVALID,
    requests.ROLE_MISSING,
    requests.KEYS_UNAVAILABLE,
)
_BODIES: Final = (
    requests.MALFORMED_JSON,
    requests.LENGTH_REQUIRED,
    requests.BODY_TOO_LARGE,
    requests.CONTENT_TYPE_NOT_JSON,
    requests.INVALID_REQUEST,
)
_ALWAYS: Final = (requests.INTERNAL_ERROR, requests.MISCONFIGURED, requests.STORAGE_UNAVAILABLE)

_TEXT: Final = {"type": "string"}
_URL: Final = {"type": "string", "format": "uri"}
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Location": {"schema": _URL, "description": "The URL of the status."},
    "Operation-Location": {"schema": _URL, "description": "The same URL."},
    "Link": {"schema": _TEXT, "description": "In a spreadsheet or calendar: the URL of the next entries."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds. Missing in a final status."},
}


_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Names of statuses that RFC 9110 changed. Python has them from 3.13 on."""


def document(endpoints: Sequence[Endpoint], base_url: str) -> dict[str, Any]:
    """The description of an API whose base URL ends with /api."""
    schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        parameters = _parameters(endpoint, schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, parameters)
    for model in {endpoint.query.__name__ for endpoint in endpoints}:
        schemas.pop(model, None)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "CMG onboarding",
            "version": "unreleased",
            "description": "Prepares Microsoft Entra ID and Azure for a Cloud Management Gateway of "
            "Configuration Manager, and warns before the client secret expires.",
        },
        "servers": [{"url": base_url}],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A Microsoft Entra access token for the API's audience, with an app role.",
                }
            },
        },
    }


def problems(endpoint: Endpoint) -> dict[int, list[str]]:
    """The codes of the problems with which an endpoint can answer, by status."""
    kinds = (
        *(_TOKENS if endpoint.roles else ()),
        *((requests.INVALID_PARAMETER,) if endpoint.query.can_be_wrong() else ()),
        *(_BODIES if endpoint.body else ()),
        *endpoint.problems,
        *_ALWAYS,
    )
    found: dict[int, list[str]] = {}
    for kind in kinds:
        codes = found.setdefault(_status(kind), [])
        if isinstance(kind, ErrorType):
            codes.append(kind.code)
    return dict(sorted(found.items()))


def _status(kind: ErrorType | HTTPStatus) -> int:
    if isinstance(kind, HTTPStatus):
        return int(kind)
    # A finding is an entry of the errors of an invalid request.
    return int(kind.status or HTTPStatus.UNPROCESSABLE_ENTITY)


def phrase(status: int) -> str:
    """The name of a status in RFC 9110, section 15, whatever Python runs the service."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def _operation(endpoint: Endpoint, parameters: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": [*_in_path(endpoint.path), *parameters],
        "responses": _responses(endpoint),
        # One of the roles is enough. Without a role, no token is needed.
        "security": [{"entra": [role]} for role in endpoint.roles],
    }
    if endpoint.body:
        examples = {name: {"value": value} for name, value in endpoint.examples.items()}
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        content = {JSON: {"schema": _reference(endpoint.body), "examples": examples}}
        described["requestBody"] = {"required": required, "content": content}
    return described


def _in_path(path: str) -> Iterator[Mapping[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _parameters(endpoint: Endpoint, schemas: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The fields of a query model as parameters."""
    model = schemas[endpoint.query.__name__]
    for name, described in model.get("properties", {}).items():
        schema = _not_null(described)
        yield {
            "name": name,
            "in": schema.pop("in", "query"),
            "required": schema.pop("required", name in model.get("required", ())),
            "description": schema.pop("description"),
            "schema": schema,
        }


def _not_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a parameter: it can be missing, but it cannot be null."""
    merged = dict(schema)
    for choice in merged.pop("anyOf", ()):
        if choice != {"type": "null"}:
            merged |= choice
    if merged.get("default", "") in {None, ""}:
        merged.pop("default", None)
    return merged


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, codes in problems(endpoint).items():
        description = f"{phrase(status)}: {', '.join(codes)}" if codes else phrase(status)
        content = {MEDIA_TYPE: {"schema": _reference(Problem)}}
        responses[str(status)] = {"description": description, "content": content}
    for status, schemas in endpoint.answers.items():
        response = responses.setdefault(str(status), {"description": phrase(status), "content": {}})
        response["content"] |= dict(map(_content, schemas))
        if names := endpoint.headers.get(status):
            response["headers"] = {name: _HEADERS[name] for name in names}
    return dict(sorted(responses.items()))


def _content(schema: Schema) -> tuple[str, dict[str, Any]]:
    """The media type of an answer, with its schema."""
    if isinstance(schema, str):
        return schema, {"schema": {} if schema == JSON else _TEXT}
    return JSON, {"schema": _reference(schema)}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


class _Untitled(GenerateJsonSchema):
    """Without titles, which would repeat the names of the fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def _schemas(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The models as JSON schemas: requests as they are read, answers as they are written."""
    models: set[tuple[type[BaseModel], Literal["validation", "serialization"]]]
    models = {(Problem, "serialization")}
    models |= {(event, "serialization") for event, _ in EVENTS.values()}
    for endpoint in endpoints:
        answers = itertools.chain.from_iterable(endpoint.answers.values())
        models |= {(schema, "serialization") for schema in answers if not isinstance(schema, str)}
        models |= {(model, "validation") for model in (endpoint.query, endpoint.body) if model}
    _, definitions = models_json_schema(
        sorted(models, key=str),
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    found: dict[str, Any] = definitions["$defs"]
    return found
