"""Who calls: an Entra access token, verified here and not by a gateway in front.

Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens and RFC 8725.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import jwt

from onboarding.api.problems import ProblemError

REQUEST_ROLE: Final = "Onboarding.Request"
"""App role of portals: may ask for onboardings, and sees its own."""

OPERATE_ROLE: Final = "Onboarding.Operate"
"""App role of operators: sees and steers all of them."""

_ALGORITHMS: Final = ["RS256"]  # never taken from the token: "none" and HMAC with a public key are forgeries
_REQUIRED: Final = ["exp", "nbf", "iat", "iss", "aud", "sub"]
_LEEWAY: Final = 30  # seconds that two expirations may differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A caller with a valid token. Roles are a tuple: nobody adds one in passing."""

    id: str  # object id in the home tenant
    name: str  # for the audit trail
    roles: tuple[str, ...]

    @property
    def operates(self) -> bool:
        """Whether the caller sees everybody's onboardings."""
        return OPERATE_ROLE in self.roles

    def may_see(self, requester: str) -> bool:
        """Whether the caller may see what somebody has asked for."""
        return self.operates or self.id == requester


ANYBODY: Final = Caller(id="", name="anybody", roles=())
"""Whoever calls what is open to all."""


class Callers:
    """Verifies tokens against the tenant's published keys."""

    def __init__(
        self,
        *,
        tenant: str,
        audience: Sequence[str],
        issuers: Sequence[str],
        keys_url: str,
        certificate: Path | None,
    ) -> None:
        self._tenant = tenant.casefold()
        self._audience = list(audience)
        self._issuers = list(issuers)
        context = ssl.create_default_context(cafile=str(certificate) if certificate else None)
        # A key that is not known is looked for at most every 30 seconds, so forged tokens cause no flood.
        self._keys = jwt.PyJWKClient(keys_url, lifespan=3600, timeout=10, ssl_context=context)

    async def ping(self) -> None:
        """Raises unless the tenant's signing keys can be had."""
        await asyncio.to_thread(self._keys.get_jwk_set, refresh=True)

    async def identify(self, authorization: str | None, allowed: Sequence[str]) -> Caller:
        """The caller of a request.

        Args:
            authorization: The Authorization header.
            allowed: The app roles that may call; one of them is enough.

        Raises:
            ProblemError: 401 for a missing or wrong token, 403 for a missing role, 503 when the keys can't
                be fetched.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.casefold() != "bearer" or not token.strip():
            raise _unauthenticated("token-missing", "Send Authorization: Bearer <Entra access token>.")
        claims = await self._verify(token.strip())
        caller = self._caller(claims)
        if not set(allowed) & set(caller.roles):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "role-missing",
                "The caller may not do this",
                f"The token carries none of the app roles {', '.join(allowed)}. "
                "Have one assigned in the API's enterprise application, then get a new token.",
            )
        return caller

    async def _verify(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature, algorithm, times, issuer and audience are right."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise jwt.InvalidAlgorithmError("the algorithm is not RS256")
            key = await asyncio.to_thread(self._keys.get_signing_key, str(header.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuers,
                leeway=_LEEWAY,
                options={"require": _REQUIRED, "strict_aud": False},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "keys-unavailable",
                "Tokens can't be checked at the moment",
                "The tenant's signing keys could not be fetched. Try again later.",
                headers={"Retry-After": "10"},
            ) from error
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _unauthenticated("token-invalid", _reason(error)) from error
        return claims

    def _caller(self, claims: dict[str, Any]) -> Caller:
        """The caller of verified claims, if they are those of an access token of the right tenant."""
        tenant, subject = claims.get("tid"), claims.get("oid")
        client = claims.get("azp") or claims.get("appid")
        if not isinstance(tenant, str) or tenant.casefold() != self._tenant:
            raise _unauthenticated("token-invalid", "The token is of another tenant.")
        if not isinstance(subject, str) or not subject:
            raise _unauthenticated("token-invalid", "The token lacks the claim oid.")
        if not isinstance(client, str) or not client:
            # ID tokens can have the same audience, but name no client: they are no access tokens.
            raise _unauthenticated("token-invalid", "The token names no client: it is no access token.")
        roles = claims.get("roles") or []
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise _unauthenticated("token-invalid", "The claim roles is not a list of names.")
        name = claims.get("preferred_username") or claims.get("upn") or f"app {client}"
        return Caller(id=subject, name=str(name), roles=tuple(roles))


def _unauthenticated(code: str, detail: str) -> ProblemError:
    """A 401 with the challenge of RFC 6750."""
    challenge = "Bearer"
    if code != "token-missing":
        challenge += f' error="invalid_token", error_description="{detail}"'
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        code,
        "The caller is not authenticated",
        detail,
        headers={"WWW-Authenticate": challenge},
    )


def _reason(error: Exception) -> str:
    """What is wrong with a token, in words of our own: the library's may repeat parts of the token."""
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (jwt.ExpiredSignatureError, "The token has expired."),
        (jwt.ImmatureSignatureError, "The token is not valid yet."),
        (jwt.InvalidAudienceError, "The token is for another audience."),
        (jwt.InvalidIssuerError, "The token is from another issuer."),
        (jwt.InvalidAlgorithmError, "The token is not signed with RS256."),
        (jwt.MissingRequiredClaimError, "The token lacks a required claim."),
        (jwt.PyJWKClientError, "The token is signed with an unknown key."),
        (jwt.InvalidSignatureError, "The token's signature is wrong."),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), "The token is not a valid JWT.")
