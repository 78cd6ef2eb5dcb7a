"""The proof of a client secret: login issues a token for it, or refuses with the reason.

Login checks the credential first. Conditional Access comes after that, so its refusal proves the secret, too.
Sources: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and
https://learn.microsoft.com/entra/identity/conditional-access/overview.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import httpx

from onboarding.calls import CloudCall, record
from onboarding.cloud import failures
from onboarding.cloud.environments import Environment
from onboarding.cloud.service_names import LOGIN
from onboarding.cloud.token_refusals import SignInAnswer
from onboarding.errors import OnboardingError, secrets

_INVALID: Final = 7000215
_EXPIRED: Final = 7000222
_NO_PRINCIPAL: Final = {700016, 7000229, 7000112}
_CONDITIONAL_ACCESS: Final = {53000, 53001, 53003, 530032, 530035}


class SecretProof:
    """Signs in to one cloud. The token is discarded."""

    def __init__(self, environment: Environment, http: httpx.AsyncClient) -> None:
        self._environment = environment
        self._http = http

    async def prove(self, *, tenant: str, app: str, secret: str, name: str, fresh: bool) -> None:
        """Returns if login accepts a secret.

        Args:
            tenant: The application's tenant.
            app: Its client ID.
            secret: The value.
            name: The secret's name in Key Vault.
            fresh: The secret was made a short while ago, so that login may not know it yet.

        Raises ``PermanentError`` with the reason, and ``TransientError`` if login cannot answer now.
        """
        url = f"{self._environment.login}/{tenant}/oauth2/v2.0/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": app,
            "client_secret": secret,
            "scope": self._environment.graph_scope,
        }
        try:
            response = await self._http.post(url, data=form)
        except httpx.TransportError as error:
            _record(url, 0, "")
            raise failures.unreachable(LOGIN, error) from error
        request_id = response.headers.get("x-ms-request-id", "")
        _record(url, response.status_code, request_id)
        if _has_token(response):
            return
        if not response.is_error:  # a redirect, or a page of a proxy: not an answer of login
            raise failures.error_of(failures.Answer(service=LOGIN, status=HTTPStatus.BAD_GATEWAY))
        if refusal := _refusal(response, app=app, name=name, fresh=fresh):
            raise refusal


def _has_token(response: httpx.Response) -> bool:
    try:
        document = response.json() if response.status_code == HTTPStatus.OK else None
    except ValueError:
        return False
    return isinstance(document, dict) and bool(document.get("access_token"))


def _refusal(response: httpx.Response, *, app: str, name: str, fresh: bool) -> OnboardingError | None:
    """The error of an answer; None if it proves the secret. Its text is not shown: it can contain values."""
    found = SignInAnswer.read(response)
    if found.is_outage:
        known = response.status_code >= HTTPStatus.TOO_MANY_REQUESTS
        status = response.status_code if known else HTTPStatus.SERVICE_UNAVAILABLE
        return failures.error_of(failures.Answer.from_body(LOGIN, status, response.headers, None))
    if found.code in _CONDITIONAL_ACCESS:
        return None
    code, answer, request_id = found.code, str(found), found.request_id
    if code == _INVALID and fresh:
        return secrets.SECRET_NOT_KNOWN_YET.error(answer=answer, request_id=request_id)
    if code in {_INVALID, _EXPIRED}:
        kind = secrets.SECRET_INVALID if code == _INVALID else secrets.SECRET_NO_LONGER_VALID
        return kind.error(name=name, app=app, answer=answer, request_id=request_id)
    kind = secrets.SECRET_APP_NOT_USABLE if code in _NO_PRINCIPAL else secrets.SECRET_NOT_PROVED
    return kind.error(app=app, answer=answer, request_id=request_id)


def _record(url: str, status: int, request_id: str) -> None:
    path = httpx.URL(url).path
    record(CloudCall(service=LOGIN, method="POST", path=path, status=status, request_id=request_id))
