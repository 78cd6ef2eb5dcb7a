"""Fields of a request that are valid, but that this deployment does not accept from the caller."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, Severity

OWNER_DOMAIN: Final = ErrorType(
    code="owner-domain",
    severity=Severity.ERROR,
    title="This deployment sends no mail to the domain of an owner",
    detail="This deployment sends no mail to '{domain}'. It sends mail only to addresses in {domains}.",
    remedy="Specify an owner whose address is in one of these domains.",
)
CHANNEL_UNKNOWN: Final = ErrorType(
    code="channel-unknown",
    severity=Severity.ERROR,
    title="The deployment has no such channel",
    detail="This deployment has no channel '{channel}'.",
    remedy="Specify only channels of the deployment: {channels}.",
)
TENANT_NOT_SERVED: Final = ErrorType(
    code="tenant-not-served",
    severity=Severity.ERROR,
    pointers=("/tenantId",),
    failure=PermanentError,
    actor=Actor.OPERATOR,
    title="The deployment does not serve the tenant",
    detail="This deployment does not serve tenant {tenant}.",
    remedy=(
        "Check the tenant ID. If it is correct, add it to SERVED_TENANTS, set MULTITENANT_CLIENT_ID, and ask "
        "an administrator of the tenant to consent (docs/deploy.md)."
    ),
    remedy_for_requester="Check the tenant ID. If it is correct, ask the operator to serve the tenant.",
)
CONNECTION_NOT_FOUND: Final = ErrorType(
    code="connection-not-found",
    severity=Severity.ERROR,
    pointers=("/serverApp/existing/connectionId",),
    failure=PermanentError,
    title="The connection does not exist",
    detail="The tenant has no connection {connection}, or it is being removed, or you have no access to it.",
    remedy="Specify another connection of the same tenant, or ask an operator to send the request.",
)
OTHER_ENVIRONMENT: Final = ErrorType(
    code="other-environment",
    severity=Severity.ERROR,
    pointers=("/azureEnvironment",),
    title="The deployment serves another Azure environment",
    detail="This deployment serves {served} only.",
    remedy="Use the deployment in {requested}.",
)
