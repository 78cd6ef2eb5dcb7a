"""Errors of the Microsoft cloud as errors of this service: transient, replication lag, or permanent.

The rules follow the observed answers of the services. A message counts only if the code is general
(``Request_BadRequest``).
Sources: https://learn.microsoft.com/graph/errors, https://learn.microsoft.com/graph/throttling.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from onboarding.cloud import shapes
from onboarding.cloud.guest import Guest
from onboarding.cloud.service_names import KEY_VAULT, RESOURCE_MANAGER
from onboarding.errors import Actor, ErrorType, OnboardingError, cloud, login
from onboarding.texts import reasons

_LAG_CODES: Final = {"NoBackingApplicationObject", "Directory_ObjectNotFound", "Request_ResourceNotFound"}
_LAG_MESSAGES: Final = re.compile(
    r"reference-property objects are not present|Not a valid reference update|does not reference a valid "
    r"application|backing application of the service principal|Permission Id that cannot be found",
    re.IGNORECASE,
)
_EXISTS: Final = re.compile(r"already (exists|in use)", re.IGNORECASE)
_DENIED: Final = "Authorization_RequestDenied"
_PASSING: Final = {408, 423, 424, 425}
_THROTTLED: Final = {429, 509}
_LASTING: Final = {501, 505, 507}
"""Statuses for what a server does not implement, and for an exhausted quota. All other statuses from 500 are
outages.
"""
_LONGEST_PAUSE: Final = 86_400.0
"""Seconds of Retry-After that count: a damaged one must not end a run, or stop it for years."""
_CONCURRENCY: Final = {"Directory_ConcurrencyViolation", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"}
_NO_PRINCIPAL: Final = {"Authorization_IdentityNotFound", "Authorization_IdentityDisabled"}
"""Graph's codes for a token whose service principal was deleted or disabled in the tenant."""
_OTHER_TENANT: Final = "InvalidAuthenticationTokenTenant"
"""Resource Manager's code for a subscription of another tenant: a new token does not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer of a service that refused a call."""

    service: str
    status: int
    code: str = ""
    message: str = ""
    details: tuple[str, ...] = ()  # codes of the error's details
    retry_after: float | None = None
    request_id: str = ""
    needs: str = ""  # the permission that the call requires, if it is known
    guest: Guest | None = None  # who asked, in a tenant other than the service's own

    @classmethod
    def from_body(cls, service: str, status: int, headers: Mapping[str, str], body: Any) -> Answer:
        """Reads ``{"error": {"code", "message", "details"}}``; accepts anything else."""
        error = body.get("error") if isinstance(body, dict) else None
        error = error if isinstance(error, dict) else {}
        details = error.get("details")
        details = details if isinstance(details, list) else []
        if isinstance(inner := error.get("innererror"), dict) and inner.get("code"):  # Key Vault's
            details = [*details, inner]
        named = {name.casefold(): value for name, value in headers.items()}
        return cls(
            service=service,
            status=status,
            code=_said(error.get("code")),
            message=_said(error.get("message")),
            details=tuple(_said(detail.get("code")) for detail in details if isinstance(detail, dict)),
            retry_after=seconds(named.get("retry-after")),
            request_id=named.get("request-id") or named.get("x-ms-request-id") or "",
        )

    @property
    def already_exists(self) -> bool:
        """Whether the service refused because the object already exists."""
        return self.status in {400, 409} and bool(_EXISTS.search(self.message))

    @property
    def passes(self) -> bool:
        """Whether the service could not answer now."""
        outage = self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.status not in _LASTING
        return outage or self.status in _PASSING

    @property
    def denied(self) -> bool:
        """Whether the service lacks a permission, or is not the owner of the object."""
        return self.status == HTTPStatus.FORBIDDEN and self.code == _DENIED

    @property
    def lags(self) -> bool:
        """Whether the answer is the directory's for objects that it has not replicated yet."""
        if self.status not in {400, 403, 404}:
            return False
        return bool({self.code, *self.details} & _LAG_CODES) or bool(_LAG_MESSAGES.search(self.message))


