"""Azure role-based access control: whether a set of permissions allows an action.

Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions.
"""

from __future__ import annotations

import re
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


def _names(patterns: Iterable[str] | None, action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE)
        for pattern in patterns or ()
    )
