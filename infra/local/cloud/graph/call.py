"""One Graph request after its token was checked, and the answers of its handlers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.cloud.graph.errors import GraphError, denied, malformed
from infra.local.cloud.messages import Answer, JsonObject, Need
from infra.local.cloud.tokens import Caller


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """The key of one object in a path: ``id`` or an alternate key such as ``appId``."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request to one of Graph's resources."""

    method: str
    address: str
    """Base of this Graph, with the version: what contexts and links begin with."""
    path: str
    keys: tuple[Key, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    scattered: bool = False
    """Whether a list begins with an empty page, and has one object on each other page."""
    needs: list[Need] = field(default_factory=list)
    """What this request and the others of its batch needed so far."""

    def json(self) -> JsonObject:
        """The body. Raises ``GraphError`` if it is missing, not JSON, or not an object."""
        if not self.body:
            raise malformed("Empty Payload. JSON content expected.")
        content_type = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if not content_type:
            raise malformed(
                "Write requests (excluding DELETE) must contain the Content-Type header declaration."
            )
        try:
            value = json.loads(self.body) if content_type == "application/json" else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise malformed(
                "Unable to read JSON request payload. Please ensure Content-Type header is set and"
                " payload is of"
                " valid JSON format."
            )
        return value

    def need(self, *roles: str) -> None:
        """Refuse a caller whose token has none of these permissions, the least privileged ones first."""
        held = tuple(role for role in roles if role in self.caller.roles)
        self.needs.append(Need(target=self.path, any_of=roles, held=held))
        if self.caller.roles.isdisjoint(roles):
            raise denied()

    def creates_if_missing(self) -> bool:
        """Whether the caller requests an upsert."""
        return "create-if-missing" in self.headers.get("Prefer", "").lower()


def entity(call: Call, context: str, body: JsonObject, *, status: int = 200) -> Answer:
    """One object, with its context."""
    annotated: dict[str, Any] = {"@odata.context": f"{call.address}/$metadata#{context}"}
    headers = {}
    if status == 201:  # noqa: PLR2004
        headers["Location"] = f"{call.address}/{context.partition('/')[0]}/{body['id']}"
    return Answer(status=status, body=annotated | body, headers=headers)


def done() -> Answer:
    """Success without a body."""
    return Answer(status=204)


def error_answer(error: GraphError, *, request_id: str, client_request_id: str, date: str) -> Answer:
    """An error in Graph's format."""
    inner = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
    body: JsonObject = {"code": error.code, "message": error.message}
    if error.details is not None:
        body["details"] = error.details
    return Answer(status=error.status, body={"error": body | {"innerError": inner}}, headers=error.headers)
