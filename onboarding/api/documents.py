"""What the answers of several endpoints have in common: their JSON, problems and findings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from onboarding import version
from onboarding.errors import Actor, Severity

COMPONENT: Final = "x-component"
"""Marks a field that has a schema of the description by name, not by its type."""


def open_value(name: str) -> Any:
    """Text on which callers branch: one of ``open_values.VALUES``, or a value of a later release."""
    return WithJsonSchema({"type": "string", COMPONENT: name})


StepName = Annotated[str, open_value("StepName")]
FindingCode = Annotated[str, open_value("FindingCode")]
FailureCode = Annotated[str, open_value("FailureCode")]
NoticeKind = Annotated[str, open_value("NoticeKind")]
ExpirationKind = Annotated[str, open_value("ExpirationKind")]
CheckName = Annotated[str, open_value("CheckName")]
DifferenceCode = Annotated[str, open_value("DifferenceCode")]
CloudService = Annotated[str, open_value("CloudService")]
ProfileName = Annotated[str, open_value("ProfileName")]
AttentionCode = Annotated[str, open_value("AttentionCode")]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]

FullRequest = Annotated[
    dict[str, Any],
    WithJsonSchema({COMPONENT: "OnboardingRequest"}),
    Field(description="The request with all defaults. It never contains a secret."),
]


class Document(BaseModel):
    """JSON in camel case.

    A field is always there, or it is optional: it has a default, or can be None. An answer leaves out
    an optional field whose value is the default or None, so it never contains null.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        from_attributes=True,
        frozen=True,
    )

    def as_json(self) -> str:
        """The document as callers get it."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True, exclude_none=True)


class Finding(Document):
    """Something that is wrong or good to know, where it is, and what to do."""

    code: FindingCode
    severity: Severity
    detail: str
    remedy: str = ""
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    documentation: Url = ""
    actor: Annotated[Actor, Field(description="Who must act.")]


class Problem(Document):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the sentences."""

    type: Url
    title: str
    status: int
    detail: str
    remedy: str = ""
    documentation: Url = ""
    code: Annotated[str, open_value("ProblemCode"), Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of the body.")] = ()


class StepError(Document):
    """Why a step failed, or why it is retried."""

    code: FailureCode
    title: str
    detail: str
    remedy: str = ""
    documentation: Url = ""
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
    step: Annotated[StepName, Field(description="The failed step, in the error of a run.")] = ""


class CodeVersion(Document):
    """The version of the code that answers; empty if the code was not packaged by azd."""

    commit: Annotated[str, Field(description="With the suffix x: the working copy had changes.")] = ""
    built_at: Annotated[datetime | None, Field(description="When the code was packaged.")] = None

    @classmethod
    def current(cls) -> Self:
        """The version of this process."""
        return cls.model_validate(version.current())
