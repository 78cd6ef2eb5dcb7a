"""Faults that a test sets: which requests they affect, and how."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote, unquote_plus

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from infra.local.cloud.messages import JsonObject, Request, new_id

SERVICES: Final = ("graph", "resourceManager", "keyVault", "login", "managedIdentity")


class FaultSettings(BaseModel):
    """The body of ``POST /faults``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: Literal["graph", "resourceManager", "keyVault", "login", "managedIdentity", "*"] = "*"
    method: str | None = None
    path: str | None = None
    """A regular expression, searched in the request's path and query, as sent and decoded."""
    body: str | None = None
    """A regular expression, searched in the request's body; a form is decoded."""
    tenant: str | None = None
    """Only requests to this tenant, by their token or by login's path."""
    skip: int = Field(default=0, ge=0)
    """Number of matching requests that pass first."""
    times: int | None = Field(default=1, ge=1)
    """Number of affected requests; None for all."""
    kind: Literal["latency", "throttle", "status", "drop", "hold", "stale", "rewrite"]
    when: Literal["before", "after"] = "before"
    """Before or after the request took effect."""
    seconds: float = Field(default=0.0, ge=0)
    retryAfter: int | None = Field(default=None, ge=0)  # noqa: N815 the name on the wire
    status: int | None = Field(default=None, ge=400, le=599)
    code: str | None = None
    message: str | None = None
    find: str = ""
    """Of kind ``rewrite``: a regular expression, whose matches in the answer are replaced by ``put``."""
    put: str = ""
    """With the groups of ``find`` (``\\1``)."""
    fill: int = Field(default=0, ge=0)
    """Replaces ``<fill>`` in ``put`` by so many letters."""

    @field_validator("path", "body", "find")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _complete(self) -> FaultSettings:
        if self.kind == "status" and self.status is None:
            raise ValueError("a fault of kind status needs a status")
        return self

    def rewritten(self, text: str) -> str:
        """An answer with the values of this fault."""
        return re.sub(self.find, self.put.replace("<fill>", "x" * self.fill), text)

    def about(self, service: str, request: Request) -> bool:
        """Whether a request is one of those that the fault is about."""
        return (
            self.service in ("*", service)
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or _matches(self.path, request.target, unquote(request.target)))
            and (
                self.body is None
                or _matches(self.body, unquote_plus(request.body.decode("utf-8", "replace")))
            )
            and (self.tenant is None or self.tenant.lower() == _tenant(service, request))
        )


@dataclass(slots=True)
class Fault:
    """A fault and its hits so far."""

    settings: FaultSettings
    id: str = field(default_factory=new_id)
    seen: int = 0
    hits: int = 0
    held: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by a release: the held requests continue."""

    def meets(self, service: str, request: Request) -> bool:
        """Whether this fault applies to a request; counts it."""
        settings = self.settings
        if not settings.about(service, request):
            return False
        self.seen += 1
        if self.seen <= settings.skip or (settings.times is not None and self.hits >= settings.times):
            return False
        self.hits += 1
        return True

    async def hold(self) -> None:
        """Wait until released."""
        gate = self.gate
        self.held += 1
        try:
            await gate.wait()
        finally:
            self.held -= 1

    def release(self) -> None:
        """Release what is held now; later requests are held again."""
        self.gate.set()
        self.gate = asyncio.Event()

    def body(self) -> JsonObject:
        """As ``GET /faults/{id}`` shows it."""
        shown: dict[str, Any] = self.settings.model_dump()
        return {"id": self.id, "hits": self.hits, "held": self.held, **shown}


class Faults:
    """All faults that are set, in the order in which they were set."""

    def __init__(self) -> None:
        """Start without faults; they do not outlive the process."""
        self._faults: dict[str, Fault] = {}

    def add(self, settings: FaultSettings) -> Fault:
        """Set a fault."""
        fault = Fault(settings)
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Every fault, used up or not."""
        return list(self._faults.values())

    def get(self, fault_id: str) -> Fault | None:
        """One fault."""
        return self._faults.get(fault_id)

    def remove(self, fault_id: str) -> bool:
        """Remove a fault and release what it holds."""
        fault = self._faults.pop(fault_id, None)
        if fault is not None:
            fault.release()
        return fault is not None

    def clear(self) -> None:
        """Remove all faults."""
        for fault_id in list(self._faults):
            self.remove(fault_id)

    def meeting(self, service: str, request: Request) -> list[Fault]:
        """The faults for a request: any that delay it or rewrite its answer, and at most one other."""
        struck: list[Fault] = []
        for fault in list(self._faults.values()):
            if fault.meets(service, request):
                struck.append(fault)
                if fault.settings.kind not in {"latency", "rewrite"}:
                    break
        return struck


def _matches(pattern: str, *texts: str) -> bool:
    return any(re.search(pattern, text) for text in texts)


def _tenant(service: str, request: Request) -> str:
    """The tenant in a request, without a check whether the caller may use it."""
    if service == "login":
        return request.path.strip("/").partition("/")[0].lower()
    payload = request.headers.get("Authorization", "").partition(".")[2].partition(".")[0]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return ""
    return str(claims.get("tid", "")).lower() if isinstance(claims, dict) else ""
