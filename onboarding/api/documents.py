"""What the answers of several endpoints have in common: their form as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from onboarding import version
from onboarding.api.reader import ANYBODY, Reader
from onboarding.storage import unreadable_rows
from onboarding.texts.phrases import Said

READER: Final = "reader"
"""The member of the context of a serialization that has the reader."""

COMPONENT: Final = "x-component"
"""Marks a field that references a schema of the description by name, not by its type."""


def open_value(name: str) -> Any:
    """Text on which callers branch: one of ``open_values.VALUES``, or a value of a later release."""
    return WithJsonSchema({"type": "string", COMPONENT: name})


StepName = Annotated[str, open_value("StepName")]
FindingCode = Annotated[str, open_value("FindingCode")]
FailureCode = Annotated[str, open_value("FailureCode")]
LeftBehindCode = Annotated[str, open_value("LeftBehindCode")]
OutcomeCode = Annotated[str, open_value("OutcomeCode")]
UnreadableCode = Annotated[str, open_value("UnreadableCode")]
NoticeKind = Annotated[str, open_value("NoticeKind")]
ExpirationKind = Annotated[str, open_value("ExpirationKind")]
CheckName = Annotated[str, open_value("CheckName")]
DifferenceCode = Annotated[str, open_value("DifferenceCode")]
CloudService = Annotated[str, open_value("CloudService")]
ProfileName = Annotated[str, open_value("ProfileName")]
AttentionCode = Annotated[str, open_value("AttentionCode")]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]

StoredId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
"""An ID as it is stored. A damaged ID does not prevent the rest from being shown."""

FullRequest = Annotated[
    dict[str, Any],
    WithJsonSchema({COMPONENT: "OnboardingRequest"}),
    Field(description="The request with all defaults. It never contains a secret."),
]


class Document(BaseModel):
    """JSON in camel case.

    A field is always present, or it is optional: it has a default, or can be None. An answer omits an
    optional field whose value is the default or None, so it never contains null.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        from_attributes=True,
        frozen=True,
    )

    def as_json(self, reader: Reader = ANYBODY) -> str:
        """The document as its reader gets it."""
        return self.model_dump_json(
            by_alias=True, exclude_defaults=True, exclude_none=True, context={READER: reader}
        )


def reader_of(info: FieldSerializationInfo) -> Reader:
    """The reader of the document that is written."""
    reader = (info.context or {}).get(READER, ANYBODY)
    return reader if isinstance(reader, Reader) else ANYBODY


def _labelled(english: str, info: FieldSerializationInfo) -> str:
    return reader_of(info).texts.label(english)


Label = Annotated[str, PlainSerializer(_labelled, return_type=str)]
"""A text without values, in the language of its reader."""


def _worded(said: Said, info: FieldSerializationInfo) -> str:
    return reader_of(info).texts.said(said.as_json())


Wording = Annotated[Said, PlainSerializer(_worded, return_type=str), WithJsonSchema({"type": "string"})]
"""A phrase, in the language of its reader."""


def wording(name: str, said: Said) -> dict[str, Any]:
    """The members with a phrase, its code and its values."""
    return {name: said, f"{name}_code": said.code, f"{name}_args": dict(said.args)}


class NotRead(Document):
    """Something that the service cannot read, with the reason."""

    reason: Wording
    reason_code: Annotated[UnreadableCode, Field(description="The same for programs.")] = ""
    reason_args: Annotated[dict[str, Any], Field(default_factory=dict, description="The values in `reason`.")]

    @staticmethod
    def why(row: unreadable_rows.UnreadableRow) -> dict[str, Any]:
        """The reason of a row."""
        return wording("reason", row.why)


class Dismissal(Document):
    """Who decided that no action is needed, when and why."""

    by: str
    by_id: Annotated[str, Field(description="Object ID in the home tenant.")] = ""
    at: datetime
    reason: str

    @classmethod
    def of(cls, dismissal: unreadable_rows.Dismissal | None) -> Self | None:
        """A stored dismissal, if there is one."""
        return cls.model_validate(dismissal) if dismissal else None


class CodeVersion(Document):
    """The version of the code that answers; empty if azd did not package the code."""

    commit: Annotated[str, Field(description="With the suffix x: the working copy had changes.")] = ""
    built_at: Annotated[datetime | None, Field(description="When the code was packaged.")] = None

    @classmethod
    def current(cls) -> Self:
        """The version of this process."""
        return cls.model_validate(version.current())
