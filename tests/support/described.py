"""Compares responses and events with the API's description, and allows nothing else."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
from openapi_schema_validator import OAS30Validator, OAS31Validator

from infra.docs import tables
from onboarding.api.openapi30 import in_30

DOCUMENT: Final = tables.DOCUMENT
DOCUMENT_30: Final = in_30(DOCUMENT)


@functools.cache
def _strict(*, in_30: bool = False) -> Mapping[str, Any]:
    """The components, which allow no other fields."""
    components = copy.deepcopy((DOCUMENT_30 if in_30 else DOCUMENT)["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return dict(components)


def check(schema: Mapping[str, Any], value: Any) -> None:
    """Fail unless a document conforms to both forms of the description and has nothing else."""
    faults = _faults(json.dumps(schema), json.dumps(value))
    assert not faults, ("a field is described by its model in onboarding/api", faults)


@functools.lru_cache(1024)
def _faults(schema: str, document: str) -> list[str]:
    """What is wrong with a document. Cached, because tests repeat calls until something changes."""
    value = json.loads(document)
    validators = _validators(schema)
    return [
        f"{'/'.join(map(str, fault.path))}: {fault.message}"
        for validator in validators
        for fault in validator.iter_errors(value)
    ]


@functools.cache
def _validators(schema: str) -> Sequence[Any]:
    """For a schema as both forms of the description have it: a reference to a component, or an event."""
    described = json.loads(schema)
    found = [OAS31Validator({**described, "components": _strict()})]
    if set(described) == {"$ref"}:
        found.append(OAS30Validator({"allOf": [described], "components": _strict(in_30=True)}))
    return found


def check_answer(answer: httpx.Response) -> None:
    """Fail unless the description has a response's status, media type, document and headers."""
    request = answer.request
    path = request.url.path.partition("/api")[2]
    operation = _operation(request.method, path)
    if operation is None:
        return
    if "x-ms-request-id" not in answer.headers:  # the host itself responds, before the app sees the call
        assert answer.status_code in {400, 404, 413, 414, 431}, (request.method, path, answer.status_code)
        return
    responses = operation["responses"]
    assert str(answer.status_code) in responses, (request.method, path, answer.status_code)
    response = responses[str(answer.status_code)]
    sent = {name for name in DOCUMENT["components"]["headers"] if name in answer.headers}
    assert sent <= response["headers"].keys(), (request.method, path, answer.status_code, sent)
    if not response.get("content"):
        assert not answer.content, (request.method, path, answer.status_code)
        return
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in response["content"], (request.method, path, media_type)
    if media_type.endswith("json"):
        check(response["content"][media_type]["schema"], answer.json())


def check_event(event: Mapping[str, Any]) -> None:
    """Fail unless an event conforms to the webhook's description, with the schema that its type selects."""
    (webhook,) = DOCUMENT["webhooks"].values()
    content = webhook["post"]["requestBody"]["content"]["application/cloudevents+json"]
    check(content["schema"], event)
    name = content["schema"]["$ref"].rpartition("/")[2]
    mapping = DOCUMENT["components"]["schemas"][name]["discriminator"]["mapping"]
    check({"$ref": mapping[event["type"]]}, event)


@functools.cache
def _operation(method: str, path: str) -> Mapping[str, Any] | None:
    """The operation of a call; None for a URL that is not the API's."""
    found = [
        template
        for template, methods in DOCUMENT["paths"].items()
        if method.lower() in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    ]
    exact = [template for template in found if template == path] or found
    return DOCUMENT["paths"][exact[0]][method.lower()] if exact else None
