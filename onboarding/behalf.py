"""On whose behalf a caller acts: a portal is one application, whichever of its users acts."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.words.word import EMPTY, Word


@dataclass(frozen=True, slots=True)
class Behalf:
    """What a caller reports about the person behind a call. It is shown, and has no other effect."""

    name: Word
    reference: Word = EMPTY  # such as the number of a ticket
