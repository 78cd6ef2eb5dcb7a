"""The message that starts a step. It contains only the names of the run and the step."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Final

from onboarding.storage.codec import Codec


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMessage:
    """Runs one step, or (if ``step`` is empty) all steps of the run that can continue."""

    run: str
    step: str = ""
    attempt: int = 0  # the attempt that the message starts; a late or repeated message has an old number
    key: str = field(default_factory=lambda: uuid.uuid4().hex)  # distinguishes this message from similar ones
    traceparent: str = ""  # W3C Trace Context of the request
    claim: str = ""  # the version of a claim: its worker is dead if the step still has it
    postponed: int = 0  # how often it was postponed because its owner had its share of the workers


MESSAGES: Final = Codec(StepMessage)
"""The format of a message on the queue."""
