"""The shapes of directory objects: each value is read separately, and an unreadable one is marked.

The administrators of a tenant choose values, and a value can be older than the rules for it. The rest of this
service relies on the types below. A value of another type is replaced by an empty one, and the object that
contains it is marked: ``fault_of`` returns the reason. So one odd value affects only one object, and readers
of documents need not handle it.

Sources: https://learn.microsoft.com/graph/api/resources/application,
https://learn.microsoft.com/graph/api/resources/passwordcredential,
https://learn.microsoft.com/graph/api/resources/keycredential and
https://learn.microsoft.com/graph/api/resources/tenantappmanagementpolicy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from onboarding.texts import reasons
from onboarding.texts.phrases import Said

NEXT: Final = "@odata.nextLink"
"""The member of a page with the address of the following one (https://learn.microsoft.com/graph/paging)."""
_MARK: Final = "@onboarding.unreadable"
_LONGEST: Final = 2048
"""Characters of a text. The longest that Entra ID stores and this service reads have 256."""
_MOST: Final = 1500
"""Entries of a list. An application has at most 1,200 in all its lists together
(https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions)."""
_DEEPEST: Final = 12
_FIRST, _LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
"""Dates beyond these limits are replaced by them, so that the days before and after them can still be
computed.
"""
_DURATION: Final = TypeAdapter(timedelta)  # reads ISO 8601 durations


def conform(document: Any) -> Any:
    """A document of Graph, or a page of a collection, in which each value has its type."""
    if not isinstance(document, Mapping):
        return document
    reading = _Reading([])
    members = reading.members(document)
    if isinstance(entries := document.get("value"), list):
        members["value"] = [
            _marked(each.members(entry), each.faults)
            for entry in reading.few(entries, "value")
            if isinstance(entry, Mapping) and (each := _Reading([]))
        ]
        if not all(isinstance(entry, Mapping) for entry in entries):
            reading.faults.append(reasons.FAULT_ENTRY.of(path="value"))
    elif "value" in document and document["value"] is None and "id" not in document:
        members["value"] = []
        reading.faults.append(reasons.FAULT_NULL.of(path="value"))
    return _marked(members, reading.faults)


def fault_of(document: Any) -> Said | None:
    """Which value of an object could not be read, and why; None if all could."""
    return document.get(_MARK) if isinstance(document, Mapping) else None


def entries(document: Any) -> list[Mapping[str, Any]]:
    """The entries of a page; none if it is not a page."""
    found = document.get("value") if isinstance(document, Mapping) else None
    return found if isinstance(found, list) else []


def joined(pages: Sequence[Mapping[str, Any]], fault: Said | None = None) -> Mapping[str, Any]:
    """The pages of a list as one, with the first fault among them; ``fault``: of the list itself."""
    whole = {name: value for name, value in pages[0].items() if name not in {NEXT, _MARK}}
    whole["value"] = [entry for page in pages for entry in entries(page)]
    return _marked(whole, [reason for reason in (*map(fault_of, pages), fault) if reason])


def _marked(members: dict[str, Any], faults: list[Said]) -> dict[str, Any]:
    return {**members, _MARK: faults[0]} if faults else members


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of one object; ``faults`` collects what could not be read."""

    faults: list[Said]

    def members(self, found: Mapping[str, Any], path: str = "", depth: int = 0) -> dict[str, Any]:
        """The members of an object. Those that this service does not read are unchanged."""
        if depth > _DEEPEST:
            self.faults.append(reasons.FAULT_NESTED.of(path=path))
            return {}
        read = {
            name: self._member(found, name, value, f"{path}.{name}" if path else name, depth)
            for name, value in found.items()
            if name != _MARK  # nobody else sets it
        }
        if depth and "restrictionType" not in found:  # a restriction of secrets is not a secret
            for name in _NEEDED.get(path.rpartition(".")[2].partition("[")[0], ()):
                if name not in read:
                    self.faults.append(reasons.FAULT_MISSING.of(path=f"{path}.{name}"))
                    read[name] = _SCALARS[name].empty
        return read

    def _member(self, found: Mapping[str, Any], name: str, value: Any, path: str, depth: int) -> Any:
        is_object = isinstance(value, Mapping)
        if name in _LISTS and not (name in _ALSO_OBJECTS and is_object):
            return self._list(value, path, depth, needed="id" in found)
        if name in _OBJECTS or name in _ALSO_OBJECTS:
            if value is not None and not is_object:
                self.faults.append(reasons.FAULT_NO_OBJECT.of(path=path))
            return self.members(value, path, depth + 1) if is_object else None
        scalar = _SCALARS.get(name)
        page = name == "value" and isinstance(value, list)
        return value if scalar is None or page else self._scalar(scalar, value, path)

    def _scalar(self, scalar: _Scalar, value: Any, path: str) -> Any:
        if value is None and scalar.nullable:
            return None
        try:
            return scalar.read(value)
        except (ValueError, TypeError, OverflowError):
            self.faults.append(_fault(path, value))
            return scalar.empty

    def _list(self, value: Any, path: str, depth: int, *, needed: bool) -> list[Any]:
        if value is None and not needed:
            return []
        if not isinstance(value, list):
            self.faults.append(_fault(path, value))
            return []
        texts = path.rpartition(".")[2] in _TEXTS
        return [
            self._text(entry, f"{path}[{index}]")
            if texts
            else self.members(entry, f"{path}[{index}]", depth + 1)
            for index, entry in enumerate(self.few(value, path))
            if texts or self._is_object(entry, f"{path}[{index}]")
        ]

    def few(self, entries: list[Any], path: str) -> list[Any]:
        """The entries of a list up to the limit."""
        if len(entries) > _MOST:
            self.faults.append(reasons.FAULT_ENTRIES.of(path=path, count=len(entries)))
        return entries[:_MOST]

    def _is_object(self, entry: Any, path: str) -> bool:
        if not isinstance(entry, Mapping):
            self.faults.append(reasons.FAULT_NO_OBJECT.of(path=path))
        return isinstance(entry, Mapping)

    def _text(self, value: Any, path: str) -> str:
        try:
            return _text(value)
        except ValueError:
            self.faults.append(_fault(path, value))
            return ""


def _text(value: Any) -> str:
    """A text of a directory."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError("not a text of this length")
    return storable(value)


def storable(text: str) -> str:
    """A text without half of a surrogate pair, which can neither be stored nor sent."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _moment(value: Any) -> str:
    """A date as text in UTC, as ``datetime.fromisoformat`` reads it."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    if found.replace(tzinfo=UTC) < _FIRST:
        return _FIRST.isoformat()
    if found.replace(tzinfo=UTC) > _LAST:
        return _LAST.isoformat()
    return found.astimezone(UTC).isoformat()


def _duration(value: Any) -> str:
    """An ISO 8601 duration."""
    text = _text(value)
    _DURATION.validate_python(text)
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not a number")
    return value


def _fault(path: str, value: Any) -> Said:
    """Why a value cannot be read, for people who know the directory."""
    if value is None:
        return reasons.FAULT_NULL.of(path=path)
    if not isinstance(value, str):
        return reasons.FAULT_TYPE.of(path=path, type=type(value).__name__)
    if len(value) > _LONGEST:
        return reasons.FAULT_LONG.of(path=path)
    return reasons.FAULT_FORM.of(path=path, form=ascii(value[:40]))


@dataclass(frozen=True, slots=True)
class _Scalar:
    """How a value is read, what replaces one that cannot be read, and whether null is a value."""

    read: Callable[[Any], Any]
    empty: Any
    nullable: bool = True


_NAMED: Final = _Scalar(_text, "", nullable=False)
_DATED: Final = _Scalar(_moment, _FIRST.isoformat(), nullable=False)
_SCALARS: Final[Mapping[str, _Scalar]] = {
    **dict.fromkeys(("id", "appId", "keyId", "resourceId", "appRoleId", "resourceAppId", "name"), _NAMED),
    **dict.fromkeys(
        ("displayName", "uniqueName", "hint", "scope", "consentType", "value", "type"), _Scalar(_text, "")
    ),
    **dict.fromkeys(("signInAudience", "state", "restrictionType", "secretText"), _Scalar(_text, "")),
    **dict.fromkeys(("startDateTime", "endDateTime"), _DATED),
    **dict.fromkeys(
        ("createdDateTime", "deletedDateTime", "restrictForAppsCreatedAfterDateTime"), _Scalar(_moment, None)
    ),
    **dict.fromkeys(
        ("isEnabled", "accountEnabled", "isInitial", "isFallbackPublicClient"), _Scalar(_flag, None)
    ),
    **dict.fromkeys(("isDeviceOnlyAuthSupported", "enableIdTokenIssuance"), _Scalar(_flag, None)),
    "requestedAccessTokenVersion": _Scalar(_number, None),
    "maxLifetime": _Scalar(_duration, None),
}
_TEXTS: Final = {"identifierUris", "redirectUris"}
_LISTS: Final = _TEXTS | {
    "passwordCredentials",
    "keyCredentials",
    "federatedIdentityCredentials",
    "verifiedDomains",
    "requiredResourceAccess",
    "resourceAccess",
    "oauth2PermissionScopes",
    "appRoleAssignments",
    "customSecurityAttributes",
}
_OBJECTS: Final = {
    "web",
    "api",
    "publicClient",
    "implicitGrantSettings",
    "applicationRestrictions",
    "restrictions",
    "excludeActors",
    "nonDefaultUriAddition",
}
_ALSO_OBJECTS: Final = {"identifierUris"}
"""A list in an application, and an object in a policy."""
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "passwordCredentials": ("keyId", "startDateTime", "endDateTime"),
    "keyCredentials": ("keyId", "endDateTime"),
    "federatedIdentityCredentials": ("id",),
    "verifiedDomains": ("name",),
    "oauth2PermissionScopes": ("id",),
    "appRoleAssignments": ("resourceId", "appRoleId"),
}
"""What the entries of a list always have."""
