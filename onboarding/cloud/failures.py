"""Errors of the Microsoft cloud as this app's errors: which may pass, which is lag, which is final.

The rules follow what the services answer in practice; messages are looked at only where the code says
nothing (``Request_BadRequest``).
Sources: https://learn.microsoft.com/graph/errors, https://learn.microsoft.com/graph/throttling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from onboarding.errors import OnboardingError, PermanentError, ReplicationLagError, TransientError

_LAG_CODES: Final = {"NoBackingApplicationObject", "Directory_ObjectNotFound", "Request_ResourceNotFound"}
_LAG_MESSAGES: Final = re.compile(
    r"reference-property objects are not present|Not a valid reference update|does not reference a valid "
    r"application|backing application of the service principal|Permission Id that cannot be found",
    re.IGNORECASE,
)
_EXISTS: Final = re.compile(r"already exists", re.IGNORECASE)
_PASSING: Final = {408, 423, 424, 425, 429, 500, 502, 503, 504}
_CONCURRENCY: Final = {"Directory_ConcurrencyViolation"}
_OTHER_TENANT: Final = "InvalidAuthenticationTokenTenant"
"""Resource Manager's word for a subscription of another tenant than the token's: no new token helps."""

_NO_CHANCE_LOGIN: Final = re.compile(r"AADSTS(7000\d+|700016|70021\d*|65001|90002|900\d\d|500011)")

_REMEDIES: Final[Mapping[str, str]] = {
    "Authorization_RequestDenied": (
        "Grant the service's identity the Graph permission that this call needs (docs/deploy.md), then retry."
    ),
    "AuthorizationFailed": (
        "Assign the service's identity a role on the subscription with the action named above, "
        "such as Contributor, then retry."
    ),
    "CredentialInvalidLifetimeAsPerAppPolicy": "Ask for a shorter secret (serverApp.secretEndDate).",
    "CredentialTypeNotAllowedAsPerAppPolicy": (
        "The tenant's app management policy forbids client secrets; exempt the service's identity from it."
    ),
    "HostNameNotOnVerifiedDomain": "Use an App ID URI on a verified domain of the tenant, or leave it out.",
    "Forbidden": "Assign the service's identity the role Key Vault Secrets Officer on the vault, then retry.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a service answered when it refused."""

    service: str
    status: int
    code: str = ""
    message: str = ""
    details: tuple[str, ...] = ()  # codes of the error's details
    retry_after: float | None = None
    request_id: str = ""
    needs: str = ""  # the permission that the call needs, where it is known

    @classmethod
    def from_body(cls, service: str, status: int, headers: Mapping[str, str], body: Any) -> Answer:
        """Reads ``{"error": {"code", "message", "details"}}``; copes with anything else."""
        error = body.get("error") if isinstance(body, dict) else None
        error = error if isinstance(error, dict) else {}
        details = error.get("details")
        details = details if isinstance(details, list) else []
        return cls(
            service=service,
            status=status,
            code=str(error.get("code") or ""),
            message=str(error.get("message") or ""),
            details=tuple(str(each.get("code")) for each in details if isinstance(each, dict)),
            retry_after=_seconds(headers.get("Retry-After")),
            request_id=headers.get("request-id") or headers.get("x-ms-request-id") or "",
        )

    @property
    def already_exists(self) -> bool:
        """Whether it refused because what was asked for is there."""
        return self.status in {400, 409} and bool(_EXISTS.search(self.message))

    @property
    def lags(self) -> bool:
        """Whether it speaks as the directory does about objects that it has not replicated yet."""
        if self.status not in {400, 403, 404}:
            return False
        return bool({self.code, *self.details} & _LAG_CODES) or bool(_LAG_MESSAGES.search(self.message))


def error_of(answer: Answer, *, fresh: bool = False) -> OnboardingError:
    """The error for an answer.

    Args:
        answer: What the service said.
        fresh: The call was about objects that were created a short while ago, so that "not found" can be
            replication lag.
    """
    said = f"{answer.service} answered {answer.status} {answer.code}: {answer.message}".rstrip(": ")
    if answer.status in _PASSING or _CONCURRENCY & {answer.code, *answer.details}:
        code = "throttled" if answer.status == HTTPStatus.TOO_MANY_REQUESTS else TransientError.code
        return TransientError(said, code=code, retry_after=answer.retry_after, request_id=answer.request_id)
    if fresh and answer.lags:
        return ReplicationLagError(said, retry_after=answer.retry_after, request_id=answer.request_id)
    if answer.status == HTTPStatus.UNAUTHORIZED and answer.code != _OTHER_TENANT:
        return TransientError(said, code="token-refused", request_id=answer.request_id)
    remedy = next((_REMEDIES[code] for code in (answer.code, *answer.details) if code in _REMEDIES), "")
    if answer.needs and answer.code == "Authorization_RequestDenied":
        remedy = f"{remedy} It is {answer.needs}."
    return PermanentError(
        said,
        code=_kebab(answer.code) or "refused-by-cloud",
        title=f"{answer.service} refused a call",
        remedy=remedy,
        request_id=answer.request_id,
    )


def unreachable(service: str, error: Exception) -> TransientError:
    """The error for a call that brought no answer."""
    return TransientError(f"{service} could not be reached ({type(error).__name__}).", code="unreachable")


def no_token(service: str, error: Exception) -> OnboardingError:
    """The error for a token that was not given. Its message never holds more than Entra's own code."""
    found = re.search(r"AADSTS\d+", str(error))
    code = found.group() if found else type(error).__name__
    detail = f"No token for {service}: the identity platform answered {code}."
    if _NO_CHANCE_LOGIN.search(str(error)):
        return PermanentError(
            detail,
            code="no-token",
            title="The service's identity gets no token",
            remedy="Check the managed identity and its consent in the tenant (docs/deploy.md).",
        )
    return TransientError(detail, code="no-token")


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is left to our own delays."""
    try:
        return max(float(text), 0) if text else None
    except ValueError:
        return None


def _kebab(code: str) -> str:
    """``HostNameNotOnVerifiedDomain`` as ``host-name-not-on-verified-domain``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", code).lower()
