"""``$batch``: up to 20 requests in one, in order: https://learn.microsoft.com/graph/json-batching."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from multidict import CIMultiDict

from infra.local.cloud.graph.call import Call
from infra.local.cloud.graph.errors import malformed
from infra.local.cloud.messages import Answer, JsonObject

_MOST: Final = 20
Dispatch = Callable[[Call], Answer]


def batched(call: Call, dispatch: Dispatch) -> Answer:
    """Serve each request of a batch; one that depends on a failed one fails with 424."""
    requests = call.json().get("requests")
    if not isinstance(requests, list) or not requests:
        raise malformed("Invalid batch payload format.")
    if len(requests) > _MOST:
        raise malformed(f"Number of batch request steps exceeds the maximum value of {_MOST}.")
    statuses: dict[str, int] = {}
    responses: list[JsonObject] = []
    for request in requests:
        _check(request, statuses)
        depends = request.get("dependsOn") or []
        if any(statuses[str(other)] >= 400 for other in depends):  # noqa: PLR2004
            answer = _failed_dependency()
        else:
            answer = dispatch(_step(call, request))
        statuses[str(request["id"])] = answer.status
        responses.append(_response(str(request["id"]), answer))
    return Answer(status=200, body={"responses": responses})


def _check(request: Any, earlier: Mapping[str, int]) -> None:
    if not isinstance(request, dict) or not request.get("id"):
        raise malformed("Invalid batch payload format.")
    if str(request["id"]) in earlier:
        raise malformed(f"Request Id '{request['id']}' is used more than once.")
    headers, depends = request.get("headers") or {}, request.get("dependsOn") or []
    if (
        not isinstance(request.get("method"), str)
        or not isinstance(request.get("url"), str)
        or not isinstance(depends, list)
        or not isinstance(headers, dict)
        or not all(isinstance(value, str) for value in headers.values())
    ):
        raise malformed("Invalid batch payload format.")
    if any(str(other) not in earlier for other in depends):
        raise malformed(f"Request Id '{request['id']}' depends on a request that is not in front of it.")


def _step(call: Call, request: JsonObject) -> Call:
    path, _, query = request["url"].strip("/").partition("?")
    body = request.get("body")
    return replace(
        call,
        method=request["method"].upper(),
        path=quote(path, safe="/%()='$.:,"),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=CIMultiDict(request.get("headers") or {}),
        body=b"" if body is None else json.dumps(body).encode(),
    )


def _failed_dependency() -> Answer:
    error = {"code": "FailedDependency", "message": "The request depends on a request that failed."}
    return Answer(status=424, body={"error": error})


def _response(step: str, answer: Answer) -> JsonObject:
    headers = dict(answer.headers)
    if content_type := answer.content_type():
        headers["Content-Type"] = content_type
    body: object = answer.body if answer.body is not None else answer.text
    return {"id": step, "status": answer.status, "headers": headers, "body": body}
