"""Azure role-based access control, as far as it is needed: does a set of permissions allow an action?

Source: https://learn.microsoft.com/azure/role-based-access-control/role-definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


def allows(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Whether one of the permissions allows an action: named by its actions, and not by its notActions.

    Each permission stands for one role assignment, and what one of them leaves out another may allow.
    Deny assignments are not among them, so "yes" can still turn out to be "no".
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
