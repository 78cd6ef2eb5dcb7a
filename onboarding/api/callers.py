"""Identifies the caller by an Entra access token, which is verified here and not by a gateway in front.

Source: https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens and RFC 8725.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from onboarding.api.problems import ProblemError, unavailable
from onboarding.api.signing_keys import KeysUnavailableError, SigningKeys
from onboarding.behalf import Behalf
from onboarding.errors import requests
from onboarding.texts import phrases
from onboarding.texts.phrases import Phrase
from onboarding.workflow.run import Author

REQUEST_ROLE: Final = "Onboarding.Request"
"""App role of portals: they can request onboardings, and see their own."""

OPERATE_ROLE: Final = "Onboarding.Operate"
"""App role of operators: they see and control all onboardings."""

_ALGORITHMS: Final = ["RS256"]  # never taken from the token: "none" and HMAC with a public key are forgeries
_REQUIRED: Final = ["exp", "nbf", "iat", "iss", "aud", "sub"]
_LEEWAY: Final = 30  # seconds that two clocks may differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A caller with a valid token."""

    id: str  # object id in the home tenant
    name: str  # for the audit trail
    roles: tuple[str, ...]
    on_behalf_of: Behalf | None = None  # as the caller reports it; not verified

    @property
    def author(self) -> Author:
        """The caller, as the audit trail shows it."""
        return Author(name=self.name, id=self.id, on_behalf_of=self.on_behalf_of)

    @property
    def operates(self) -> bool:
        """Whether the caller sees the onboardings of all callers."""
        return OPERATE_ROLE in self.roles

    @property
    def known_roles(self) -> tuple[str, ...]:
        """The roles of this API that the caller has."""
        return tuple(role for role in (REQUEST_ROLE, OPERATE_ROLE) if role in self.roles)

    def may_see(self, requester: str) -> bool:
        """Whether the caller may see what a requester requested."""
        return self.operates or self.id == requester


ANYBODY: Final = Caller(id="", name="anybody", roles=())
"""The caller of an open endpoint."""


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
        seen: Callable[[Caller], Awaitable[None]] | None = None,
    ) -> None:
        """``seen`` is called with each caller who has a valid token, whatever its roles are."""
        self._seen = seen
        self._tenant = tenant.casefold()
        self._audience = list(audience)
        self._issuers = list(issuers)
        context = ssl.create_default_context(cafile=str(certificate) if certificate else None)
        client = jwt.PyJWKClient(keys_url, cache_jwk_set=False, timeout=10, ssl_context=context)
        self._keys = SigningKeys(client.fetch_data)

    async def ping(self) -> None:
        """Raises an error unless the tenant's signing keys can be downloaded."""
        await self._keys.refresh()

    async def identify(self, authorization: str | None, allowed: Sequence[str]) -> Caller:
        """The caller of a request.

        Args:
            authorization: The Authorization header.
            allowed: The app roles that may call; one is enough.

        Raises:
            ProblemError: 401 for a missing or wrong token, 403 for a missing role, 503 if the keys cannot be
                downloaded.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.casefold() != "bearer" or not token.strip():
            raise ProblemError(requests.TOKEN_MISSING, headers={"WWW-Authenticate": "Bearer"})
        claims = await self._verify(token.strip())
        caller = self._caller(claims)
        if self._seen:
            await self._seen(caller)
        if not set(allowed) & set(caller.roles):
            raise ProblemError(requests.ROLE_MISSING, roles=list(allowed))
        return caller

    async def _verify(self, token: str) -> dict[str, Any]:
        """The claims of a token with the right signature, algorithm, times, issuer and audience."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise jwt.InvalidAlgorithmError("the algorithm is not RS256")
            key = await self._keys.find(str(header.get("kid")))
            if key is None:
                raise jwt.PyJWKClientError("the key is unknown")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuers,
                leeway=_LEEWAY,
                options={"require": _REQUIRED, "strict_aud": False},
            )
        except KeysUnavailableError as error:
            raise unavailable(requests.KEYS_UNAVAILABLE) from error
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _not_valid(_reason(error)) from error
        return claims

    def _caller(self, claims: dict[str, Any]) -> Caller:
        """The caller, if the verified claims are those of an access token from the right tenant."""
        tenant, subject = claims.get("tid"), claims.get("oid")
        client = claims.get("azp") or claims.get("appid")
        if not isinstance(tenant, str) or tenant.casefold() != self._tenant:
            raise _not_valid(phrases.TOKEN_OTHER_TENANT)
        if not isinstance(subject, str) or not subject:
            raise _not_valid(phrases.TOKEN_WITHOUT_OID)
        if not isinstance(client, str) or not client:
            # ID tokens can have the same audience, but they have no client ID.
            raise _not_valid(phrases.TOKEN_WITHOUT_CLIENT)
        roles = claims.get("roles") or []
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise _not_valid(phrases.TOKEN_ROLES)
        name = claims.get("preferred_username") or claims.get("upn") or f"app {client}"
        return Caller(id=subject, name=str(name), roles=tuple(roles))


def _not_valid(reason: Phrase) -> ProblemError:
    """A 401 with the challenge of RFC 6750."""
    challenge = f'Bearer error="invalid_token", error_description="{reason.text}"'
    return ProblemError(requests.TOKEN_INVALID, reason=reason.of(), headers={"WWW-Authenticate": challenge})


def _reason(error: Exception) -> Phrase:
    """What is wrong with a token. The library's own texts can repeat parts of the token."""
    reasons: tuple[tuple[type[Exception], Phrase], ...] = (
        (jwt.ExpiredSignatureError, phrases.TOKEN_EXPIRED),
        (jwt.ImmatureSignatureError, phrases.TOKEN_NOT_YET_VALID),
        (jwt.InvalidAudienceError, phrases.TOKEN_FOR_OTHERS),
        (jwt.InvalidIssuerError, phrases.TOKEN_FROM_OTHERS),
        (jwt.InvalidAlgorithmError, phrases.TOKEN_ALGORITHM),
        (jwt.MissingRequiredClaimError, phrases.TOKEN_LACKS_CLAIM),
        (jwt.PyJWKClientError, phrases.TOKEN_KEY_UNKNOWN),
        (jwt.InvalidSignatureError, phrases.TOKEN_SIGNATURE),
    )
    return next((phrase for kind, phrase in reasons if isinstance(error, kind)), phrases.TOKEN_MALFORMED)
