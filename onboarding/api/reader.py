"""Who reads an answer, which determines how the texts are worded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from onboarding.errors import ActionKind, Actor
from onboarding.errors.reserve import RESERVED
from onboarding.texts.languages import Language, Texts, texts_in


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """The reader of an answer."""

    operates: bool = False  # an operator, who can follow each remedy
    origin: str = ""  # URL of the API without /api; empty if it is not known
    reserved: Collection[str] = ()  # what the deployment reserves for operators
    language: Language = Language.ENGLISH

    @property
    def texts(self) -> Texts:
        """The texts in the language of the reader."""
        return texts_in(self.language)

    def may(self, kind: ActionKind, actor: Actor) -> bool:
        """Whether the reader is shown an action: an operator sees all of them."""
        return self.operates or (actor is not Actor.OPERATOR and RESERVED.get(kind) not in self.reserved)


ANYBODY: Final = Reader()
"""A reader about whom nothing is known."""
