"""The form of a client secret: what a person can confuse with it, or copy along with it."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

LONGEST: Final = 1024
"""More than any client secret has: those of Entra ID have 16 to 64 characters.

Source: https://learn.microsoft.com/graph/api/resources/passwordcredential.
"""

_GUID: Final = re.compile(r"[({]?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[)}]?", re.IGNORECASE)


def fault(value: str) -> str | None:
    """Why a text cannot be a client secret, as the end of a sentence; None if it can be one.

    The portal shows the ID of a secret, a GUID, beside its value.
    Source: https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials.
    """
    if not value:
        return "is empty"
    if value != value.strip():
        return "begins or ends with white space, which is not part of a client secret"
    for position, character in enumerate(value):
        if character.isspace():
            return f"contains white space (at {position}), which no client secret has"
        if unicodedata.category(character).startswith("C"):
            return f"contains the invisible character U+{ord(character):04X} (at {position})"
    if _GUID.fullmatch(value):
        return "is a GUID: this is the ID of a client secret (key ID), not its value"
    return None


def _possible(secret: SecretStr) -> SecretStr:
    if found := fault(secret.get_secret_value()):
        raise ValueError(f"The client secret {found}.")
    return secret


ClientSecret = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST), AfterValidator(_possible)]
"""The value of a client secret in a request."""


def label(onboarding: str, renewal: str = "") -> str:
    """How the names begin, in Entra ID, of the secrets that an onboarding or one of its renewals creates."""
    return f"cmg-{onboarding}-{renewal[:8]}-" if renewal else f"cmg-{onboarding}-"
