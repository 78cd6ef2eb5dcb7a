"""HTTP triggers: from a request to the function for its route, and back.

Source: learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger. As in Azure, a
method that a route does not have is a 404, not a 405, and a function that raises is a 500 without a body.
What reaches the worker of a request follows ``ToRpcHttp`` in github.com/Azure/azure-functions-host: no query
parameter without a value, and no body without a Content-Length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import azure.functions as func
from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from infra.local.host import routes
from infra.local.host.functions import Function, HttpTrigger
from infra.local.host.invocation import Invoker

MAX_BODY = 100 * 1024 * 1024
"""Bytes of a request body; FUNCTIONS_REQUEST_BODY_SIZE_LIMIT's default."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Endpoint:
    function: Function
    methods: frozenset[str]
    route: routes.Route


class HttpTriggers:
    """The app's HTTP functions, most exact route first."""

    def __init__(self, functions: Iterable[Function], prefix: str, invoker: Invoker) -> None:
        self._invoker = invoker
        endpoints = [
            _Endpoint(
                function=function,
                methods=function.trigger.methods,
                route=routes.compile_route(function.trigger.route, prefix),
            )
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        ]
        self._endpoints = sorted(endpoints, key=lambda endpoint: endpoint.route.precedence)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        path = routes.decode(request.rel_url.raw_path)
        for endpoint in self._endpoints:
            if endpoint.methods and request.method not in endpoint.methods:
                continue
            values = endpoint.route.match(path)
            if values is not None:
                return await self._invoke(endpoint.function, request, values)
        return web.Response(status=404)

    async def _invoke(self, function: Function, request: web.Request, values: dict[str, str]) -> web.Response:
        argument = func.HttpRequest(
            method=request.method,
            url=f"{request.scheme}://{request.host}{request.raw_path}",
            headers=_joined(request.headers),
            params={name: value for name, value in _joined(request.query).items() if value},
            route_params=values,
            body=await request.read() if request.content_length else b"",
        )
        try:
            result = await self._invoker.run(
                function,
                argument,
                reason=f"{request.method} {request.path}",
                trace_parent=request.headers.get("traceparent", ""),
                trace_state=request.headers.get("tracestate", ""),
                sends=request.method not in _SAFE,
            )
            return _response(result)
        except Exception:  # noqa: BLE001 - whatever the function raised; the trace is in the log
            return web.Response(status=500)


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    """Repeated names joined with commas, as the host passes them to the worker."""
    joined: dict[str, str] = {}
    for name, value in values.items():
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _response(result: object) -> web.Response:
    """What the function returned, as the worker and the host would send it.

    Raises:
        TypeError: it did not return a response.
    """
    if result is None:
        return web.Response(status=204)
    if isinstance(result, str):
        return web.Response(text=result)
    if not isinstance(result, func.HttpResponse):
        raise TypeError(f"an HTTP function returned {type(result).__name__}")
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in result.headers.items() if name.lower() not in _HOP_BY_HOP
    )
    if "content-type" not in headers:
        text = result.mimetype.startswith("text/")
        headers["content-type"] = f"{result.mimetype}; charset={result.charset}" if text else result.mimetype
    return web.Response(status=result.status_code, body=result.get_body() or b"", headers=headers)
