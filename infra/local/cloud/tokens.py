"""Access tokens of the simulated login, issued and verified with one RSA key.

Claims follow https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.cloud.messages import JsonObject, new_id

_REMEMBERED: Final = 2000
"""Verified tokens kept in memory, so that a request does not pay for the signature again."""


def new_signing_key() -> str:
    """A private key in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class TokenFault(StrEnum):
    """Why a token is not accepted; each service has its own wording."""

    MISSING = "missing"  # no Authorization header, or not a bearer token
    MALFORMED = "malformed"  # not a JWT, or of a kind that is not accepted
    SIGNATURE = "signature"  # not signed with login's key
    EXPIRED = "expired"  # expired, or not yet valid
    AUDIENCE = "audience"  # for another resource


class TokenError(Exception):
    """A token that a service does not accept."""

    def __init__(self, fault: TokenFault) -> None:
        """Set the reason."""
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The caller that a token identifies."""

    tenant: str
    client_id: str
    object_id: str
    """Empty where the application has no service principal."""
    roles: frozenset[str]


class Tokens:
    """Issues, signs and verifies access tokens for all tenants, each an issuer of its own, with one key."""

    def __init__(self, private_key: str, tenants: Iterable[str], login: str) -> None:
        """``login`` is the real name of the environment's login, which is the issuer of v2 tokens."""
        key = serialization.load_pem_private_key(private_key.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("The signing key is not an RSA key.")
        self._key = key
        self._public_key = key.public_key()
        encoded = self._public_key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = base64.urlsafe_b64encode(hashlib.sha256(encoded).digest()[:20]).rstrip(b"=").decode()
        self.issuers = {
            tenant: {"1.0": f"https://sts.windows.net/{tenant}/", "2.0": f"{login}/{tenant}/v2.0"}
            for tenant in tenants
        }
        """By tenant, then by the version of the token."""
        self.seconds = 3600
        self._verified: dict[str, JsonObject] = {}
        self.opaque = False
        """Whether tokens for Graph are not JWTs: Microsoft promises no format to clients."""

    def keys(self, tenant: str) -> JsonObject:
        """The public key as a tenant's JSON Web Key Set (RFC 7517). As in Entra, tenants share keys."""
        numbers = self._public_key.public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "kid": self.key_id,
                    "x5t": self.key_id,
                    "n": _base64url(numbers.n),
                    "e": _base64url(numbers.e),
                    "issuer": self.issuers[tenant]["2.0"],
                }
            ]
        }

    def claims(
        self,
        *,
        tenant: str,
        audience: str,
        client_id: str,
        object_id: str,
        roles: list[str],
        version: str = "1.0",
        seconds: int = 0,
    ) -> JsonObject:
        """The claims of a token for an application itself (no user), valid for ``seconds`` from now on."""
        now = int(time.time())
        claims: JsonObject = {
            "aud": audience,
            "iss": self.issuers[tenant][version],
            "iat": now,
            "nbf": now,
            "exp": now + (seconds or self.seconds),
            "appid" if version == "1.0" else "azp": client_id,
            "appidacr" if version == "1.0" else "azpacr": "1",
            "idtyp": "app",
            "tid": tenant,
            "uti": new_id(),
            "ver": version,
        }
        if version == "1.0":
            claims["idp"] = self.issuers[tenant]["1.0"]
        if object_id:
            claims |= {"oid": object_id, "sub": object_id}
        if roles:
            claims["roles"] = roles
        return claims

    def sign(self, claims: JsonObject, header: JsonObject | None = None) -> str:
        """Sign claims unchanged. ``header`` adds to, or replaces, the token's header."""
        headers = {"kid": self.key_id, "x5t": self.key_id} | (header or {})
        return jwt.encode(claims, self._key, algorithm="RS256", headers=headers)

    def issue(self, claims: JsonObject, *, for_graph: bool) -> str:
        """A token with these claims."""
        if not (for_graph and self.opaque):
            return self.sign(claims)
        token = f"opaque-{new_id()}"
        self._remember(token, claims)
        return token

    def verify(self, token: str) -> JsonObject:
        """A token's claims. Raises ``TokenError`` unless login signed it and it is currently valid."""
        claims = self._verified.get(token) or self._decode(token)
        if not claims["nbf"] - 300 <= time.time() < claims["exp"]:
            raise TokenError(TokenFault.EXPIRED)
        self._remember(token, claims)
        return claims

    def _remember(self, token: str, claims: JsonObject) -> None:
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[token] = claims

    def caller(self, authorization: str | None, audiences: frozenset[str]) -> Caller:
        """The caller in a request's ``Authorization`` header, if the token is for one of the audiences."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenError(TokenFault.MISSING)
        claims = self.verify(token.strip())
        if claims["aud"] not in audiences:
            raise TokenError(TokenFault.AUDIENCE)
        return Caller(
            tenant=claims["tid"],
            client_id=str(claims.get("appid") or claims.get("azp") or ""),
            object_id=str(claims.get("oid") or ""),
            roles=frozenset(str(role) for role in _list(claims.get("roles"))),
        )

    def _decode(self, token: str) -> JsonObject:
        options: jwt.types.Options = {
            "verify_aud": False,
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_sub": False,
            "require": ["aud", "exp", "iss", "nbf", "tid"],
        }
        try:
            claims: JsonObject = jwt.decode(token, self._public_key, algorithms=["RS256"], options=options)
        except jwt.InvalidSignatureError as error:
            raise TokenError(TokenFault.SIGNATURE) from error
        except jwt.PyJWTError as error:
            raise TokenError(TokenFault.MALFORMED) from error
        typed = all(isinstance(claims[name], str) for name in ("aud", "iss", "tid")) and all(
            isinstance(claims[name], int) for name in ("exp", "nbf")
        )
        if not typed or claims["iss"] not in self.issuers.get(claims["tid"], {}).values():
            raise TokenError(TokenFault.MALFORMED)
        return claims


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _base64url(number: int) -> str:
    encoded = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()
