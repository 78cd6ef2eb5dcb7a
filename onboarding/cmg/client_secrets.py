"""The form of a client secret: what people can mistake for it, or copy with it."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from onboarding.cmg.faults import Fault, fault

LONGEST: Final = 1024
"""The maximum number of characters, more than any client secret has: those of Entra ID have 16 to 64.

Source: https://learn.microsoft.com/graph/api/resources/passwordcredential.
"""

_GUID: Final = re.compile(r"[({]?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[)}]?", re.IGNORECASE)


def flaw(value: str) -> Fault | None:
    """Why a text cannot be a client secret; None if it can be one.

    The portal shows the ID of a secret, a GUID, beside its value.
    Source: https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials.
    """
    if not value:
        return fault("text-empty")
    if value != value.strip():
        return fault("white-space-around")
    for position, character in enumerate(value):
        if character.isspace():
            return fault("client-secret-with-white-space", position=position)
        if unicodedata.category(character).startswith("C"):
            return fault("invisible-character", character=f"U+{ord(character):04X}", position=position)
    if _GUID.fullmatch(value):
        return fault("client-secret-is-key-id")
    return None


def _possible(secret: SecretStr) -> SecretStr:
    if found := flaw(secret.get_secret_value()):
        raise found.error()
    return secret


ClientSecret = Annotated[SecretStr, Field(min_length=1, max_length=LONGEST), AfterValidator(_possible)]
"""The value of a client secret in a request."""


def label(onboarding: str, renewal: str = "") -> str:
    """The beginning of the names, in Entra ID, of the secrets of an onboarding and its renewals."""
    return f"cmg-{onboarding}-{renewal[:8]}-" if renewal else f"cmg-{onboarding}-"
