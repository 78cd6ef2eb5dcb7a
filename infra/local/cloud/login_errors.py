"""The answers of login when it refuses a request.

Codes and wording: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.messages import Failure, is_guid

NO_PRINCIPAL: Final = 7000229
"""The code for an application without service principal in the tenant."""

_AWAY: Final = "A transient error has occurred. Please try again."

_OTHERS: Final = {
    50002: "unauthorized_client",
    50011: "invalid_request",
    50194: "unauthorized_client",
    50196: "invalid_grant",
    53003: "access_denied",
    65001: "invalid_grant",
    70025: "invalid_client",
    90006: "temporarily_unavailable",
    90012: "temporarily_unavailable",
    90024: "temporarily_unavailable",
    90033: "temporarily_unavailable",
    90055: "temporarily_unavailable",
    90090: "temporarily_unavailable",
    500011: "invalid_resource",
    500021: "access_denied",
    530035: "access_denied",
    700016: "unauthorized_client",
    7000112: "unauthorized_client",
}
"""OAuth's code for a code that a fault asks for, where it is not the one of its status."""


class LoginError(Exception):
    """A request that login refuses."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        """``error`` is OAuth's own code (RFC 6749 section 5.2), ``code`` the number after AADSTS."""
        super().__init__(f"AADSTS{code}")
        self.status = status
        self.error = error
        self.code = code
        self.message = message


def missing(parameter: str) -> LoginError:
    """A missing parameter of the form."""
    message = f"The request body must contain the following parameter: '{parameter}'."
    return LoginError(400, "invalid_request", 900144, message)


def unknown_endpoint() -> LoginError:
    """A path that login does not have."""
    return LoginError(404, "invalid_request", 900144, "The requested endpoint does not exist.")


def post_only(method: str) -> LoginError:
    """The token endpoint, called with another method than POST."""
    message = f"The endpoint only accepts POST requests. Received a {method} request."
    return LoginError(405, "invalid_request", 900561, message)


def unknown_tenant(tenant: str) -> LoginError:
    """A tenant that is not in this cloud, or an invalid name."""
    if not is_guid(tenant) and "." not in tenant:
        message = (
            f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external"
            " domain."
        )
        return LoginError(400, "invalid_request", 900023, message)
    message = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing"
        " into the"
        " correct cloud. Check with your subscription administrator, this may happen if there are no active"
        " subscriptions for the tenant."
    )
    return LoginError(400, "invalid_request", 90002, message)


def unsupported_grant(grant: str) -> LoginError:
    """A flow other than client credentials."""
    message = f"The app requested an unsupported grant type '{grant}'."
    return LoginError(400, "unsupported_grant_type", 70003, message)


def unknown_application(client_id: str, directory: str) -> LoginError:
    """A client ID that the tenant does not have: neither its own application, nor one with its consent."""
    message = (
        f"Application with identifier '{client_id}' was not found in the directory '{directory}'. This can"
        " happen if"
        " the application has not been installed by the administrator of the tenant or consented to by"
        " any user"
        " in the tenant. You may have sent your authentication request to the wrong tenant."
    )
    return LoginError(400, "unauthorized_client", 700016, message)


def disabled(app_id: str, name: str) -> LoginError:
    """An application whose service principal is disabled."""
    return LoginError(401, "unauthorized_client", 7000112, f"Application '{app_id}'({name}) is disabled.")


def no_credential() -> LoginError:
    """Neither a secret nor an assertion."""
    message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return LoginError(401, "invalid_client", 7000218, message)


def invalid_secret(app_id: str) -> LoginError:
    """A secret that does not, or no longer, belong to the application."""
    message = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client"
        " secret value,"
        f" not the client secret ID, for a secret added to app '{app_id}'."
    )
    return LoginError(401, "invalid_client", 7000215, message)


def expired_secret(app_id: str) -> LoginError:
    """An expired secret of the application."""
    message = (
        f"The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to"
        " create new keys"
        " for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added"
        " security: https://aka.ms/certCreds."
    )
    return LoginError(401, "invalid_client", 7000222, message)


def invalid_assertion(reason: str) -> LoginError:
    """A client assertion that is not a valid token of a known issuer."""
    message = f"Client assertion failed signature or lifetime validation. Reason: {reason}."
    return LoginError(401, "invalid_client", 700027, message)


