"""What the preflight finds in the subscription of the gateway before anything is changed."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, PermanentError, Severity
from onboarding.errors.cloud import LATE_ROLE

_PROVIDERS: Final = (
    "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types"
)

NO_SUBSCRIPTION: Final = ErrorType(
    code="no-subscription",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    pointers=("/subscriptionId",),
    title="The tenant has no subscription for a gateway",
    detail=(
        "The request has no subscriptionId. The service creates the app registrations and registers no "
        "resource providers."
    ),
    remedy=(
        "No action is required if the gateway is in another tenant: onboard that tenant, too, with its "
        "subscription. Otherwise, specify subscriptionId."
    ),
    documentation=(
        "https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/cloud-management-gateway-faq"
    ),
)

SUBSCRIPTION_NOT_FOUND: Final = ErrorType(
    code="subscription-not-found",
    severity=Severity.ERROR,
    pointers=("/subscriptionId",),
    actor=Actor.SUBSCRIPTION_OWNER,
    title="The subscription does not exist in the tenant, or the service has no role on it",
    detail=(
        "Tenant {tenant} has no subscription {subscription}, or the service's identity has no role on it."
    ),
    remedy=(
        "Check both IDs. If they are correct, assign a role on the subscription, such as Contributor, to the "
        f"service's identity. {LATE_ROLE}"
    ),
    documentation="https://learn.microsoft.com/azure/role-based-access-control/role-assignments-portal",
)
SUBSCRIPTION_IN_OTHER_TENANT: Final = ErrorType(
    code="subscription-in-other-tenant",
    severity=Severity.ERROR,
    pointers=("/subscriptionId",),
    title="The subscription belongs to another tenant",
    detail="The subscription belongs to tenant {actual}, not to tenant {expected}.",
    remedy="Specify a subscription of this tenant.",
    documentation="https://learn.microsoft.com/entra/fundamentals/how-subscriptions-associated-directory",
)
SUBSCRIPTION_DISABLED: Final = ErrorType(
    code="subscription-disabled",
    severity=Severity.ERROR,
    pointers=("/subscriptionId",),
    actor=Actor.SUBSCRIPTION_OWNER,
    title="The subscription is not enabled",
    detail="The subscription has the state {state}.",
    remedy="Enable the subscription, or specify another one.",
    documentation="https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states",
)
REGISTER_NOT_ALLOWED: Final = ErrorType(
    code="register-not-allowed",
    severity=Severity.ERROR,
    pointers=("/subscriptionId",),
    actor=Actor.SUBSCRIPTION_OWNER,
    title="A resource provider is missing, and the service cannot register it",
    detail="The service cannot register these resource providers in the subscription: {providers}.",
    remedy=(
        "Register them yourself. Or assign the service's identity a role with */register/action on the "
        f"subscription, such as Contributor. {LATE_ROLE}"
    ),
    documentation=_PROVIDERS,
)
SUBSCRIPTION_NOT_CHECKED: Final = ErrorType(
    code="subscription-not-checked",
    severity=Severity.INFORMATION,
    actor=Actor.SUBSCRIPTION_OWNER,
    pointers=("/subscriptionId",),
    title="The service cannot read part of the subscription, and did not check it",
    detail="The service cannot read the {subject} in the subscription ({answer}), and did not check them.",
    remedy=(
        "To include this check, assign the service's identity a role with {action} on the subscription, such "
        f"as Contributor. {LATE_ROLE} Without the role, the onboarding registers each resource provider."
    ),
    documentation=_PROVIDERS,
)
DEPLOYMENT_MODEL_RETIRED: Final = ErrorType(
    code="deployment-model-retired",
    failure=PermanentError,
    title="Microsoft has retired cloud services (classic)",
    detail="Microsoft retired cloud services (classic) on August 31, 2024. No gateway can run on them.",
    remedy="Roll back the onboarding, and send another request without deploymentModel.",
    documentation="https://learn.microsoft.com/intune/configmgr/core/clients/manage/cmg/supported-configurations",
)
PROVIDERS_TO_REGISTER: Final = ErrorType(
    code="providers-to-register",
    severity=Severity.INFORMATION,
    actor=Actor.NOBODY,
    title="The service will register missing resource providers",
    detail="The service will register these resource providers: {providers}.",
    remedy="No action is required: the onboarding registers them and waits for the result.",
    documentation=_PROVIDERS,
)
