"""How an onboarding is requested: the examples of the description, and the parameters besides the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from onboarding.api.filters import LABELS, Labels, labelled
from onboarding.api.reading import HEADER, Flag, Traced
from onboarding.api.runs import RunQuery
from onboarding.cmg.fields import Form
from onboarding.lifecycle.plans import PLANS
from onboarding.workflow.run import Run

_TENANT, _SUBSCRIPTION = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05", "9a6c2b14-58d3-4f0e-8e21-7b5d3c9f0a46"
_LEAST: Final = {"name": "Contoso CMG", "tenantId": _TENANT, "subscriptionId": _SUBSCRIPTION}
EXAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "required fields": _LEAST,
    "custom names and discovery": {
        **_LEAST,
        "serverApp": {"name": "CMG-ServerApp", "appIdUri": f"api://{_TENANT}/ConfigMgrService"},
        "clientApp": {"name": "CMG-ClientApp"},
        "userDiscovery": {"enabled": True, "schedule": {"unit": "Days", "every": 1}},
        "configMgrVersion": "2409",
        "owners": [{"name": "Kim", "email": "kim@contoso.com"}],
    },
    "users and devices, with the gateway in another tenant": {
        "name": "Contoso users",
        "tenantId": _TENANT,
    },
    "only the gateway": {**_LEAST, "clientApp": None, "disableAuthentication": True},
    "existing apps": {
        **_LEAST,
        "serverApp": {
            "existing": {
                "clientId": "59ecaa28-3240-4d9c-a4e4-d3ff305bc6ed",
                "vaultSecret": "import-contoso",
            }
        },
        "clientApp": {"existing": {"clientId": "93f99d42-7284-4643-a203-a7b6e804e408"}},
    },
}


_Key = Annotated[str, Form(r"[\x21-\x7e]{1,255}", "not-an-idempotency-key")]


class OnboardingQuery(RunQuery):
    """Which onboardings are requested."""

    labels: Labels | None = LABELS
    idempotency_key: _Key | None = Field(
        None, description="Only the onboarding that the caller requested with this Idempotency-Key."
    )

    def shows(self, run: Run) -> bool:
        """Whether an onboarding has the labels."""
        return labelled(PLANS[run.head.plan].request_of(run.head).labels, self.labels)


class CreateQuery(Traced):
    """The parameters of a request."""

    dry_run: Flag = Field(False, description="Check the request and return the plan; write nothing.")
    idempotency_key: _Key | None = Field(
        None,
        alias="Idempotency-Key",
        json_schema_extra=HEADER,
        description="The same key with the same request returns the same answer and creates nothing new.",
    )
