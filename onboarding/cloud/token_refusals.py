"""Refusals of Microsoft Entra ID and of the identity endpoint to issue a token, as this service's errors.

The SDK raises one class for every refusal, an outage included. So the answer itself decides: its HTTP status
and OAuth code first, then the AADSTS code.

Sources: https://learn.microsoft.com/entra/identity-platform/reference-error-codes (handling error codes),
https://learn.microsoft.com/azure/app-service/overview-managed-identity (the identity endpoint).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from azure.core.exceptions import AzureError

from onboarding.cloud.failures import seconds, unreachable
from onboarding.cloud.service_names import LOGIN
from onboarding.errors import Actor, ErrorType, OnboardingError, login

_PASSING: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_TEMPORARY: Final = {"temporarily_unavailable", "server_error"}
_AADSTS: Final = re.compile(r"AADSTS(\d+)")
_FEDERATED: Final = re.compile(r"70025|70021([1-3]\d?)?")
"""No federated credential matches, or there is none. The code can have one more digit for a hint.

Source: the page of error codes, and https://github.com/Azure/login/issues/517 (7002138).
"""
_OAUTH: Final = re.compile(r"[a-z_]{1,40}")
_NO_IDENTITY: Final = re.compile(r"no .*managed identity found|identity not found", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignInAnswer:
    """A refusal, reduced to what can be shown: its text can contain tokens and IDs."""

    status: int
    error: str = ""  # OAuth's code (RFC 6749 section 5.2)
    code: int = 0  # the number after AADSTS
    no_identity: bool = False  # the identity endpoint does not know the identity
    retry_after: float | None = None
    request_id: str = ""

    @classmethod
    def of(cls, error: AzureError) -> SignInAnswer | None:
        """What an exception of the SDK contains; None if there was no answer."""
        response: Any = getattr(error, "response", None)
        text = str(error)
        found = _AADSTS.search(text)
        if response is None:
            return cls(status=0, code=int(found.group(1))) if found else None
        return cls.read(response, code=int(found.group(1)) if found else 0)

    @classmethod
    def read(cls, response: Any, *, code: int = 0) -> SignInAnswer:
        """What an HTTP response of httpx or of the SDK contains; ``code`` counts if it lists none."""
        body = _document(response)
        codes = body.get("error_codes")
        listed = codes[0] if isinstance(codes, list) and codes and isinstance(codes[0], int) else 0
        oauth = body.get("error")
        headers = {str(name).casefold(): str(value) for name, value in response.headers.items()}
        return cls(
            status=int(response.status_code),
            error=oauth if isinstance(oauth, str) and _OAUTH.fullmatch(oauth) else "",
            code=listed or code,
            no_identity=bool(_NO_IDENTITY.search(str(body.get("message", "")))),
            retry_after=seconds(headers.get("retry-after")),
            request_id=headers.get("x-ms-request-id", ""),
        )

    @property
    def is_outage(self) -> bool:
        """Whether login could not answer now, whatever its text says."""
        passing = self.status in _PASSING or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return passing or self.error in _TEMPORARY

    @property
    def kind(self) -> ErrorType:
        """The error that it is. Only a code that is known to be final is final."""
        if self.is_outage:
            return login.IDENTITY_TOKEN_UNAVAILABLE
        if self.no_identity:
            return login.IDENTITY_NOT_ASSIGNED
        if _FEDERATED.fullmatch(str(self.code)):
            return login.FEDERATION_NOT_FOUND
        return login.FINAL.get(self.code, login.IDENTITY_TOKEN_UNAVAILABLE)

    def __str__(self) -> str:
        parts = (str(self.status or ""), self.error, f"AADSTS{self.code}" if self.code else "")
        return " ".join(part for part in parts if part)


def error_of(service: str, error: AzureError, values: Mapping[str, str]) -> OnboardingError:
    """The error for a token that the service did not get.

    Args:
        service: For whom the token was.
        error: What the SDK raised.
        values: What the texts can name: tenant, app, url, cloud, issuer, subject, audience.
    """
    answer = SignInAnswer.of(error)
    if answer is None:
        return unreachable(LOGIN, error)
    known: Mapping[str, Any] = {**values, "service": service, "answer": str(answer)}
    # A refusal is not an outage: it can last.
    unknown = answer.kind is login.IDENTITY_TOKEN_UNAVAILABLE and not answer.is_outage
    return answer.kind.error(
        request_id=answer.request_id,
        retry_after=answer.retry_after,
        actor=Actor.OPERATOR if unknown else None,
        **{name: known[name] for name in answer.kind.fields},
    )


def _document(response: Any) -> Mapping[str, Any]:
    try:
        body = response.json()
    except (ValueError, AttributeError):
        return {}
    return body if isinstance(body, dict) else {}
