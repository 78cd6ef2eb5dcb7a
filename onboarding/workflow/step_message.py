"""The message that makes a step run: it names the run and the step, and nothing else of either."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Final

from onboarding.storage.codec import Codec


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMessage:
    """Runs one step, or (``step`` empty) whatever of the run can go on."""

    run: str
    step: str = ""
    attempt: int = 0  # the attempt this message is for; one that comes late or twice finds another number
    key: str = field(default_factory=lambda: uuid.uuid4().hex)  # tells this message from a similar one
    traceparent: str = ""  # W3C Trace Context of the request that began it


MESSAGES: Final = Codec(StepMessage)
"""How a message looks on the queue."""
