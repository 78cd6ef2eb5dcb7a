"""Why a client secret that was provided is refused.

The service proves a secret by requesting a token before anything uses it. Source of the codes:
https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, ReplicationLagError

_SECRETS: Final = "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials"
_CODES: Final = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"

SECRET_MALFORMED: Final = ErrorType(
    code="secret-malformed",
    failure=PermanentError,
    title="The text in Key Vault cannot be a client secret",
    detail="The secret '{name}' in Key Vault cannot be a client secret. {details}",
    remedy="Copy the value of the client secret again, exactly, and specify it. Entra ID shows it only once.",
    documentation=_SECRETS,
)
RENEWAL_WITH_OTHER_SECRET: Final = ErrorType(
    code="renewal-with-other-secret",
    status=HTTPStatus.CONFLICT,
    title="A renewal with another client secret is in progress",
    detail=(
        "The renewal {renewal} is in progress, with a different client secret from the one in this request."
    ),
    remedy="Confirm that renewal when the site has its secret. Then request a renewal with the new secret.",
)
SECRET_NOT_YET_VALID: Final = ErrorType(
    code="secret-not-yet-valid",
    failure=PermanentError,
    title="The client secret is not valid yet",
    detail="The client secret becomes valid at {start:%Y-%m-%d %H:%M} UTC.",
    remedy="Try again after that time, or specify a client secret that is valid now.",
    documentation=_SECRETS,
)
SECRET_NO_LONGER_VALID: Final = ErrorType(
    code="secret-no-longer-valid",
    failure=PermanentError,
    title="The client secret is no longer valid",
    detail="The secret '{name}' in Key Vault has expired for the application {app} ({answer}).",
    remedy="Create another client secret for the application, and specify it.",
    documentation=_SECRETS,
)
SECRET_NOT_KNOWN_YET: Final = ErrorType(
    code="secret-not-known-yet",
    failure=ReplicationLagError,
    actor=Actor.NOBODY,
    title="Entra ID does not accept the new client secret yet",
    detail="The client secret is new, and the sign-in service of Entra ID does not know it yet ({answer}).",
    remedy="The service tries again automatically. If the error persists, check that the value is complete.",
    documentation=_CODES,
)
SECRET_INVALID: Final = ErrorType(
    code="secret-invalid",
    failure=PermanentError,
    title="Entra ID does not accept the client secret",
    detail="The secret '{name}' in Key Vault is not a client secret of the application {app} ({answer}).",
    remedy="Copy the value of the client secret again, exactly. If it is lost, create another client secret.",
    documentation=_SECRETS,
)
SECRET_APP_NOT_USABLE: Final = ErrorType(
    code="secret-app-not-usable",
    failure=PermanentError,
    title="The application cannot sign in to the tenant",
    detail="The application {app} has no service principal in the tenant, or it is disabled ({answer}).",
    remedy=(
        "In the tenant, create the service principal of the application, or enable sign-in for it under "
        "Enterprise applications, Properties. Then retry the run."
    ),
    documentation=_CODES,
)
SECRET_NOT_PROVED: Final = ErrorType(
    code="secret-not-proved",
    failure=PermanentError,
    title="Entra ID does not issue a token for the client secret",
    detail="Entra ID does not issue a token for the application {app}: {answer}.",
    remedy="Find the code in the documentation, correct the cause, then retry the run.",
    documentation=_CODES,
)
