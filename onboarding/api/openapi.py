"""The OpenAPI 3.1 description of the API, made from the endpoints and their models.

Source: https://spec.openapis.org/oas/v3.1.1.html. AutoRest's extensions mark pages and
accepted requests: https://azure.github.io/autorest/extensions/.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel

from onboarding.api import described_headers, on_behalf_of, tags, webhook_events
from onboarding.api.endpoint import JSON, OPEN, Endpoint, Schema
from onboarding.api.openapi30 import open_values
from onboarding.api.paging import Page
from onboarding.api.problems import MEDIA_TYPE
from onboarding.api.schemas import named, names_in, reachable, reference, schemas_of
from onboarding.api.sign_in import SCHEME, SignIn
from onboarding.api.told import Problem
from onboarding.errors import ErrorType, parameters, requests
from onboarding.texts.languages import Language

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
_ALWAYS: Final = (
    requests.URL_INVALID,
    HTTPStatus.TOO_MANY_REQUESTS,
    requests.INTERNAL_ERROR,
    requests.MISCONFIGURED,
    requests.STORAGE_UNAVAILABLE,
)
"""The Functions host limits the requests that an instance has at the same time, whatever they ask for.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook#hostjson-settings.
"""

_INFO: Final[Mapping[str, Any]] = {
    "title": "CMG onboarding",
    "version": "unreleased",
    "description": (
        "Prepares Microsoft Entra ID and Azure for a Cloud Management Gateway of Configuration Manager, and "
        "warns before the client secret expires.\n\nAn answer leaves out optional fields that have no value. "
        "A later release can add values to an enumeration of an answer. Azure Functions itself refuses some "
        "requests before the service sees them (400, 404, 413, 414, 429, 431), without a problem document."
    ),
    "contact": {"name": "The operators of the deployment"},
}
_LICENSE: Final[Mapping[str, str]] = {"name": "MIT", "url": "https://opensource.org/license/mit"}

_TEXT: Final = {"type": "string"}
_LANGUAGE: Final[Mapping[str, Any]] = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "description": f"The language of the texts: {', '.join(Language)}. Any other language gets English.",
    "schema": _TEXT,
}

_KNOWN: Final[Mapping[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the document that the caller has. If it has not changed, the answer is 304.",
    "schema": _TEXT,
}

_STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "array": {"style": "form", "explode": False},
    "object": {"style": "form", "explode": True},
}
"""How parameters with several values are written: ``a,b``, and ``name=value`` for each."""

_IN_PATHS: Final[Mapping[str, str]] = {
    "name": "Name of the channel.",
    "id": "ID of the resource. In /tenants, the ID of the tenant.",
    "renewal": "ID of the renewal.",
}

_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Names of statuses that RFC 9110 changed. Python has them from 3.13 on."""


def document(endpoints: Sequence[Endpoint], base_url: str, sign_in: SignIn) -> dict[str, Any]:
    """The description of an API whose base URL ends with /api."""
    schemas = {**_schemas(endpoints), **webhook_events.schemas()}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        parameters = [*_in_path(endpoint.path), *_parameters(endpoint, schemas)]
        if endpoint.writes:
            parameters.append(on_behalf_of.PARAMETER)
        if HTTPStatus.NOT_MODIFIED in endpoint.answers:
            parameters.append(_KNOWN)
        if endpoint.is_written:
            parameters.append(_LANGUAGE)
        described = _operation(endpoint, parameters, sign_in)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = described
    events = webhook_events.webhooks()
    for name in schemas.keys() - reachable(names_in((paths, events)), schemas):
        del schemas[name]
    return {
        "openapi": "3.1.1",
        "info": {**_INFO, "license": _LICENSE},
        "servers": [{"url": base_url}],
        "tags": tags.tags(endpoints),
        "paths": paths,
        "webhooks": events,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "headers": described_headers.HEADERS,
            "securitySchemes": {SCHEME: sign_in.scheme()},
        },
    }


