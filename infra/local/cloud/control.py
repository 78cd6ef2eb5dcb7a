"""How a test or a person controls the simulated cloud: plain HTTP with JSON, on its own port.

==================================  ====================================================================
``POST /faults``                    set a fault (``faults.py`` lists them); 201 with its ``id``
``GET /faults``, ``/faults/{id}``   the requests of a fault (``hits``), and those it holds (``held``)
``POST /faults/{id}/release``       release what it holds; ``DELETE`` also removes the fault
``PUT /lag``                        ``{"seconds": n}``: how far Graph's reads are behind its writes, more
                                    for ``owners`` of new objects and ``grants``;
                                    ``secrets``, ``federation``, ``consent``, ``roles``: ``lags.py``
``GET /calls?service=``             the calls to the services, with ``&batched=true`` also the requests
                                    inside batches; ``DELETE`` removes them
``PUT /settings``                   change the named settings (``settings.py``); ``GET`` shows all
``POST /clients``                   a new client: ``{"roles": [...], "graphRoles": [...]}``; with
                                    ``"tenant"`` in that one, without roles of the API
``POST /consents``                  ``{"tenant": id}``: another tenant's administrator consents to the
                                    service (``"roles"``: to these permissions of Graph only)
``DELETE /consents/{tenant}``       withdraw it; issued tokens stay valid
``POST /roleAssignments``           ``{"principalId": id}``: it may register providers in its tenant's
                                    subscription (or what ``"permissions"`` lists)
``DELETE /identityTokens``          a day has passed: the identity's next tokens have today's roles
``POST /tokens``                    issue a token with these ``claims``, signed with login's real key
``POST /inbox/{name}``              accept any body; ``GET`` lists, ``DELETE`` removes
``PUT /inbox/{name}/answer``        ``{"status": 500, "times": 2}``: the answer to the next ones
``GET /healthz``                    200 while it runs
==================================  ====================================================================
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.local.cloud.consents import Consents
from infra.local.cloud.database import Database
from infra.local.cloud.environments import TENANT
from infra.local.cloud.faults import SERVICES, Faults, FaultSettings
from infra.local.cloud.front import Calls
from infra.local.cloud.inbox import Inbox
from infra.local.cloud.managed_identity import ManagedIdentity
from infra.local.cloud.messages import JsonObject
from infra.local.cloud.settings import REGISTER, LagChange, Settings, SettingsChange
from infra.local.cloud.tenant import Tenant
from infra.local.cloud.tokens import Tokens

_logger = logging.getLogger(__name__)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Client(_Body):
    roles: list[str] = Field(default_factory=list)
    graphRoles: list[str] = Field(default_factory=list)  # noqa: N815 the name on the wire
    tenant: str | None = None


class _Consent(_Body):
    tenant: str
    roles: list[str] | None = None


class _RoleAssignment(_Body):
    principalId: str  # noqa: N815 the name on the wire
    permissions: list[dict[str, Any]] = Field(default_factory=lambda: [REGISTER])


class _Token(_Body):
    claims: dict[str, Any]
    header: dict[str, Any] | None = None


class _InboxAnswer(_Body):
    status: int = Field(ge=200, le=599)
    times: int = Field(default=1, ge=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """All controls, and their routes."""

    database: Database
    faults: Faults
    calls: Calls
    settings: Settings
    tenant: Tenant
    consents: Consents
    tokens: Tokens
    inbox: Inbox
    managed_identity: ManagedIdentity

    def application(self) -> web.Application:
        """The routes as an aiohttp application."""
        application = web.Application(middlewares=[self._middleware])
        application.add_routes(
            [
                web.get("/healthz", self._health),
                web.post("/faults", self._add_fault),
                web.get("/faults", self._list_faults),
                web.delete("/faults", self._clear_faults),
                web.get("/faults/{id}", self._get_fault),
                web.delete("/faults/{id}", self._remove_fault),
                web.post("/faults/{id}/release", self._release_fault),
                web.put("/lag", self._set_lag),
                web.get("/calls", self._list_calls),
                web.delete("/calls", self._clear_calls),
                web.get("/settings", self._get_settings),
                web.put("/settings", self._change_settings),
                web.post("/clients", self._add_client),
                web.post("/consents", self._consent),
                web.delete("/consents/{tenant}", self._withdraw),
                web.post("/roleAssignments", self._assign),
                web.delete("/identityTokens", self._forget_identity_tokens),
                web.post("/tokens", self._sign),
                web.post("/inbox/{name}", self._receive),
                web.get("/inbox/{name}", self._list_inbox),
                web.delete("/inbox/{name}", self._clear_inbox),
                web.put("/inbox/{name}/answer", self._set_inbox_answer),
            ]
        )
        return application

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as error:
            problems = [
                f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
            ]
            return web.json_response({"error": "; ".join(problems)}, status=400)
        except KeyError as error:
            return web.json_response({"error": f"There is no {error.args[0]}."}, status=400)
        except LookupError as error:
            return web.json_response({"error": str(error)}, status=400)
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            _logger.exception("Control failed on %s %s", request.method, request.path)
            return web.json_response({"error": "Control failed; see its log."}, status=500)
        finally:
            self.database.commit()

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _add_fault(self, request: web.Request) -> web.Response:
        fault = self.faults.add(FaultSettings.model_validate_json(await request.text()))
        return web.json_response(fault.body(), status=201)

    async def _list_faults(self, _: web.Request) -> web.Response:
        return web.json_response({"value": [fault.body() for fault in self.faults.all()]})

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.Response(status=204)

    async def _get_fault(self, request: web.Request) -> web.Response:
        fault = self.faults.get(request.match_info["id"])
        return _missing() if fault is None else web.json_response(fault.body())

    async def _remove_fault(self, request: web.Request) -> web.Response:
        return web.Response(status=204) if self.faults.remove(request.match_info["id"]) else _missing()

    async def _release_fault(self, request: web.Request) -> web.Response:
        fault = self.faults.get(request.match_info["id"])
        if fault is None:
            return _missing()
        fault.release()
        return web.json_response(fault.body())

    async def _set_lag(self, request: web.Request) -> web.Response:
        return web.json_response(self.settings.set_lags(LagChange.model_validate_json(await request.text())))

    async def _list_calls(self, request: web.Request) -> web.Response:
        service = request.query.get("service")
        if service is not None and service not in SERVICES:
            return web.json_response({"error": f"There is no service {service}."}, status=400)
        batched = request.query.get("batched") == "true"
        return web.json_response({"value": self.calls.bodies(service, batched=batched)})

    async def _clear_calls(self, _: web.Request) -> web.Response:
        self.calls.clear()
        return web.Response(status=204)

    async def _get_settings(self, _: web.Request) -> web.Response:
        return web.json_response(self.settings.body())

    async def _change_settings(self, request: web.Request) -> web.Response:
        self.settings.change(SettingsChange.model_validate_json(await request.text()))
        return web.json_response(self.settings.body())

    async def _add_client(self, request: web.Request) -> web.Response:
        wanted = _Client.model_validate_json(await request.text() or "{}")
        elsewhere = wanted.tenant is not None and wanted.tenant != TENANT
        directory = self.consents.directory(wanted.tenant or "") if elsewhere else None
        client = self.tenant.add_client("Sample client", wanted.roles, wanted.graphRoles, directory)
        return web.json_response(client.body() | {"principalId": client.principal_id}, status=201)

    async def _consent(self, request: web.Request) -> web.Response:
        wanted = _Consent.model_validate_json(await request.text())
        return web.json_response(self.consents.consent(wanted.tenant, wanted.roles), status=201)

    async def _withdraw(self, request: web.Request) -> web.Response:
        self.consents.withdraw(request.match_info["tenant"])
        return web.Response(status=204)

    async def _assign(self, request: web.Request) -> web.Response:
        wanted = _RoleAssignment.model_validate_json(await request.text())
        self.settings.assign(wanted.principalId, wanted.permissions)
        return web.Response(status=204)

    async def _forget_identity_tokens(self, _: web.Request) -> web.Response:
        self.managed_identity.forget()
        return web.Response(status=204)

    async def _sign(self, request: web.Request) -> web.Response:
        wanted = _Token.model_validate_json(await request.text())
        return web.json_response({"access_token": self.tokens.sign(wanted.claims, wanted.header)})

    async def _receive(self, request: web.Request) -> web.Response:
        text = await request.text()
        try:
            body: object = json.loads(text)
        except ValueError:
            body = text
        message: JsonObject = {"at": time.time(), "headers": dict(request.headers), "body": body, "raw": text}
        return web.Response(status=self.inbox.put(request.match_info["name"], message))

    async def _list_inbox(self, request: web.Request) -> web.Response:
        return web.json_response({"value": self.inbox.messages(request.match_info["name"])})

    async def _clear_inbox(self, request: web.Request) -> web.Response:
        self.inbox.clear(request.match_info["name"])
        return web.Response(status=204)

    async def _set_inbox_answer(self, request: web.Request) -> web.Response:
        answer = _InboxAnswer.model_validate_json(await request.text())
        self.inbox.answer(request.match_info["name"], answer.status, answer.times)
        return web.Response(status=204)


def _missing() -> web.Response:
    return web.json_response({"error": "There is no such fault."}, status=404)
