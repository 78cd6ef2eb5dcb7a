"""Azure role-based access control: whether a set of permissions allows an action.

Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def allows(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether one of the permissions allows an action: named by its actions, and not by its notActions.

    Each permission is one role assignment, and an action that one of them excludes can be allowed by another.
    Deny assignments are not included, so an action that is allowed here can still be refused.
    """
    return any(
        _names(permission.get("actions"), action) and not _names(permission.get("notActions"), action)
        for permission in permissions
    )


def _names(patterns: object, action: str) -> bool:
    found = patterns if isinstance(patterns, list | tuple) else ()
    return any(_fits(pattern.casefold(), action.casefold()) for pattern in found if isinstance(pattern, str))


def _fits(pattern: str, action: str) -> bool:
    """Whether a pattern with any number of asterisks matches, in a time that its author cannot increase."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == action
    if not action.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        if (found := action.find(part, at)) < 0:
            return False
        at = found + len(part)
    return len(action) - at >= len(rest[-1]) and action.endswith(rest[-1])
