"""Values of stored enumerations and codes that have another name now, so that rows with them can be read.

A row keeps the value with which it was written. It is read with the present value, except in the audit trail,
whose lines are never changed: its events keep their kinds and codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Final, Self

from pydantic import AfterValidator

FORMER: Final[Mapping[str, Mapping[str, str]]] = {
    "ActionKind": {"ConfirmHandOver": "ConfirmHandover"},
    "CaseCode": {
        "channel-trouble": "delivery-failing",
        "drifting": "connection-drifting",
        "ended": "expiration-passed",
        "ends-soon": "expiration-near",
        "given-up": "poison-message",
        "open-for-long": "onboarding-late",
        "own-trouble": "run-waits-for-operator",
        "stalled": "run-retrying",
        "unreadable": "row-unreadable",
        "waits-for-customer": "run-waits-for-customer",
        "waits-for-site": "handover-waits",
    },
    "ChannelFault": {"own-trouble": "service-error"},
    "ErrorCode": {
        "message-field": "message-field-unknown",
        "message-version": "message-version-unknown",
        "no-channel": "channels-not-set-up",
        "no-such-expiration": "expiration-not-found",
        "no-token": "identity-token-unavailable",
        "step-timeout": "attempt-timed-out",
        "timed-out": "wait-timed-out",
    },
    "NoticeKind": {"HandOverConfirmed": "HandoverConfirmed", "HandOverWaits": "HandoverWaits"},
}
"""Former value and present value, by enumeration (or what the codes are of)."""


def present(values: str, value: str) -> str:
    """The present value for a value that an earlier version may have written."""
    return FORMER[values].get(value, value)


class StoredEnum(StrEnum):
    """An enumeration with former values."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        now = FORMER[cls.__name__].get(str(value))
        return None if now is None else cls(now)


CaseCodeText = Annotated[str, AfterValidator(partial(present, "CaseCode"))]
ErrorCodeText = Annotated[str, AfterValidator(partial(present, "ErrorCode"))]
NoticeKindText = Annotated[str, AfterValidator(partial(present, "NoticeKind"))]
"""Stored as text, because a later version may have more values."""
