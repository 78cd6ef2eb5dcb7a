"""What the answers of several endpoints have in common: their JSON, problems and findings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from onboarding.errors import Actor, Severity

FullRequest = Annotated[
    dict[str, Any],
    Field(description="The request with all defaults. It never contains a secret."),
]


class Document(BaseModel):
    """JSON in camel case. A field that has a default is left out where its value is the default."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        from_attributes=True,
        frozen=True,
    )

    def as_json(self) -> str:
        """The document as callers get it."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)


class Finding(Document):
    """Something that is wrong or good to know, where it is, and what to do."""

    code: str
    severity: Severity
    detail: str
    remedy: str = ""
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    documentation: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""
    actor: Annotated[Actor, Field(description="Who must act.")]


class Problem(Document):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the sentences."""

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: int
    detail: str
    remedy: str = ""
    documentation: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""
    code: Annotated[str, Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of the body.")] = ()


class StepError(Document):
    """Why a step failed, or why it is retried."""

    code: str
    title: str
    detail: str
    remedy: str = ""
    documentation: Annotated[str, Field(json_schema_extra={"format": "uri"})] = ""
    request_id: Annotated[str, Field(description="Microsoft support finds the call by it.")] = ""
    findings: tuple[Finding, ...] = ()
    actor: Annotated[
        Actor,
        Field(
            description=(
                "Who must act. A run waits for TenantAdministrator, SubscriptionOwner and Operator, and "
                "continues by itself. Nobody: the error passes."
            )
        ),
    ]
    step: Annotated[str, Field(description="The failed step, in the error of a run.")] = ""
