"""What a query says: ids, and one of several names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from onboarding.api.problems import bad_parameter

_Name = TypeVar("_Name", bound=StrEnum)


def known_only(parameters: Mapping[str, str], *known: str) -> dict[str, str]:
    """The parameters, when each of them is known. Raises ``ProblemError`` for one that is not."""
    if unknown := sorted(set(parameters) - set(known)):
        raise bad_parameter(unknown[0], f"there is no such parameter; there are {', '.join(known)}.")
    return dict(parameters)


def tenant_id(parameters: Mapping[str, str]) -> str | None:
    """The parameter ``tenantId``, if there is one. Raises ``ProblemError`` for what is no id."""
    text = parameters.get("tenantId")
    if text is not None and not is_id(text):
        raise bad_parameter("tenantId", "must be a tenant id.")
    return text.lower() if text else None


def one_of(parameters: Mapping[str, str], name: str, names: type[_Name]) -> _Name | None:
    """A parameter that is one of several names, if there is one. Raises ``ProblemError`` for any other."""
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return names(text)
    except ValueError as error:
        raise bad_parameter(name, f"must be one of {', '.join(names)}.") from error


def is_id(text: str) -> bool:
    """Whether a text is a UUID in its usual form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
