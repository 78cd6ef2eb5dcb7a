"""Webhook subscribers as callers send and see them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, WithJsonSchema

from onboarding.api import documents
from onboarding.api.documents import Document, Url
from onboarding.cmg.faults import fault
from onboarding.cmg.fields import Name, WizardModel
from onboarding.cmg.wizard import Label, LabelValue
from onboarding.notices import subscribers
from onboarding.notices.notice import NoticeKind
from onboarding.words.word import Word

_SHORTEST, _LONGEST = 24, 64
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105


def _address(value: SecretStr) -> SecretStr:
    try:
        url = urlsplit(value.get_secret_value())
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        raise fault("not-a-webhook-address").error() from None
    if url.scheme not in {"https", "http"} or not url.hostname or not port_is_valid:
        raise fault("not-a-webhook-address").error()
    if url.username is not None or url.fragment:
        raise fault("webhook-address-with-more").error()
    return value


def _key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_SECRET_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise fault("not-a-webhook-key").error()
    return value


Address = Annotated[SecretStr, Field(max_length=2000), AfterValidator(_address)]
Key = Annotated[SecretStr, Field(max_length=200), AfterValidator(_key)]
Kinds = Annotated[
    tuple[Annotated[NoticeKind, WithJsonSchema({"type": "string", "enum": list(NoticeKind)})], ...],
    Field(max_length=50),
]
"""Those that this release knows. In an answer they are the open ``documents.NoticeKind``."""
Tenants = Annotated[tuple[UUID, ...], Field(max_length=100)]
Labels = Annotated[dict[Label, LabelValue], Field(max_length=20)]

_KINDS: Final = "Kinds of events: the last part of type. None: all, including later ones."
_TENANTS: Final = "IDs of tenants. None: all."
_LABELS: Final = "Labels, all of which a connection has. None: any."


class SubscriberRequest(WizardModel):
    """A program that gets events."""

    name: Name
    address: Address = Field(description="The https URL to which events are posted. It is never shown.")
    secret: Key = Field(
        description="Signs the events: whsec_ and 24 to 64 random bytes in base64. It is never shown."
    )
    kinds: Kinds = Field((), description=_KINDS)
    tenants: Tenants = Field((), description=_TENANTS)
    labels: Labels = Field({}, description=_LABELS)
    enabled: bool = Field(True, description="Whether it gets events.")


class SubscriberChange(WizardModel):
    """What changes in a subscriber. Omitted fields keep their value."""

    name: Name | None = None
    address: Address | None = None
    secret: Key | None = Field(None, description="For a while, events are also signed with the old secret.")
    kinds: Kinds | None = None
    tenants: Tenants | None = None
    labels: Labels | None = None
    enabled: bool | None = None


class Subscriber(Document):
    """A program that gets events."""

    id: UUID
    name: Word
    host: Annotated[str, Field(description="Of its address. The rest can be a secret.")]
    kinds: tuple[documents.NoticeKind, ...]
    tenants: tuple[UUID, ...]
    labels: dict[str, Word]
    enabled: bool
    created_at: datetime
    changed_at: datetime
    channel: Annotated[str, Field(description="The name of its channel, which shows whether it works.")]
    channel_url: Url

    @classmethod
    def of(cls, found: subscribers.Subscriber, url: Callable[[str], str]) -> Self:
        """A subscriber. ``url`` makes the URL of a path."""
        return cls(
            id=found.id,
            name=found.name,
            host=found.host,
            kinds=found.kinds,
            tenants=found.tenants,
            labels=dict(found.labels),
            enabled=found.enabled,
            created_at=found.created_at,
            changed_at=found.changed_at,
            channel=found.channel,
            channel_url=url(f"channels/{found.channel}"),
        )


class SubscriberList(Document):
    """All subscribers."""

    value: tuple[Subscriber, ...]
