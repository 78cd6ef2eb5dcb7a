"""The message that makes a step run: it names the run and the step, and nothing else of either."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any


class InvalidMessageError(ValueError):
    """The message was not made by this app; it can never be carried out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMessage:
    """Runs one step, or (``step`` empty) whatever of the run can go on."""

    run: str
    step: str = ""
    attempt: int = 0  # the attempt this message is for; one that comes late or twice finds another number
    key: str = field(default_factory=lambda: uuid.uuid4().hex)  # tells this message from a similar one
    traceparent: str = ""  # W3C Trace Context of the request that began it

    def as_json(self) -> dict[str, Any]:
        """The message as it is put on the queue."""
        return {
            "run": self.run,
            "step": self.step,
            "attempt": self.attempt,
            "key": self.key,
            "traceparent": self.traceparent,
        }

    @classmethod
    def from_bytes(cls, body: bytes) -> StepMessage:
        """Reads a message; ``InvalidMessageError`` says what is wrong with it."""
        try:
            document = json.loads(body)
            message = cls(**document)
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidMessageError(f"not a step message: {error}") from error
        if not (isinstance(message.run, str) and message.run and isinstance(message.step, str)):
            raise InvalidMessageError("a step message names its run and its step")
        if not isinstance(message.attempt, int) or not isinstance(message.key, str):
            raise InvalidMessageError("attempt is a number and key is text")
        return message