def problems(endpoint: Endpoint) -> dict[int, list[str]]:
    """The codes of the problems with which an endpoint can answer, by status."""
    kinds = (
        *(_TOKENS if endpoint.roles else ()),
        *((parameters.INVALID_PARAMETER,) if endpoint.query.can_be_wrong() or endpoint.writes else ()),
        *(_BODIES if endpoint.body else ()),
        *endpoint.problems,
        *((requests.ROW_UNREADABLE,) if endpoint.roles and ("{" in endpoint.path or endpoint.writes) else ()),
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


def _operation(
    endpoint: Endpoint, parameters: Sequence[Mapping[str, Any]], sign_in: SignIn
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [tags.tag_of(endpoint)],
        "summary": endpoint.summary,
        "description": "\n\n".join(filter(None, (endpoint.details, _who(endpoint)))),
        "parameters": parameters,
        "responses": _responses(endpoint),
        "security": sign_in.security() if endpoint.roles else [],
        **_extensions(endpoint),
    }
    if endpoint.body:
        examples = {
            name.replace(" ", "-"): {"summary": name, "value": value}
            for name, value in endpoint.examples.items()
        }
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        content = {JSON: {"schema": reference(endpoint.body.__name__), "examples": examples}}
        described["requestBody"] = {"required": required, "content": content}
    return described


def _who(endpoint: Endpoint) -> str:
    if endpoint.roles == OPEN:
        return "The call needs no access token."
    reserved = " A deployment can reserve it for operators." if endpoint.reserve else ""
    return f"The caller needs the app role {' or '.join(endpoint.roles)}.{reserved}"


def _extensions(endpoint: Endpoint) -> dict[str, Any]:
    """The roles by name, and what AutoRest reads of pages and accepted requests."""
    found: dict[str, Any] = {}
    if endpoint.roles:
        found["x-app-roles"] = list(endpoint.roles)
    answers = itertools.chain.from_iterable(endpoint.answers.values())
    if any(isinstance(answer, type) and issubclass(answer, Page) for answer in answers):
        found["x-ms-pageable"] = {"nextLinkName": "nextLink"}
    if HTTPStatus.ACCEPTED in endpoint.answers:
        found["x-ms-long-running-operation"] = True
        found["x-ms-long-running-operation-options"] = {"final-state-via": "operation-location"}
    return found


def _in_path(path: str) -> Iterator[Mapping[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "description": _IN_PATHS[name], "schema": _TEXT}


def _parameters(endpoint: Endpoint, schemas: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The fields of a query model as parameters. Their enumerations are closed: others are refused."""
    model = schemas[endpoint.query.__name__]
    for name, described in model.get("properties", {}).items():
        schema = _closed({**schemas.get(named(described), {}), **described})
        schema.pop("$ref", None)
        if items := schema.get("items"):
            schema["items"] = _closed(items)
        if schema.get("default") == "":
            schema.pop("default")
        yield {
            "name": name,
            "in": schema.pop("in", "query"),
            "required": schema.pop("required", name in model.get("required", ())),
            "description": schema.pop("description"),
            "schema": schema,
            **_STYLES.get(str(schema.get("type")), {}),
        }


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema in which an open enumeration is a closed one."""
    closed = dict(schema)
    if values := open_values(schema):
        closed |= {"type": "string", "enum": values}
        closed.pop("anyOf")
    return closed


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, codes in problems(endpoint).items():
        description = f"{phrase(status)}: {', '.join(codes)}" if codes else phrase(status)
        responses[str(status)] = {"description": description, "headers": described_headers.of_problem(status)}
        if codes or status != HTTPStatus.TOO_MANY_REQUESTS:
            responses[str(status)]["content"] = {MEDIA_TYPE: {"schema": reference(Problem.__name__)}}
    for status, answers in endpoint.answers.items():
        response = responses.setdefault(str(status), {"description": phrase(status), "headers": {}})
        content = dict(map(_content, answers))
        if content:
            response["content"] = {**response.get("content", {}), **content}
        # RFC 9110, section 15.4.5: this answer has the headers of the one that it replaces.
        like = HTTPStatus.OK if status == HTTPStatus.NOT_MODIFIED else status
        media_types = dict(map(_content, endpoint.answers[like]))
        response["headers"] |= described_headers.of_answer(endpoint.headers.get(like, ()), media_types)
    return dict(sorted(responses.items()))


def _content(schema: Schema) -> tuple[str, dict[str, Any]]:
    """The media type of an answer, with its schema."""
    if isinstance(schema, str):
        return schema, {"schema": {"type": "object"} if schema == JSON else _TEXT}
    return JSON, {"schema": reference(schema.__name__)}


def _schemas(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The schemas of all models by name."""
    written: set[type[BaseModel]] = {Problem, *(event for event, _ in webhook_events.EVENTS.values())}
    for endpoint in endpoints:
        answers = itertools.chain.from_iterable(endpoint.answers.values())
        written |= {schema for schema in answers if not isinstance(schema, str)}
    return schemas_of(
        bodies={endpoint.body for endpoint in endpoints if endpoint.body},
        queries={endpoint.query for endpoint in endpoints},
        answers=written,
    )