def late_assertion() -> LoginError:
    """A client assertion that has expired, or is not valid yet."""
    message = (
        "Client assertion is not within its valid time range. Current time, expiry time of assertion and"
        " assertion valid from are in the sign-in logs."
    )
    return LoginError(401, "invalid_client", 700024, message)


def no_principal(client_id: str, tenant: str) -> LoginError:
    """An application that the tenant knows, but that has no service principal in it."""
    message = (
        f"The client application {client_id} is missing service principal in the tenant {tenant}. See"
        " instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
    )
    return LoginError(401, "invalid_client", NO_PRINCIPAL, message)


def no_federation_at_all(name: str) -> LoginError:
    """An assertion for an application without any federated identity credential."""
    message = f"The client '{name}' has no configured federated identity credentials."
    return LoginError(401, "invalid_client", 70025, message)


def no_federation(part: str, value: str) -> LoginError:
    """A valid assertion that no federated identity credential accepts, because of its ``part``.

    ``part`` is the first of issuer, subject and audience that none of the credentials has. Where each part
    has a credential, but no credential has all three, the general code is the answer.
    """
    code = {"issuer": 700211, "audience": 700212, "subject": 700213}.get(part, 70021)
    presented = f" {part} '{value}'" if part else ""
    message = f"No matching federated identity record found for presented assertion{presented}."
    if part == "subject":
        message += " The subject must match exactly: the comparison is case-sensitive."
    return LoginError(401, "invalid_client", code, message)


def foreign_assertion(issuer: str) -> LoginError:
    """An assertion of an identity in another tenant than the application's.

    https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
    """
    message = (
        f"Entra ID tokens issued by issuer '{issuer}' may not be used for federated identity credential flows"
        " for applications or managed identities registered in this tenant."
    )
    return LoginError(401, "invalid_client", 700236, message)


def wrong_kind_of_assertion() -> LoginError:
    """An assertion that Entra ID issued to something else than a managed identity."""
    message = "Only MSI tokens may be used as Federated Identity Credentials for AAD issuer."
    return LoginError(401, "invalid_client", 700226, message)


def demanded(failure: Failure) -> LoginError:
    """The refusal that a fault asks for: its code is ``AADSTS`` with a number, or OAuth's own."""
    asked = failure.code or ""
    number = asked.removeprefix("AADSTS")
    usual = "temporarily_unavailable" if failure.status >= 429 else "invalid_request"  # noqa: PLR2004
    if not number.isdecimal():
        return LoginError(failure.status, asked or usual, 90033, failure.message or _AWAY)
    error = usual if failure.status >= 429 else _OTHERS.get(int(number), _by_status(failure.status))  # noqa: PLR2004
    return LoginError(failure.status, error, int(number), failure.message or "A fault asked for this answer.")


def _by_status(status: int) -> str:
    return "invalid_client" if status == 401 else "invalid_request"  # noqa: PLR2004


def invalid_scope(scope: str) -> LoginError:
    """A scope that does not name one resource's ``/.default``."""
    message = (
        "The provided request must include a 'scope' input parameter. The provided value for scope"
        f" {scope} is not"
        " valid. Client credential flows must have a scope value with /.default suffixed to the resource"
        " identifier"
        " (application ID URI)."
    )
    return LoginError(400, "invalid_scope", 70011, message)


def unknown_resource(name: str, directory: str) -> LoginError:
    """A resource without a service principal in the tenant."""
    message = (
        f"The resource principal named {name} was not found in the tenant named {directory}. This can happen"
        " if the"
        " application has not been installed by the administrator of the tenant or consented to by any"
        " user in the"
        " tenant. You might have sent your authentication request to the wrong tenant."
    )
    return LoginError(400, "invalid_resource", 500011, message)


def no_reply_address(client_id: str) -> LoginError:
    """An application without a reply address, to which a browser must go."""
    message = f"No reply address is registered for the application. Client application ID: {client_id}."
    return LoginError(400, "invalid_request", 500113, message)


def wrong_reply_address(address: str, client_id: str) -> LoginError:
    """A reply address that the application has not registered."""
    message = (
        f"The redirect URI '{address}' specified in the request does not match the redirect URIs"
        f" configured for the application '{client_id}'. Make sure the redirect URI sent in the request"
        " matches one added to your application in the Azure portal."
    )
    return LoginError(400, "invalid_request", 50011, message)
