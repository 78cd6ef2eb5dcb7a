"""All declared errors by their code."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from onboarding.errors import requests
from onboarding.errors.base import ErrorType

MODULES: Final[tuple[ModuleType, ...]] = (requests,)
"""By audience, in the order in which the documentation lists them."""


def declared(module: ModuleType) -> tuple[ErrorType, ...]:
    """The errors that a module declares, in its order."""
    return tuple(kind for kind in vars(module).values() if isinstance(kind, ErrorType))


CATALOGUE: Final = {kind.code: kind for module in MODULES for kind in declared(module)}
