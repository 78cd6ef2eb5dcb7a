"""Errors and findings in answers: worded for the reader, with the values in the texts and with actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, FieldSerializationInfo, PlainSerializer, field_serializer

from onboarding.api.documents import (
    Document,
    FailureCode,
    FindingCode,
    Label,
    StepName,
    Url,
    open_value,
    reader_of,
)
from onboarding.api.reader import Reader
from onboarding.errors import ActionKind, Actor, Severity, cloud
from onboarding.errors.base import composed
from onboarding.errors.catalogue import CATALOGUE
from onboarding.texts import phrases, templates
from onboarding.texts.phrases import Said


class Action(Document):
    """Something that people can do: a call of the API, or a page."""

    kind: ActionKind
    label: Label
    actor: Actor = Field(description="Who must act.")
    method: Annotated[str, Field(description="Of a call of the API. Missing: `url` is a page.")] = ""
    url: Annotated[str, Field(validation_alias=AliasChoices("address", "url"), serialization_alias="url")] = (
        ""
    )
    app_id: Annotated[str, Field(description="Client ID of the application that it affects.")] = ""
    role: Annotated[str, Field(description="The role that the actor needs for it.")] = ""

    @field_serializer("url")
    def _absolute(self, url: str, info: FieldSerializationInfo) -> str:
        return f"{reader_of(info).origin}{url}" if url.startswith("/") else url


def _shown(actions: tuple[Action, ...], info: FieldSerializationInfo) -> tuple[Action, ...]:
    reader = reader_of(info)
    return tuple(action for action in actions if reader.may(action.kind, action.actor))


Actions = Annotated[
    tuple[Action, ...],
    PlainSerializer(_shown, return_type=tuple[Action, ...]),
    Field(default=(), description="What can be done, the first step first."),
]
"""What a reader can do; an operator sees all of them."""


class Explained(Document):
    """The texts of an error or a finding, as their reader sees them."""

    code: str
    title: Annotated[str, Field(description="What is wrong. The same in every occurrence.")] = ""
    detail: str
    remedy: Annotated[str, Field(description="What to do, written for the person who must act.")] = ""
    actor: Annotated[
        Actor, Field(description=("Who must act. Nobody: it is temporary, or no action is required."))
    ]
    args: Annotated[
        dict[str, Any],
        Field(
            default_factory=dict,
            description=(
                "The values in the texts, by name. With `code`, you can write your own text. A value that "
                "is a part of a sentence has its own `code`, `text` in English, and `args`."
            ),
        ),
    ]

    @property
    def parts(self) -> tuple[Finding, ...]:
        """The findings from which the texts are composed, if they are."""
        return ()

    def text_for(self, reader: Reader, part: str) -> str:
        """One of its texts, in the language of the reader where there is a translation."""
        if part == "remedy":
            return self._remedy_for(reader)
        return self._translated(reader, part) or str(getattr(self, part))

    def said(self, part: Literal["title", "detail"]) -> Said:
        """One of its texts, as a part of another one."""
        return Said(code=f"{self._known_code}/{part}", text=getattr(self, part), args=self.args)

    @property
    def _known_code(self) -> str:
        """The code whose texts it has: those of any refusal, if the code is the cloud's own."""
        general = self.title == cloud.REFUSED_BY_CLOUD.title
        return cloud.REFUSED_BY_CLOUD.code if general else self.code

    def _remedy_for(self, reader: Reader) -> str:
        """What to do. A person who is not an operator cannot follow the remedy of an operator."""
        declared = CATALOGUE.get(self.code)
        if not self.remedy:
            return ""
        if declared and declared.is_composed and self.parts:
            return self._translated(reader, "remedy") or self._filled(declared.remedy, reader) or self.remedy
        if reader.operates or self.actor is not Actor.OPERATOR:
            return self._translated(reader, "remedy") or self.remedy
        asks = phrases.ASK_OPERATOR.of(code=self.code)
        if declared is None or not declared.remedy_for_requester:
            return reader.texts.said(asks.as_json())
        english = self._filled(declared.remedy_for_requester, reader)
        return self._translated(reader, "requester") or english or reader.texts.said(asks.as_json())

    def _translated(self, reader: Reader, part: str) -> str:
        """A text in the language of the reader; empty if that is English, or if there is no translation."""
        return reader.texts.of(self._known_code, part, {**self.args, **self._composed(reader)})

    def _filled(self, template: str, reader: Reader) -> str:
        """A text with the values of this occurrence; empty if they are not stored with it."""
        values = {**self.args, **self._composed(reader)}
        return templates.fill(template, values) if templates.fields(template) <= set(values) else ""

    def _composed(self, reader: Reader) -> Mapping[str, str]:
        """The texts of the parts, as their reader sees them, as values."""
        return composed(
            part.model_copy(
                update={"detail": part.text_for(reader, "detail"), "remedy": part.text_for(reader, "remedy")}
            )
            for part in self.parts
        )

    @field_serializer("title", "detail", "remedy")
    def _text(self, _: str, info: FieldSerializationInfo) -> str:
        return self.text_for(reader_of(info), info.field_name)


class Told(Explained):
    """An error or a finding, with what can be done about it."""

    documentation: Url = ""
    actions: Actions


class Finding(Told):
    """Something that is wrong or worth knowing, where it is, and what to do."""

    code: FindingCode
    severity: Severity
    pointer: Annotated[str, Field(description="JSON pointer (RFC 6901) into the request.")] = ""
    parameter: Annotated[str | None, Field(description="The query parameter or header at fault.")] = None


class Problem(Told):
    """An error (RFC 9457). Branch on ``code``, which is stable, not on the texts."""

    type: Url
    title: str
    status: int
    code: Annotated[str, open_value("ProblemCode"), Field(description="Also in the header x-ms-error-code.")]
    request_id: Annotated[str, Field(description="Also in the header x-ms-request-id.")]
    errors: Annotated[tuple[Finding, ...], Field(description="All faults of the body.")] = ()

    @property
    def parts(self) -> tuple[Finding, ...]:
        """All faults."""
        return self.errors


class StepError(Told):
    """Why a step failed, or why it is retried."""

    code: FailureCode
    title: str
    request_id: Annotated[str, Field(description="With this ID, Microsoft support can find the call.")] = ""
    findings: tuple[Finding, ...] = ()
    actor: Annotated[
        Actor,
        Field(
            description=(
                "Who must act. A run waits for TenantAdministrator, SubscriptionOwner and Operator, and "
                "continues by itself. Nobody: the error is temporary."
            )
        ),
    ]
    step: Annotated[StepName, Field(description="The failed step, in the error of a run.")] = ""

    @property
    def parts(self) -> tuple[Finding, ...]:
        """What the preflight found."""
        return self.findings
