"""Responses of Microsoft's services that the service cannot read, or does not read completely."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, TransientError

ANSWER_UNREADABLE: Final = ErrorType(
    code="answer-unreadable",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="The service cannot read the response of a Microsoft service",
    detail="The service cannot read the response of {service}: {fault}.",
    remedy=(
        "Try the request again later. The service retries steps automatically. If the error persists, check "
        "whether a proxy changes responses."
    ),
)
ANSWER_TOO_LARGE: Final = ErrorType(
    code="answer-too-large",
    failure=PermanentError,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="The response of a Microsoft service is too large",
    detail="The response of {service} is larger than {limit} MiB, so the service does not read it.",
    remedy=(
        "Ask an administrator of the tenant to remove entries that the applications do not need, then try "
        "again."
    ),
    documentation="https://learn.microsoft.com/entra/identity/users/directory-service-limits-restrictions",
)
VALUE_UNREADABLE: Final = ErrorType(
    code="value-unreadable",
    failure=PermanentError,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="An object of the directory has a value that the service cannot read",
    detail="{service} returned an object with a value that the service cannot read: {fault}.",
    remedy="Ask an administrator of the tenant to correct the value, or to remove it. Then try again.",
)
