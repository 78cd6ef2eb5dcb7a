"""The kinds of errors: their content, and whether a retry can help.

``ErrorType`` declares an error, ``Finding`` and ``OnboardingError`` are its occurrences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, Literal, Protocol

from onboarding.errors.actions import Action
from onboarding.errors.actors import Actor
from onboarding.former_values import ErrorCodeText
from onboarding.texts import templates
from onboarding.texts.phrases import Said

_COMPOSED: Final = frozenset({"details", "remedies"})
"""The fields of a text that is composed of the findings of the error."""


class Severity(StrEnum):
    """How serious a finding is."""

    ERROR = "Error"  # it cannot work
    WARNING = "Warning"  # it works, but is probably not intended
    INFORMATION = "Information"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, where it is wrong, and what to do about it."""

    code: ErrorCodeText
    severity: Severity = Severity.ERROR
    detail: str
    remedy: str = ""
    title: str = ""
    pointer: str = ""  # JSON pointer (RFC 6901) into the request, when a field is at fault
    documentation: str = ""
    actor: Actor = Actor.REQUESTER
    args: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The values in the texts, as JSON, for a text in another language."""
    actions: tuple[Action, ...] = field(default=(), compare=False)
    parameter: str | None = None  # of the query or a header, when it is at fault

    def said(self, part: Literal["title", "detail", "remedy"]) -> Said:
        """One of its texts, as a value of the text of another error."""
        return Said(code=f"{self.code}/{part}", text=getattr(self, part), args=self.args)


class OnboardingError(Exception):
    """A step, a call or a request cannot be completed. ``ErrorType.error`` creates it, or a subclass."""

    def __init__(
        self,
        kind: ErrorType,
        args: Mapping[str, Any],
        *,
        request_id: str = "",
        findings: tuple[Finding, ...] = (),
        retry_after: float | None = None,
        actor: Actor | None = None,
    ) -> None:
        texts = kind.texts(args, findings)
        super().__init__(texts.detail)
        self.kind = kind
        self.code = kind.code
        self.title = kind.title
        self.detail = texts.detail
        self.remedy = texts.remedy
        self.documentation = kind.documentation
        self.actor = actor or kind.actor
        self.actions = texts.actions or self._actions_of(findings)
        self.json_args = templates.as_json(args)
        self.request_id = request_id
        self.findings = findings
        self.retry_after = retry_after  # seconds, as the service asked for
        self.memo = ""  # what the attempt has done, as the step writes it for the next attempt

    def _actions_of(self, findings: Iterable[Finding]) -> tuple[Action, ...]:
        """What its actor can do about findings of which it is composed."""
        theirs = (finding for finding in findings if finding.actor is self.actor)
        errors = (finding for finding in theirs if finding.severity is Severity.ERROR)
        return tuple(dict.fromkeys(action for finding in errors for action in finding.actions))

    def as_finding(self) -> Finding:
        """The error as a finding, for a report that lists both."""
        return Finding(
            code=self.code,
            title=self.title,
            detail=self.detail,
            remedy=self.remedy,
            documentation=self.documentation,
            actor=self.actor,
            args=self.json_args,
            actions=self.actions,
        )


class TransientError(OnboardingError):
    """A service is not available; the same call can work later."""


class ReplicationLagError(TransientError):
    """The directory does not show a recent change yet."""


class PermanentError(OnboardingError):
    """A retry cannot help: a person must change something first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorTexts:
    """What one occurrence of an error shows to a person."""

    title: str = ""
    detail: str
    remedy: str
    actions: tuple[Action, ...] = ()


