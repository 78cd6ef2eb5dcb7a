"""Why a step of an onboarding, renewal or removal fails, unless the cloud's own errors describe it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, Severity, TransientError

_SECRETS: Final = "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials"
_RESTORE: Final = "https://learn.microsoft.com/azure/reliability/overview-backup"
_RECONCILE: Final = (
    "An operator reconciles the records: POST /api/reconcile?dryRun=true shows the differences, and POST "
    "/api/reconcile corrects the records. Until then, no notices are sent, and nothing is removed."
)
_LOG: Final = "Check the function app's log at the times of the attempts, then retry the run."

# Onboarding

PREFLIGHT_REFUSED: Final = ErrorType(
    code="preflight-refused",
    failure=PermanentError,
    title="The preflight found errors that you must correct first",
    detail="{details}",
    remedy="{remedies}",
)

APP_NOT_OWNED: Final = ErrorType(
    code="app-not-owned",
    failure=PermanentError,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="The service is not an owner of the application that it created",
    detail="In the tenant {tenant}, the owners of the application {app} do not include the service.",
    remedy=(
        "Add the service as an owner (az ad app owner add --id {app} --owner-object-id {principal}). The "
        "onboarding then continues."
    ),
    documentation="https://learn.microsoft.com/graph/api/application-post-owners",
)
APP_OF_OTHERS: Final = ErrorType(
    code="app-of-others",
    failure=PermanentError,
    actor=Actor.REQUESTER,
    title="The service did not create the application with the unique name of the onboarding",
    detail="An application in the tenant has the unique name {name}, and the service did not create it.",
    remedy=(
        "Roll the onboarding back and request it again: the new one has another unique name. An "
        "administrator of the tenant can see who registered this application in the audit log of Microsoft "
        "Entra ID. It may be an attempt to get the permissions that the service grants."
    ),
    documentation="https://learn.microsoft.com/graph/api/resources/application",
)

APP_CREATOR_UNKNOWN: Final = ErrorType(
    code="app-creator-unknown",
    failure=PermanentError,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="The directory does not show who created an application",
    detail=(
        "The application {app} has the unique name {name} of the onboarding, and the directory does not show "
        "which application created it (createdByAppId). The service does not use it, because others can "
        "register an application under this name."
    ),
    remedy=(
        "Check in the audit log of Microsoft Entra ID who registered the application. Delete it permanently "
        "(az ad app delete --id {app}, then under Deleted applications). The onboarding then creates another "
        "one and continues."
    ),
    documentation="https://learn.microsoft.com/graph/api/resources/application",
)

# Client secrets

SECRET_NOT_WITHDRAWN: Final = ErrorType(
    code="secret-not-withdrawn",
    severity=Severity.WARNING,
    actor=Actor.TENANT_ADMINISTRATOR,
    title="A client secret that is not stored may still be valid",
    detail=(
        "The service could not confirm that the client secret {key} of the application {app} was removed. "
        "Its value was discarded."
    ),
    remedy=(
        "The next attempt or the next renewal removes it. To remove it now, run az ad app credential delete "
        "--id {app} --key-id {key}."
    ),
    documentation="https://learn.microsoft.com/graph/api/application-removepassword",
)
SECRET_NOT_IN_VAULT: Final = ErrorType(
    code="secret-not-in-vault",
    failure=PermanentError,
    title="The client secret is not in Key Vault",
    detail="Key Vault has no secret named '{name}'.",
    remedy=(
        "Specify the value of the secret in serverApp.existing.secret. Or ask a person who may write to the "
        "vault to add the secret, with your object ID in the tag requestedBy."
    ),
    documentation=_SECRETS,
)
SECRET_OF_OTHER_APP: Final = ErrorType(
    code="secret-of-other-app",
    failure=PermanentError,
    title="The secret does not belong to the application",
    detail="The secret '{name}' in Key Vault does not match any client secret of the application.",
    remedy="Specify a client secret of this application.",
    documentation=_SECRETS,
)
SECRET_EXPIRED: Final = ErrorType(
    code="secret-expired",
    failure=PermanentError,
    title="The client secret has expired",
    detail="The client secret expired on {ended:%Y-%m-%d}.",
    remedy="Create a new client secret for the application and specify it, or start a new renewal.",
    documentation=_SECRETS,
)
SECRET_NOT_NEW: Final = ErrorType(
    code="secret-not-new",
    failure=PermanentError,
    title="The connection already uses this client secret",
    detail="The connection already uses the secret that the renewal specifies.",
    remedy="Add another client secret to the application, and specify that one.",
    documentation=_SECRETS,
)
SECRET_REFUSED: Final = ErrorType(
    code="secret-refused",
    failure=PermanentError,
    title="A tenant policy does not allow this client secret",
    detail="{details}",
    remedy="{remedies}",
)
APPLICATION_DELETED: Final = ErrorType(
    code="application-deleted",
    failure=PermanentError,
    title="The application no longer exists",
    detail="The directory no longer has the application {app}, so it cannot get a new client secret.",
    remedy=(
        "Within 30 days of its deletion, restore the application with its secrets under App registrations, "
        "Deleted applications, then retry. After that, remove the connection and onboard again."
    ),
    documentation="https://learn.microsoft.com/entra/identity-platform/howto-restore-app",
    actor=Actor.REQUESTER,
)
APPLICATION_TOO_OLD: Final = ErrorType(
    code="application-too-old",
    failure=PermanentError,
    title="The application is too old for a renewal of its client secret",
    detail=(
        "The application '{name}' was created on {created:%Y-%m-%d}. From version {version}, Configuration "
        "Manager does not renew secrets of applications that are older than {days} days."
    ),
    remedy="Onboard the tenant with new applications, then remove this connection.",
)

# Renewals

RENEWAL_SUPERSEDED: Final = ErrorType(
    code="renewal-superseded",
    failure=PermanentError,
    title="Another renewal has replaced this one",
    detail="The connection no longer waits for this renewal. It now waits for: {renewal}.",
    remedy="No action is required. To renew the current client secret, request a new renewal.",
)
RENEWAL_IN_PROGRESS: Final = ErrorType(
    code="renewal-in-progress",
    failure=PermanentError,
    title="Another renewal of the client secret is in progress",
    detail="The connection has the renewal {renewal}, which has not ended.",
    remedy="Confirm that renewal, or wait until it ends. Then request a new one if you still need it.",
)
NEW_SECRET_MISSING: Final = ErrorType(
    code="new-secret-missing",
    failure=PermanentError,
    title="The new client secret is no longer on the application",
    detail="The application does not list the new client secret, so the connection keeps the previous one.",
    remedy="Request a new renewal, enter its secret at the site, and confirm it.",
    documentation=_SECRETS,
)

# After a restore

STORAGE_RESTORED: Final = ErrorType(
    code="storage-restored",
    status=HTTPStatus.CONFLICT,
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="Storage was restored from a backup, or is new",
    detail=(
        "Storage is from {storage}, but Key Vault is from {vault}. The service does not know what happened "
        "in between."
    ),
    remedy=_RECONCILE,
    documentation=_RESTORE,
)
VAULT_RESTORED: Final = ErrorType(
    code="vault-restored",
    status=HTTPStatus.CONFLICT,
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="Key Vault was restored from a backup, or is new",
    detail="Key Vault is from {vault}, but storage is from {storage}. Newer client secrets can be missing.",
    remedy=_RECONCILE,
    documentation=_RESTORE,
)

# The engine

MESSAGE_INVALID: Final = ErrorType(
    code="message-invalid",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The queue message is not a message of this service",
    detail="{fault}",
    remedy="Dismiss the message. Find out which program writes to the queues of this service.",
)
MESSAGE_VERSION_UNKNOWN: Final = ErrorType(
    code="message-version-unknown",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="Another release wrote the queue message",
    detail="The message has the version {version}. This release reads messages up to version {newest}.",
    remedy="Deploy the release that wrote the message, then retry the message. Otherwise dismiss it.",
)
MESSAGE_FIELD_UNKNOWN: Final = ErrorType(
    code="message-field-unknown",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The queue message has fields that this release does not know",
    detail="Fields that this release does not know: {unknown}. Missing or invalid fields: {wrong}.",
    remedy="Deploy the release that wrote the message, then retry the message. Otherwise dismiss it.",
)
MESSAGE_RUN_UNKNOWN: Final = ErrorType(
    code="message-run-unknown",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The run of the queue message does not exist",
    detail="There is no run {run}.",
    remedy="Dismiss the message, unless you restore the tables from a backup that has the run.",
)
MESSAGE_RUN_UNREADABLE: Final = ErrorType(
    code="message-run-unreadable",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The run of the queue message cannot be read",
    detail="A stored record of the run {run} cannot be read.",
    remedy="Find the record with GET /api/unreadable, and correct or remove it. Then retry the message.",
)
WORKER_CRASHED: Final = ErrorType(
    code="worker-crashed",
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The worker stopped repeatedly before it finished the step",
    detail=("The service started the step several times, and the worker stopped each time. In step {steps}."),
    remedy=_LOG,
)
CLAIM_LOST: Final = ErrorType(
    code="claim-lost",
    failure=TransientError,
    title="Another worker has continued this step",
    detail="The worker stopped for a while. Another one has continued the step, or the run was stopped.",
    remedy="No action is required.",
    actor=Actor.NOBODY,
)
WAIT_TIMED_OUT: Final = ErrorType(
    code="wait-timed-out",
    failure=PermanentError,
    title="The step waited too long",
    detail="The step stopped after {limit}. It was waiting for this condition: {condition}.",
    remedy="Make sure that the condition is met, then retry the run.",
)
ATTEMPT_TIMED_OUT: Final = ErrorType(
    code="attempt-timed-out",
    failure=TransientError,
    actor=Actor.NOBODY,
    title="One attempt of the step took too long",
    detail="The service stopped an attempt of the step that took longer than {limit}.",
    remedy="The service tries again automatically.",
)
