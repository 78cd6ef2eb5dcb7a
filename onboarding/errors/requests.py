"""What callers get as an answer: problems, each with a status.

The API creates an answer from a declaration and its values, and raises it::

    raise ProblemError(requests.ROLE_MISSING, roles="Onboarding.Operate")
    raise invalid(fields.FIELD_MISSING.finding("/name"))

``ProblemError`` takes ``status``, ``code`` and ``title`` from the declaration, and ``detail`` and ``remedy``
from ``ErrorType.texts(args)``, which raises ``TypeError`` for a missing or superfluous value. A test compares
each call in the code with the fields that the declaration names.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.actions import Action, ActionKind
from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, OnboardingError, PermanentError

# Who calls

TOKEN_MISSING: Final = ErrorType(
    code="token-missing",
    status=HTTPStatus.UNAUTHORIZED,
    title="The request has no access token",
    detail="The request has no bearer token in its Authorization header.",
    remedy="Send 'Authorization: Bearer <Entra access token>'.",
)
TOKEN_INVALID: Final = ErrorType(
    code="token-invalid",
    status=HTTPStatus.UNAUTHORIZED,
    title="The access token is not valid",
    detail="{reason}",
    remedy="Get a new access token for this API from the deployment's tenant.",
    documentation="https://learn.microsoft.com/entra/identity-platform/access-tokens",
)
ROLE_MISSING: Final = ErrorType(
    code="role-missing",
    status=HTTPStatus.FORBIDDEN,
    title="The caller does not have the required role",
    detail="The token has none of the app roles that allow this call: {roles}.",
    remedy=(
        "Ask the operator of the service for one of these roles, then get a new token. For a managed "
        "identity, a new role can take up to 24 hours to take effect."
    ),
    documentation="https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps",
)
KEYS_UNAVAILABLE: Final = ErrorType(
    code="keys-unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    actor=Actor.NOBODY,
    title="Access tokens cannot be verified at the moment",
    detail="The service could not download or read the signing keys of the tenant.",
    remedy="Try again later.",
)

# What is requested

NOT_FOUND: Final = ErrorType(
    code="not-found",
    status=HTTPStatus.NOT_FOUND,
    title="The resource does not exist",
    detail="{what} does not exist, or you do not have access to it.",
    remedy="Check the ID in the URL.",
)
URL_INVALID: Final = ErrorType(
    code="url-invalid",
    status=HTTPStatus.BAD_REQUEST,
    title="The URL of the request is not valid",
    detail="The service cannot read the URL of the request. The Host header contains part of it.",
    remedy="Send the name of the service in the Host header, with a port if it has one.",
    documentation="https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
)
CONTENT_TYPE_NOT_JSON: Final = ErrorType(
    code="content-type-not-json",
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    title="The body must be JSON",
    detail="The Content-Type of the request is '{media_type}'.",
    remedy="Send 'Content-Type: application/json'.",
)
LENGTH_REQUIRED: Final = ErrorType(
    code="length-required",
    status=HTTPStatus.LENGTH_REQUIRED,
    title="The request has no Content-Length",
    detail="The body did not arrive. Azure Functions passes on only bodies with a Content-Length.",
    remedy="Send the whole body with a Content-Length, not in chunks (Transfer-Encoding: chunked).",
)
BODY_TOO_LARGE: Final = ErrorType(
    code="body-too-large",
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    title="The body is too large",
    detail="The body has {size} bytes; the maximum is {maximum}.",
    remedy="Send a smaller body.",
)
MALFORMED_JSON: Final = ErrorType(
    code="malformed-json",
    status=HTTPStatus.BAD_REQUEST,
    title="The body is not valid JSON",
    detail="The text is not JSON (line {line}, column {column}).",
    remedy="Send one JSON object in UTF-8.",
)
INVALID_REQUEST: Final = ErrorType(
    code="invalid-request",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    title="The request is not valid",
    detail="Number of fields that are not valid: {count}.",
    remedy="Correct each field that 'errors' lists.",
)
IDEMPOTENCY_KEY_REUSED: Final = ErrorType(
    code="idempotency-key-reused",
    status=HTTPStatus.CONFLICT,
    title="The Idempotency-Key was used for a different request",
    detail="An earlier request with this Idempotency-Key had a different body.",
    remedy="Use a new key for a new request, or send the same body to get the same answer.",
)

TOO_MANY_OPEN: Final = ErrorType(
    code="too-many-open-onboardings",
    status=HTTPStatus.TOO_MANY_REQUESTS,
    title="The caller has too many open onboardings",
    detail="You have {most} onboardings that have not ended, which is the maximum for each caller.",
    remedy="Wait until some have ended, or ask an operator to cancel those that wait for consent.",
)
TOO_MANY_SECRETS: Final = ErrorType(
    code="too-many-secrets",
    status=HTTPStatus.TOO_MANY_REQUESTS,
    title="The caller has provided too many client secrets today",
    detail="A requester can provide {most} client secrets in a day (UTC).",
    remedy=(
        "Continue tomorrow. Or ask a person who may write to the vault to store the secrets, and name them "
        "with vaultSecret."
    ),
)

# What the state does not allow

PRECONDITION_FAILED: Final = ErrorType(
    code="precondition-failed",
    status=HTTPStatus.PRECONDITION_FAILED,
    title="The resource has changed",
    detail="{what} has changed since you read it: its ETag is {etag}.",
    remedy="Read it again, and repeat the call with the new ETag in If-Match.",
)
TOO_MANY_SUBSCRIBERS: Final = ErrorType(
    code="too-many-subscribers",
    status=HTTPStatus.CONFLICT,
    title="The deployment has the maximum number of subscribers",
    detail="A deployment can have {most} subscribers.",
    remedy="Delete a subscriber that is no longer used.",
)
NOT_IN_THIS_STATUS: Final = ErrorType(
    code="not-in-this-status",
    status=HTTPStatus.CONFLICT,
    title="The current status does not allow this",
    detail="{what} has the status {current} and cannot be {participle}.",
    remedy="{rule}",
)
CONNECTION_REMOVING: Final = ErrorType(
    code="connection-removing",
    status=HTTPStatus.CONFLICT,
    title="The connection is being removed",
    detail="The connection '{name}' is being removed, together with its client secret.",
    remedy="Onboard the tenant again if it still needs a connection.",
)
SERVER_APP_OF_OTHER_CONNECTION: Final = ErrorType(
    code="server-app-of-other-connection",
    status=HTTPStatus.CONFLICT,
    title="The server app belongs to another connection",
    detail="The connection uses the server app and the client secret of connection {owner}.",
    remedy="Renew the secret of connection {owner}; the renewal covers this connection, too.",
)
SECRET_ALREADY_ENCRYPTED: Final = ErrorType(
    code="secret-already-encrypted",
    status=HTTPStatus.CONFLICT,
    title="The client secret was encrypted with another certificate",
    detail="{by} had the client secret encrypted with another certificate on {at:%Y-%m-%d %H:%M} UTC.",
    remedy="Use that certificate. If the administrator of the site does not have it, renew the secret.",
)
SERVER_APP_SHARED: Final = ErrorType(
    code="server-app-shared",
    status=HTTPStatus.CONFLICT,
    failure=PermanentError,
    title="Other connections use an app of this connection",
    detail="Other connections use the server app or the client app of this connection: {connections}.",
    remedy="Remove the other connections first.",
)
TOO_EARLY_TO_INSPECT: Final = ErrorType(
    code="too-early-to-inspect",
    status=HTTPStatus.CONFLICT,
    title="The connection is too new to be inspected",
    detail="In the first hour, the directory may not show all objects of the connection '{name}'.",
    remedy="Try again after {ready:%Y-%m-%d %H:%M} UTC.",
)
EXPIRATION_CHANGED: Final = ErrorType(
    code="expiration-changed",
    status=HTTPStatus.CONFLICT,
    title="The expiration has changed in the meantime",
    detail="The connection has just been renewed or removed.",
    remedy="Get the connection again and check its expirations.",
)
NO_WARNING_YET: Final = ErrorType(
    code="no-warning-yet",
    status=HTTPStatus.CONFLICT,
    title="There is no warning to acknowledge or snooze",
    detail="The first warning about the expiration '{expiration}' is due on {due:%Y-%m-%d}.",
    remedy="Acknowledge or snooze the expiration after that warning.",
)
ROW_UNREADABLE: Final = ErrorType(
    code="row-unreadable",
    actor=Actor.OPERATOR,
    status=HTTPStatus.CONFLICT,
    failure=PermanentError,
    title="A stored record cannot be read",
    detail="The service cannot read the row {key} of its table {table}: {reason}.",
    remedy=(
        "Find the row with GET /api/unreadable, then correct or remove it. If a newer release wrote it, "
        "deploy that release again."
    ),
    actions=(
        Action(
            kind=ActionKind.READ,
            label="List the rows that the service cannot read",
            actor=Actor.OPERATOR,
            method="GET",
            path="/api/unreadable",
        ),
    ),
)

# What the service cannot do now

INTERNAL_ERROR: Final = ErrorType(
    code="internal-error",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    failure=OnboardingError,
    actor=Actor.OPERATOR,
    title="An internal error occurred",
    detail="A defect prevented the service from completing this request or step.",
    remedy="Find the request or run ID in the log of the function app, and report the error.",
)
MISCONFIGURED: Final = ErrorType(
    code="misconfigured",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    actor=Actor.OPERATOR,
    title="The service is not configured correctly",
    detail="The app settings of the service are not valid.",
    remedy="Correct the settings that the log of the function app names.",
)
STORAGE_UNAVAILABLE: Final = ErrorType(
    code="storage-unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    actor=Actor.NOBODY,
    title="The service cannot reach its storage at the moment",
    detail="The tables or queues of the service do not respond.",
    remedy="Try again later with the same Idempotency-Key. A repeated request has no further effect.",
)
