"""How deliveries end, as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from onboarding.texts import phrases
from onboarding.texts.phrases import Said


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryResult:
    """How a delivery ended: what the channel answered, or why nothing was sent."""

    outcome: str
    said: Said | None = None  # the same; None: an earlier version wrote it

    @property
    def how(self) -> Said:
        """The outcome."""
        return phrases.stored(self.said, self.outcome)

    @classmethod
    def of(cls, outcome: Said, **more: int) -> Self:
        """The result with this outcome."""
        return cls(outcome=outcome.text, said=outcome, **more)


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestResult(DeliveryResult):
    """How the delivery of a digest ended, and the number of notices."""

    notices: int = 0
