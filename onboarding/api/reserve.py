"""What a deployment can reserve for operators."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from onboarding.errors import ActionKind


class Reserve(StrEnum):
    """What requesters may do to what belongs to them, unless a deployment reserves it for operators.

    The values are those of the setting OPERATORS_ONLY.
    """

    CANCEL = "cancel"
    RETRY = "retry"
    ROLL_BACK = "rollback"
    RENEW = "renew"
    CONFIRM = "confirm"
    REMOVE = "remove"


RESERVED: Final[Mapping[ActionKind, Reserve]] = {
    ActionKind.RETRY: Reserve.RETRY,
    ActionKind.ROLL_BACK: Reserve.ROLL_BACK,
    ActionKind.RENEW_SECRET: Reserve.RENEW,
    ActionKind.CONFIRM_RENEWAL: Reserve.CONFIRM,
    ActionKind.OFF_BOARD: Reserve.REMOVE,
}
"""The actions that call a reserved endpoint: nobody is shown what they cannot do."""
