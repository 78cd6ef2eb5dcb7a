"""What a deployment can reserve for operators."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from onboarding.errors.actions import Action, ActionKind
from onboarding.errors.actors import Actor


class OwnerAction(StrEnum):
    """What requesters may do to their own resources, unless a deployment reserves it for operators.

    The values are those of the setting OPERATORS_ONLY.
    """

    CANCEL = "cancel"
    RETRY = "retry"
    ROLL_BACK = "rollback"
    RENEW = "renew"
    CONFIRM = "confirm"
    REMOVE = "remove"


RESERVED: Final[Mapping[ActionKind, OwnerAction]] = {
    ActionKind.RETRY: OwnerAction.RETRY,
    ActionKind.ROLL_BACK: OwnerAction.ROLL_BACK,
    ActionKind.RENEW_SECRET: OwnerAction.RENEW,
    ActionKind.CONFIRM_RENEWAL: OwnerAction.CONFIRM,
    ActionKind.CONFIRM_HANDOVER: OwnerAction.CONFIRM,
    ActionKind.OFF_BOARD: OwnerAction.REMOVE,
}
"""The actions that call a reserved endpoint. Nobody is shown an action that they cannot use."""


def assigned(actions: Iterable[Action], reserved: Collection[str]) -> tuple[Action, ...]:
    """The actions with those who may use them: the actions that a deployment reserves are for an operator."""
    return tuple(
        replace(action, actor=Actor.OPERATOR)
        if action.actor is Actor.REQUESTER and RESERVED.get(action.kind) in reserved
        else action
        for action in actions
    )


def asking(actions: Iterable[Action], reserved: Collection[str]) -> str:
    """What somebody who is not an operator must ask for; empty if none of it is reserved."""
    labels = dict.fromkeys(f"'{action.label}'" for action in actions if RESERVED.get(action.kind) in reserved)
    return f"Ask an operator of the service, who alone can do this: {', '.join(labels)}." if labels else ""