def _said(text: Any) -> str:
    """The text of a service's answer."""
    return shapes.storable(str(text or ""))


def error_of(answer: Answer, *, fresh: bool = False, owned: bool = False) -> OnboardingError:
    """The error for an answer.

    Args:
        answer: The answer of the service.
        fresh: The call was about objects that were created a short while ago, so that "not found" can be
            replication lag.
        owned: Only owners may make the call. For a fresh object a refusal can mean that a replica does not
        know the owner yet; the texts differ by tenant.
    """
    codes = {answer.code, *answer.details}
    if answer.status in _THROTTLED:
        return _error(cloud.THROTTLED, answer)
    if answer.passes or _CONCURRENCY & codes:
        return _error(cloud.SERVICE_UNAVAILABLE, answer)
    if fresh and (answer.lags or (owned and answer.denied)):
        return _error(cloud.REPLICATION_LAG, answer)
    if answer.guest and (answer.denied or answer.code in _NO_PRINCIPAL):
        return _not_admitted(answer, answer.guest)
    if answer.status == HTTPStatus.UNAUTHORIZED and answer.code != _OTHER_TENANT:
        return _error(cloud.TOKEN_REFUSED, answer)
    vault = answer.service == KEY_VAULT
    kind = cloud.refusal(answer.code, *answer.details, actor=_whose(answer), vault=vault)
    return _error(kind, answer)


def _whose(answer: Answer) -> Actor | None:
    """Who must act about a refusal whose code is not known; None: it is about the request."""
    denied = answer.status == HTTPStatus.FORBIDDEN
    if answer.service == KEY_VAULT or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Actor.OPERATOR  # no requester knows the vault, or what a server does not implement
    if answer.service == RESOURCE_MANAGER and denied:
        return Actor.SUBSCRIPTION_OWNER
    return Actor.OPERATOR if denied else None


def _not_admitted(answer: Answer, guest: Guest) -> OnboardingError:
    """The error for a call that the administrator of another tenant has not allowed."""
    return login.CONSENT_INCOMPLETE.error(
        request_id=answer.request_id,
        missing=answer.needs if answer.denied and answer.needs else answer.code,
        tenant=guest.tenant,
        app=guest.app,
        url=guest.url,
        page=guest.page,
    )


def lag(answer: Answer) -> OnboardingError:
    """The error for an object that the directory reports as existing, and does not show yet."""
    return _error(cloud.REPLICATION_LAG, answer)


def _error(kind: ErrorType, answer: Answer) -> OnboardingError:
    text = f"{answer.status} {answer.code}: {answer.message}".rstrip(": ")
    values: dict[str, Any] = {
        "service": answer.service,
        "answer": text,
        "sign": reasons.SIGN_ANSWER.of(service=answer.service, answer=text),
        "permission": answer.needs or reasons.THIS_CALLS_PERMISSION.of(),
    }
    customers = answer.guest and kind.actor is Actor.OPERATOR and kind is not cloud.TOKEN_REFUSED
    return kind.error(
        request_id=answer.request_id,
        retry_after=answer.retry_after,
        actor=Actor.TENANT_ADMINISTRATOR if customers else None,
        **{name: values[name] for name in kind.fields},
    )


def unreachable(service: str, error: Exception) -> OnboardingError:
    """The error for a call without an answer."""
    name = type(error).__name__
    kind = cloud.SERVICE_TIMED_OUT if "timeout" in name.casefold() else cloud.UNREACHABLE
    return kind.error(service=service, kind=name)


def seconds(text: str | None) -> float | None:
    """Retry-After in seconds, a day at most; for its other form, a date, the engine's own delays apply."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(max(value, 0), _LONGEST_PAUSE) if math.isfinite(value) else None
