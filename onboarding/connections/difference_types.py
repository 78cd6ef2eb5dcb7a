"""The texts of the differences, by code: declared, so that each can be written in another language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from onboarding.connections.records import Difference
from onboarding.texts import templates
from onboarding.texts.phrases import Said


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceType:
    """What differs, what it means, and what to do: templates with named fields.

    The impact and the remedy of a check that failed are those of its rule.
    """

    code: str
    detail: str
    impact: str = ""
    remedy: str = ""

    def said(self, part: str, **values: Any) -> Said:
        """One of the texts."""
        template = getattr(self, part)
        given = {name: values[name] for name in templates.fields(template)}
        return Said(
            code=f"{self.code}/{part}",
            text=templates.fill(template, given),
            args=templates.as_json(given),
        )

    def difference(
        self, app: str, since: datetime, /, *, subjects: tuple[str, ...] = (), **values: Any
    ) -> Difference:
        """One occurrence."""
        return difference(
            self.code,
            app,
            since,
            self.said("detail", **values),
            self.said("impact", **values),
            self.said("remedy", **values),
            subjects=subjects,
        )


def difference(  # noqa: PLR0917 - in the order of the texts
    code: str, app: str, since: datetime, detail: Said, impact: Said, remedy: Said, **more: Any
) -> Difference:
    """A difference with its texts."""
    return Difference(
        code=code,
        app=app,
        since=since,
        detail=str(detail),
        impact=str(impact),
        remedy=str(remedy),
        said={"detail": detail, "impact": impact, "remedy": remedy},
        **more,
    )


# Checks that failed

DIFFERS: Final = DifferenceType(
    code="differs", detail="'{app}' ({id}) differs from its profile. Expected: {expected}."
)
APPLICATION_MISSING: Final = DifferenceType(
    code="no-application", detail="'{app}' ({id}) no longer exists in the directory."
)
PRINCIPAL_MISSING: Final = DifferenceType(
    code="no-service-principal",
    detail="'{app}' ({id}) no longer has a service principal (enterprise application) in the tenant.",
)
CREDENTIAL_ADDED: Final = DifferenceType(
    code="credential-added",
    detail="Credentials were added to '{app}' outside this service: {credentials}.",
)

# The client secret

SECRET_ADDED: Final = DifferenceType(
    code="secret-added",
    detail="A client secret that expires on {day:%Y-%m-%d} was added to '{app}' outside this service.",
    impact=(
        "It is unknown which secret the site uses. Warnings continue for the recorded secret, which expires "
        "on {recorded:%Y-%m-%d}."
    ),
    remedy="Renew the secret with this service, or remove the other secret if it is not used.",
)
SECRET_REPLACED: Final = DifferenceType(
    code="secret-replaced",
    detail=(
        "The recorded client secret of '{app}' was removed. Another secret, added outside this service, "
        "expires on {day:%Y-%m-%d}."
    ),
    impact="The secret in Key Vault no longer works. Warnings now follow the other secret.",
    remedy=(
        "Make sure that the site uses the new secret. To store the secret in Key Vault, renew it with this "
        "service."
    ),
)
SECRET_REMOVED: Final = DifferenceType(
    code="secret-removed",
    detail="The recorded client secret of '{app}' was removed.",
    impact="The site cannot get tokens with its secret: the gateway and discovery stop.",
    remedy="Renew the secret, and enter it with 'Renew Secret Key' in the Configuration Manager console.",
)
SECRET_END_CHANGED: Final = DifferenceType(
    code="secret-end-changed",
    detail="The client secret of '{app}' expires on {day:%Y-%m-%d}, not on {recorded:%Y-%m-%d} as recorded.",
    impact="Warnings now follow the new date.",
    remedy="No action is required if the change was intended.",
)

# The tenant and the subscription

DIRECTORY_UNREADABLE: Final = DifferenceType(
    code="directory-unreadable",
    detail="The service cannot read the directory of tenant {tenant}: {reason}",
    impact="The service cannot detect a removed secret or a changed application.",
    remedy="{action}",
)
SUBSCRIPTION_CHANGED: Final = DifferenceType(
    code="subscription-changed",
    detail="{fault}",
    impact="The gateway is a resource of this subscription. It stops, or nobody can change it.",
    remedy=(
        "Contact the owner of the subscription. If the change was intended, deploy the gateway in another "
        "subscription: onboard the tenant again with it, and remove this connection."
    ),
)
PROVIDERS_PENDING: Final = DifferenceType(
    code="providers-pending",
    detail="Azure has not finished registering these resource providers: {providers}.",
    impact="The deployment of the gateway can fail in regions where a provider is not registered yet.",
    remedy=(
        "The service registered them twice. If they stay in this state for days, register them again (az "
        "provider register), then contact Azure support."
    ),
)
