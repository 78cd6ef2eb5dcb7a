"""Compares answers and events with the description of the API. Nothing else is allowed."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import httpx
from openapi_schema_validator import OAS31Validator

from onboarding.api.openapi import document
from onboarding.service import ENDPOINTS

DOCUMENT: Final = document(ENDPOINTS, "https://cmg.contoso.com/api")


@functools.cache
def _strict() -> Mapping[str, Any]:
    """The components, which allow no other fields."""
    components = copy.deepcopy(DOCUMENT["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return dict(components)


def check(schema: Mapping[str, Any], value: Any) -> None:
    """Fail unless a document conforms to the description and has nothing else."""
    faults = _faults(json.dumps(schema), json.dumps(value))
    assert not faults, ("a field is described by its model in onboarding/api", faults)


@functools.lru_cache(1024)
def _faults(schema: str, document: str) -> list[str]:
    """What is wrong with a document. Most answers are alike: tests ask again until something changes."""
    return [
        f"{'/'.join(map(str, fault.path))}: {fault.message}"
        for fault in _validator(schema).iter_errors(json.loads(document))
    ]


@functools.cache
def _validator(schema: str) -> OAS31Validator:
    return OAS31Validator({**json.loads(schema), "components": _strict()})


def check_answer(answer: httpx.Response) -> None:
    """Fail unless the description has the status of an answer, its media type, document and headers."""
    request = answer.request
    path = request.url.path.partition("/api")[2]
    operation = _operation(request.method, path)
    if operation is None:
        return
    if "x-ms-request-id" not in answer.headers:  # the host answers itself, before the app sees the call
        assert answer.status_code in {400, 404, 413, 414, 431}, (request.method, path, answer.status_code)
        return
    responses = operation["responses"]
    assert str(answer.status_code) in responses, (request.method, path, answer.status_code)
    response = responses[str(answer.status_code)]
    media_type = answer.headers["Content-Type"].partition(";")[0]
    assert media_type in response["content"], (request.method, path, media_type)
    if media_type.endswith("json"):
        check(response["content"][media_type]["schema"], answer.json())


def check_event(event: Mapping[str, Any]) -> None:
    """Fail unless an event is described as a webhook."""
    posts = [webhook["post"]["requestBody"]["content"] for webhook in DOCUMENT["webhooks"].values()]
    schemas = [content["application/cloudevents+json"]["schema"] for content in posts]
    (schema,) = [each for each in schemas if event["type"] in each["properties"]["type"]["enum"]]
    check({**schema, "additionalProperties": False}, event)


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
