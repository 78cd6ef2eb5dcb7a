"""How callers sign in, for the description: the flows of Microsoft Entra ID, and the app roles.

Source: https://learn.microsoft.com/entra/identity-platform/v2-protocols. An app role is not an OAuth scope: a
token has all roles that were assigned to its caller, in the claim ``roles``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from onboarding.api.callers import OPERATE_ROLE, REQUEST_ROLE

SCHEME: Final = "entra"

_ROLES: Final = {
    REQUEST_ROLE: "Portals: request onboardings, and see and control their own.",
    OPERATE_ROLE: "Operators: see and control all onboardings and connections.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """Where callers get access tokens for this API."""

    login: str  # base URL of the login service of the cloud
    tenant: str
    audience: str  # application ID URI of the API

    @property
    def scope(self) -> str:
        """The scope for which a caller requests a token: all permissions that it has on the API."""
        return f"{self.audience}/.default"

    def security(self) -> list[dict[str, list[str]]]:
        """The requirement of a call that needs a token."""
        return [{SCHEME: [self.scope]}]

    def scheme(self) -> dict[str, Any]:
        """The flows in which a program or a person signs in."""
        endpoints = f"{self.login}/{self.tenant}/oauth2/v2.0"
        default = {self.scope: "All permissions of the caller."}
        scopes = {**default, f"{self.audience}/user_impersonation": "Call the API as the signed-in person."}
        roles = "\n".join(f"- `{name}`: {purpose}" for name, purpose in _ROLES.items())
        return {
            "type": "oauth2",
            "description": "A Microsoft Entra access token of the deployment's tenant. Its claim `roles` "
            f"must have one of the app roles that a call names:\n\n{roles}",
            "x-app-roles": _ROLES,
            "flows": {
                "clientCredentials": {"tokenUrl": f"{endpoints}/token", "scopes": default},
                "authorizationCode": {
                    "authorizationUrl": f"{endpoints}/authorize",
                    "tokenUrl": f"{endpoints}/token",
                    "scopes": scopes,
                },
            },
        }
