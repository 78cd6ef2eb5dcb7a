"""Errors and findings in answers: worded for the reader, with the values in the texts and with actions."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AliasChoices, Field, FieldSerializationInfo, field_serializer

from onboarding.api.documents import (
    READER,
    Document,
    FailureCode,
    FindingCode,
    StepName,
    Url,
    open_value,
)
from onboarding.api.reader import ANYBODY, Reader
from onboarding.errors import ActionKind, Actor, Severity, templates
from onboarding.errors.base import composed
from onboarding.errors.catalogue import CATALOGUE

ASK_OPERATOR: Final = "Ask the operator of the service to correct this, and specify the code {code}."


class Action(Document):
    """Something that people can do: a call of the API, or a page."""

    kind: ActionKind
    label: str
    actor: Actor = Field(description="Who must act.")
    method: Annotated[str, Field(description="Of a call of the API. Missing: `url` is a page.")] = ""
    url: Annotated[str, Field(validation_alias=AliasChoices("address", "url"), serialization_alias="url")] = (
        ""
    )
    app_id: Annotated[str, Field(description="Client ID of the application that it is about.")] = ""
    role: Annotated[str, Field(description="The role that the actor needs for it.")] = ""

    @field_serializer("url")
    def _absolute(self, url: str, info: FieldSerializationInfo) -> str:
        return f"{_reader(info).origin}{url}" if url.startswith("/") else url


class Told(Document):
    """An error or a finding, as its reader sees it."""

    code: str
    title: Annotated[str, Field(description="What is wrong. The same in every occurrence.")] = ""
    detail: str
    remedy: Annotated[str, Field(description="What to do, worded for the one who must act.")] = ""
    documentation: Url = ""
    actor: Annotated[Actor, Field(description="Who must act. Nobody: it passes.")]
    args: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict,
            description="The values in the texts, by name. With `code`, they make a text of your own.",
        ),
    ]
    actions: Annotated[tuple[Action, ...], Field(description="What can be done, the first step first.")] = ()

    def remedy_for(self, reader: Reader) -> str:
        """What to do. A person who is no operator cannot follow the remedy of an operator."""
        declared = CATALOGUE.get(self.code)
        if reader.operates or not self.remedy:
            return self.remedy
        if self.actor is Actor.OPERATOR:
            return self._filled(declared.remedy_for_requester if declared else "") or ASK_OPERATOR.format(
                code=self.code
            )
        return self.remedy

    def _filled(self, template: str) -> str:
        """A text with the values of this occurrence; empty if they are not stored with it."""
        return templates.fill(template, self.args) if templates.fields(template) <= set(self.args) else ""

    @field_serializer("remedy")
    def _remedy(self, _: str, info: FieldSerializationInfo) -> str:
        return self.remedy_for(_reader(info))

    @field_serializer("actions")
    def _actions(self, actions: tuple[Action, ...], info: FieldSerializationInfo) -> tuple[Action, ...]:
        reader = _reader(info)
        return tuple(action for action in actions if reader.may(action.kind, action.actor))


class Finding(Told):
    """Something that is wrong or good to know, where it is, and what to do."""

    code: FindingCode
    severity: Severity
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    parameter: Annotated[str | None, Field(description="The query parameter or header at fault.")] = None


class Problem(Told):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the sentences."""

    type: Url
    title: str
    status: int
    code: Annotated[str, open_value("ProblemCode"), Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of the body.")] = ()


class StepError(Told):
    """Why a step failed, or why it is retried."""

    code: FailureCode
    title: str
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

    def remedy_for(self, reader: Reader) -> str:
        """What to do. The remedy of an error with findings is composed of theirs."""
        declared = CATALOGUE.get(self.code)
        if declared is None or not declared.is_composed or not self.findings:
            return super().remedy_for(reader)
        told = [
            finding.model_copy(update={"remedy": finding.remedy_for(reader)}) for finding in self.findings
        ]
        return templates.fill(declared.remedy, {**self.args, **composed(told)}) or self.remedy


def _reader(info: FieldSerializationInfo) -> Reader:
    reader = (info.context or {}).get(READER, ANYBODY)
    return reader if isinstance(reader, Reader) else ANYBODY
