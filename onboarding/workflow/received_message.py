"""Reads a queue message and its run. Either can be unreadable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from onboarding.errors import ErrorType, OnboardingError, steps
from onboarding.storage.codec import FieldsError, UnknownVersionError, UnreadableError
from onboarding.storage.unreadable_rows import UnreadableRowError
from onboarding.texts import phrases, reasons
from onboarding.texts.phrases import Said
from onboarding.workflow.poison_messages import PoisonReason
from onboarding.workflow.run import Run
from onboarding.workflow.runtime import Runtime
from onboarding.workflow.step_message import MESSAGES, StepMessage

_LONGEST: Final = 1000
_LONGEST_ID: Final = 100

ERRORS: Final[Mapping[PoisonReason, ErrorType]] = {
    PoisonReason.INVALID: steps.MESSAGE_INVALID,
    PoisonReason.UNKNOWN_VERSION: steps.MESSAGE_VERSION_UNKNOWN,
    PoisonReason.UNKNOWN_FIELD: steps.MESSAGE_FIELD_UNKNOWN,
    PoisonReason.UNKNOWN_RUN: steps.MESSAGE_RUN_UNKNOWN,
    PoisonReason.UNREADABLE_RUN: steps.MESSAGE_RUN_UNREADABLE,
    PoisonReason.WORKER_CRASHED: steps.WORKER_CRASHED,
}
"""The error of each reason."""


class HopelessError(Exception):
    """The message cannot be processed, however often it is sent."""

    def __init__(self, reason: PoisonReason, error: OnboardingError, run: str = "") -> None:
        super().__init__(error.detail)
        detail = error.detail  # it can quote the message, which can be longer than a column of a table
        whole = len(detail) <= _LONGEST
        self.detail = detail if whole else f"{detail[:_LONGEST]}\u2026"
        self.values = error.json_args if whole else {}
        self.reason, self.run = reason, run


def read(body: bytes) -> StepMessage:
    """The message in a body. Raises ``HopelessError``."""
    try:
        message = MESSAGES.load(body)
    except UnknownVersionError as error:
        version = reasons.NO_VERSION.of() if error.version is None else json.dumps(error.version)
        wrong = steps.MESSAGE_VERSION_UNKNOWN.error(version=version, newest=error.newest)
        raise HopelessError(PoisonReason.UNKNOWN_VERSION, wrong) from error
    except FieldsError as error:
        if error.unknown:
            unknown = steps.MESSAGE_FIELD_UNKNOWN.error(
                unknown=list(error.unknown), wrong=list(error.wrong) or phrases.NONE.of()
            )
            raise HopelessError(PoisonReason.UNKNOWN_FIELD, unknown) from error
        raise _invalid(reasons.MESSAGE_FIELDS.of(fields=list(error.wrong))) from error
    except UnreadableError as error:
        raise _invalid(reasons.MESSAGE_NO_OBJECT.of()) from error
    if not 0 < len(message.run) <= _LONGEST_ID:
        raise _invalid(reasons.MESSAGE_NO_RUN.of())
    return message


async def run_of(runtime: Runtime, message: StepMessage) -> Run:
    """The run of a message. Raises ``HopelessError``."""
    damaged = steps.MESSAGE_RUN_UNREADABLE.error(run=message.run)
    try:
        run = await runtime.load(message.run)
    except UnreadableRowError as error:
        await runtime.store.note(error)
        raise HopelessError(PoisonReason.UNREADABLE_RUN, damaged, message.run) from error
    if run is None:
        gone = steps.MESSAGE_RUN_UNKNOWN.error(run=message.run)
        raise HopelessError(PoisonReason.UNKNOWN_RUN, gone, message.run)
    if run.is_damaged:
        raise HopelessError(PoisonReason.UNREADABLE_RUN, damaged, message.run)
    return run


def undecodable() -> HopelessError:
    """Why a message that is not in base64 cannot be processed."""
    return _invalid(reasons.MESSAGE_NO_BASE64.of())


def _invalid(fault: Said) -> HopelessError:
    return HopelessError(PoisonReason.INVALID, steps.MESSAGE_INVALID.error(fault=fault))