class HasDetail(Protocol):
    """What a text that is composed of findings needs from each of them."""

    @property
    def detail(self) -> str:
        """What is wrong."""

    @property
    def remedy(self) -> str:
        """What to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorType:
    """The declaration of an error. ``detail`` and ``remedy`` are templates with named fields.

    An error can occur as an answer to a caller (it has a ``status``), as a finding (a ``severity``), and as a
    failure of a step or call (a ``failure``); one that occurs in several places has the same code and texts.
    """

    code: str  # part of the API: portals branch on it
    title: str  # what is wrong, never varies
    detail: str
    remedy: str = ""  # worded for the actor
    remedy_for_requester: str = ""
    """What a requester reads where an operator must act; by default, to ask the operator."""
    documentation: str = ""
    actor: Actor = Actor.REQUESTER
    actions: tuple[Action, ...] = ()
    """What can be done about it. Addresses and applications are templates."""
    status: HTTPStatus | None = None
    severity: Severity | None = None
    pointers: tuple[str, ...] = ()
    """The fields of a request that a finding can point to; where there is one, it is the default."""
    failure: type[OnboardingError] | None = None

    @property
    def is_composed(self) -> bool:
        """Whether the texts are composed of those of findings."""
        return bool(templates.fields(self.detail) & _COMPOSED)

    @property
    def fields(self) -> frozenset[str]:
        """The names of the values that the texts need."""
        addresses = (text for action in self.actions for text in (action.path, action.url, action.app_id))
        texts = (self.detail, self.remedy, self.remedy_for_requester, *addresses)
        return frozenset().union(*map(templates.fields, texts)) - _COMPOSED

    def texts(self, args: Mapping[str, Any], findings: Sequence[HasDetail] = ()) -> ErrorTexts:
        """The texts of one occurrence. Raises ``TypeError`` unless the values are exactly those needed.

        ``findings`` are those from which the texts are composed, if they are.
        """
        if differing := self.fields ^ set(args):
            raise TypeError(f"{self.code}: missing or unknown values {', '.join(sorted(differing))}")
        values = {**args, **composed(findings)}
        return ErrorTexts(
            title=self.title,
            detail=templates.fill(self.detail, values),
            remedy=templates.fill(self.remedy, values),
            actions=tuple(action.filled(templates.fill, values) for action in self.actions),
        )

    def finding(self, pointer: str | None = None, **args: Any) -> Finding:
        """One occurrence as a finding, at a field of the request."""
        if self.severity is None:
            raise TypeError(f"{self.code} is not a finding")
        if pointer is None:
            pointer = self.pointers[0] if len(self.pointers) == 1 else ""
        if pointer and self.pointers and pointer not in self.pointers:
            raise TypeError(f"{self.code} does not point to {pointer}")
        texts = self.texts(args)
        return Finding(
            code=self.code,
            title=self.title,
            severity=self.severity,
            detail=texts.detail,
            remedy=texts.remedy,
            pointer=pointer,
            documentation=self.documentation,
            actor=self.actor,
            args=templates.as_json(args),
            actions=texts.actions,
        )

    def error(
        self,
        *,
        request_id: str = "",
        findings: tuple[Finding, ...] = (),
        retry_after: float | None = None,
        actor: Actor | None = None,
        **args: Any,
    ) -> OnboardingError:
        """One occurrence as an exception, of the class that shows whether a retry can help.

        ``actor``: who must act, where that depends on the findings.
        """
        if self.failure is None:
            raise TypeError(f"{self.code} is not a failure")
        return self.failure(
            self, args, request_id=request_id, findings=findings, retry_after=retry_after, actor=actor
        )


def composed(findings: Iterable[HasDetail]) -> Mapping[str, str]:
    """The texts of findings as values: each sentence once."""
    errors = [found for found in findings if getattr(found, "severity", Severity.ERROR) is Severity.ERROR]
    return {
        "details": " ".join(dict.fromkeys(map(_detail, errors))),
        "remedies": " ".join(dict.fromkeys(finding.remedy for finding in errors if finding.remedy)),
    }


def _detail(finding: HasDetail) -> str:
    parameter = getattr(finding, "parameter", None)
    return finding.detail if parameter is None else f"{parameter}: {finding.detail}"


def first_actor(findings: Iterable[Finding]) -> Actor:
    """Who must act first about the errors in findings. A run waits only if it can wait for all of them."""
    actors = {finding.actor for finding in findings if finding.severity is Severity.ERROR}
    return next((actor for actor in Actor if actor in actors), Actor.REQUESTER)
