"""Graph's refusals. Status, code and wording are Graph's own, since clients distinguish them by those.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.cloud.messages import JsonObject


class GraphError(Exception):
    """A request that Graph refuses."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[JsonObject] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``details`` name the property at fault where Graph does so."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers or {}


def bad_request(message: str, *, detail: str | None = None, target: str | None = None) -> GraphError:
    """The directory's general refusal of a value; ``detail`` is the code inside ``details``."""
    details = None
    if detail is not None:
        details = [{"code": detail, "message": message, "target": target}]
    return GraphError(400, "Request_BadRequest", message, details=details)


def malformed(message: str) -> GraphError:
    """A refusal by Graph's gateway, before the directory sees the request."""
    return GraphError(400, "BadRequest", message)


def not_found(object_id: str) -> GraphError:
    """An object that does not exist, or is not visible yet."""
    return GraphError(404, "Request_ResourceNotFound", _absent(object_id))


def absent_reference(object_id: str) -> GraphError:
    """An object that a write refers to and that is not visible (yet)."""
    return bad_request(_absent(object_id))


def _absent(object_id: str) -> str:
    return (
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not"
        " present."
    )


def no_segment(segment: str) -> GraphError:
    """A path that Graph does not have."""
    return malformed(f"Resource not found for the segment '{segment}'.")


def denied(message: str = "Insufficient privileges to complete the operation.") -> GraphError:
    """The token lacks a permission, or the caller does not own the object."""
    return GraphError(403, "Authorization_RequestDenied", message)


def conflict(name: str) -> GraphError:
    """A value that must be unique and is taken, perhaps by an object in the deleted items."""
    message = f"Another object with the same value for property {name} already exists."
    return bad_request(message, detail="ObjectConflict", target=name)


def no_backing_application(app_id: str) -> GraphError:
    """A service principal for an application that does not exist, or is not visible yet."""
    message = f"The appId '{app_id}' of the service principal does not reference a valid application object."
    details: list[JsonObject] = [
        {"code": "NoBackingApplicationObject", "message": message, "target": "appId", "blockedWord": ""}
    ]
    return GraphError(400, "Request_BadRequest", message, details=details)


def read_only(name: str) -> GraphError:
    """A property that callers cannot set."""
    return bad_request(f"Property '{name}' is read-only and cannot be set.")


def invalid_value(name: str, resource: str) -> GraphError:
    """A property with an invalid value."""
    return bad_request(
        f"Invalid value specified for property '{name}' of resource '{resource}'.",
        detail="InvalidValue",
        target=name,
    )


def required(name: str, resource: str) -> GraphError:
    """A required property."""
    return bad_request(f"A value is required for property '{name}' of resource '{resource}'.")


def unsupported_query(message: str) -> GraphError:
    """A query option, or a use of one, that the directory does not support."""
    return GraphError(400, "Request_UnsupportedQuery", message)
