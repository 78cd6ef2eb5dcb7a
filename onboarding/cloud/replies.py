"""The responses of Microsoft Graph, and what a caller reads in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Self

from onboarding.cloud import failures, shapes
from onboarding.cloud.guest import Guest
from onboarding.cloud.service_names import GRAPH
from onboarding.errors import OnboardingError, TransientError, responses
from onboarding.texts.phrases import Said


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphResponse:
    """The response to a call of Graph."""

    status: int
    document: Any = None  # the JSON body; None when there is none
    refusal: failures.Answer | None = None  # when the status is an error

    @classmethod
    def batched(cls, answer: Mapping[str, Any]) -> Self:
        """The response in an entry of a batch."""
        status, document = int(answer["status"]), answer.get("body")
        if status < HTTPStatus.BAD_REQUEST:
            return cls(status=status, document=shapes.conform(document))
        headers = answer.get("headers") or {}
        refusal = failures.Answer.from_body(GRAPH, status, headers, document)
        return cls(status=status, document=document, refusal=refusal)

    def by(self, guest: Guest | None) -> Self:
        """The same response to a guest, as in ``Answer``."""
        return replace(self, refusal=replace(self.refusal, guest=guest)) if self.refusal else self

    def needed(self, *, fresh: bool = False, owned: bool = False) -> Any:
        """The document. Raises this app's errors; ``fresh`` and ``owned`` as for ``failures.error_of``."""
        if self.refusal:
            raise failures.error_of(self.refusal, fresh=fresh, owned=owned)
        if self.fault:
            raise responses.VALUE_UNREADABLE.error(service=GRAPH, fault=self.fault)
        return self.document

    def readable(self, *, fresh: bool = False) -> Any:
        """The document; None when this service may not read it. Raises this app's errors.

        ``fresh`` as for ``failures.error_of``.
        """
        if self.status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
            return None
        if self.refusal:
            raise failures.error_of(self.refusal, fresh=fresh)
        return None if self.fault else self.document

    @property
    def fault(self) -> Said | None:
        """Which value of the document could not be read, and why; None if all could."""
        return shapes.fault_of(self.document)

    @property
    def seen(self) -> Any:
        """The document; None for any refusal, or if it has a value that cannot be read."""
        return None if self.refusal or self.fault else self.document

    @property
    def unread(self) -> Said | str:
        """Why the document cannot be read; empty if it can."""
        return f"{self.status} {self.refusal.code}".strip() if self.refusal else self.fault or ""

    @property
    def passing(self) -> OnboardingError | None:
        """The error of a refusal that is only temporary."""
        error = failures.error_of(self.refusal) if self.refusal else None
        temporary = isinstance(error, TransientError) and self.status != HTTPStatus.UNAUTHORIZED
        return error if temporary else None

    def optional(self) -> Any:
        """As ``seen``, but raises ``TransientError`` for a temporary refusal."""
        if error := self.passing:
            raise error
        return self.seen

    def is_gone(self) -> bool:
        """Whether the object does not exist. Raises this app's errors for any other refusal."""
        if self.refusal and self.status != HTTPStatus.NOT_FOUND:
            raise failures.error_of(self.refusal)
        return self.refusal is not None
