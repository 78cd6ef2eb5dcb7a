"""The requests to the secrets of Key Vault: their values, the action that each needs, and refusals."""

from __future__ import annotations

import json
from typing import Final

from infra.local.cloud.messages import JsonObject, Request

_LONGEST_CONTENT_TYPE: Final = 255
_LONGEST_TAG: Final = 256
_MOST_TAGS: Final = 15


class VaultError(Exception):
    """A request that Key Vault refuses."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        """Status, code, inner code and wording are Key Vault's own."""
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner


def count(request: Request, name: str, default: int) -> int:
    """A number in the query."""
    text = request.query.get(name) or str(default)
    if not text.isdecimal():
        raise bad_request(f"The parameter {name} is invalid.")
    return int(text)


def document(request: Request) -> JsonObject:
    """The body of a request."""
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise bad_request("The request body is not a valid JSON object.")
    return body


def changes_of(wanted: JsonObject, before: JsonObject) -> JsonObject:
    """The changes of a version in a request. Raises ``VaultError`` for a wrong value."""
    changes: JsonObject = {}
    attributes = wanted.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise bad_request("The parameter attributes is invalid.")
    for name, kind in (("enabled", bool), ("exp", int), ("nbf", int)):
        value = attributes.get(name)
        if value is not None and type(value) is not kind:
            raise bad_request(f"The parameter attributes.{name} is invalid.")
    given = {name: attributes[name] for name in ("enabled", "exp", "nbf") if attributes.get(name) is not None}
    changes["attributes"] = before["attributes"] | given
    if (content_type := wanted.get("contentType")) is not None:
        if not isinstance(content_type, str) or len(content_type) > _LONGEST_CONTENT_TYPE:
            raise bad_request("The parameter contentType is invalid.")
        changes["contentType"] = content_type
    if (tags := wanted.get("tags")) is not None:
        if not isinstance(tags, dict) or not all(isinstance(tag, str) for tag in tags.values()):
            raise bad_request("The parameter tags is invalid.")
        if len(tags) > _MOST_TAGS:
            raise bad_request(f"The request contains more than {_MOST_TAGS} tags.")
        if any(len(text) > _LONGEST_TAG for tag in tags.items() for text in tag):
            raise bad_request(f"A tag is longer than {_LONGEST_TAG} characters.")
        changes["tags"] = tags
    return changes


def action_of(method: str, parts: list[str]) -> str:
    """The data action of a request.

    https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault
    """
    if parts[0] == "deletedsecrets":
        names = {"DELETE": "purge", "POST": "recover"}
        return f"secrets/{names.get(method, 'readMetadata')}/action"
    if method == "GET":
        listing = len(parts) == 1 or parts[-1] == "versions"
        return "secrets/readMetadata/action" if listing else "secrets/getSecret/action"
    return {"PUT": "secrets/setSecret/action", "PATCH": "secrets/update/action"}.get(method, "secrets/delete")


def version_of(secret: JsonObject, wanted: str) -> JsonObject:
    """A version by its ID, or the newest."""
    if not wanted:
        newest: JsonObject = secret["versions"][-1]
        return newest
    for version in secret["versions"]:
        if version["version"] == wanted.lower():
            found: JsonObject = version
            return found
    raise not_found(f"{secret['name']}/{wanted}")


def bad_request(message: str) -> VaultError:
    """The refusal of a wrong value."""
    return VaultError(400, "BadParameter", message)


def not_found(name: str, *, deleted: bool = False) -> VaultError:
    """The refusal of a request for a secret that does not exist."""
    kind = "Deleted Secret" if deleted else "A secret with (name/id)"
    return VaultError(
        404,
        "SecretNotFound",
        f"{kind} {name} was not found in this key vault. If you recently deleted this secret you may be"
        " able to"
        " recover it using the correct recovery command. For help resolving this issue, please see"
        " https://go.microsoft.com/fwlink/?linkid=2125182",
    )
