"""The kinds of errors: their content, and whether a retry can help.

``ErrorType`` declares an error, ``Finding`` and ``OnboardingError`` are its occurrences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from string import Formatter
from typing import Annotated, Any

from pydantic import Field


class Severity(StrEnum):
    """How serious a finding is."""

    ERROR = "Error"  # it cannot work like this
    WARNING = "Warning"  # it works, but is probably not intended
    INFORMATION = "Information"


class Actor(StrEnum):
    """Who must act so that the work can continue, and therefore whose fault an error is."""

    REQUESTER = "Requester"  # the caller: with a corrected request, or with another decision
    TENANT_ADMINISTRATOR = "TenantAdministrator"  # of the customer's directory
    SUBSCRIPTION_OWNER = "SubscriptionOwner"  # of the customer's subscription
    OPERATOR = "Operator"  # of this service: its identity, vault, storage, settings
    SITE_ADMINISTRATOR = "SiteAdministrator"  # of the Configuration Manager site
    NOBODY = "Nobody"  # it passes

    @property
    def is_awaited(self) -> bool:
        """Whether work waits for this actor: it continues by itself once they have acted."""
        return self in {Actor.TENANT_ADMINISTRATOR, Actor.SUBSCRIPTION_OWNER, Actor.OPERATOR}

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Actor:
        """The one who must act first about findings: only what all can wait for is waited for."""
        actors = {finding.actor for finding in findings if finding.severity is Severity.ERROR}
        return next((actor for actor in cls if actor in actors), cls.REQUESTER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, where it is wrong, and what to do about it."""

    code: str
    severity: Severity = Severity.ERROR
    detail: str
    remedy: str = ""
    title: str = ""
    pointer: str = ""  # JSON pointer (RFC 6901) into the request, when a field is at fault
    documentation: str = ""
    actor: Actor = Actor.REQUESTER
    args: Annotated[Mapping[str, Any], Field(exclude=True)] = field(
        default_factory=dict, compare=False, repr=False
    )
    """The values in the texts, for a text in another language. Not part of the JSON."""


class OnboardingError(Exception):
    """A step, a call or a request cannot be completed. ``ErrorType.error`` makes it, or a subclass."""

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
        texts = kind.texts(args)
        super().__init__(texts.detail)
        self.kind = kind
        self.code = kind.code
        self.title = kind.title
        self.detail = texts.detail
        self.remedy = texts.remedy
        self.documentation = kind.documentation
        self.actor = actor or kind.actor
        self.links = texts.links
        self.values = dict(args)
        self.request_id = request_id
        self.findings = findings
        self.retry_after = retry_after  # seconds, as the service asked for
        self.memo = ""  # what the attempt has done, as the step writes it for the next attempt

    def as_finding(self) -> Finding:
        """The error as a finding, for a report that lists both."""
        return Finding(
            code=self.code,
            title=self.title,
            detail=self.detail,
            remedy=self.remedy,
            documentation=self.documentation,
            actor=self.actor,
            args=self.values,
        )


class TransientError(OnboardingError):
    """A service is not available; the same call can work later."""


class ReplicationLagError(TransientError):
    """The directory does not show a recent change yet."""


class PermanentError(OnboardingError):
    """A retry cannot help: a person must change something first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """What one occurrence of an error shows to a person."""

    detail: str
    remedy: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorType:
    """The declaration of an error. ``detail`` and ``remedy`` are templates with named fields.

    An error can occur as an answer to a caller (it has a ``status``), as a finding (a ``severity``), and as a
    failure of a step or call (a ``failure``); one that occurs in several places has the same code and texts.
    """

    code: str  # part of the API: portals branch on it
    title: str  # what is wrong, never varies
    detail: str
    remedy: str = ""
    documentation: str = ""
    actor: Actor = Actor.REQUESTER
    link: str = ""
    """The template of the URL where the actor can do what the remedy asks for."""
    status: HTTPStatus | None = None
    severity: Severity | None = None
    pointers: tuple[str, ...] = ()
    """The fields of a request that a finding can point to; where there is one, it is the default."""
    failure: type[OnboardingError] | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The names of the values that the texts need."""
        templates = (self.detail, self.remedy, self.link)
        parsed = (part for template in templates for part in Formatter().parse(template))
        return frozenset(name for _, name, _, _ in parsed if name)

    def texts(self, args: Mapping[str, Any]) -> Texts:
        """The texts of one occurrence. Raises ``TypeError`` unless the values are exactly those needed."""
        if differing := self.fields ^ set(args):
            raise TypeError(f"{self.code}: missing or unknown values {', '.join(sorted(differing))}")
        return Texts(
            detail=self.detail.format_map(args),
            remedy=self.remedy.format_map(args),
            links=(self.link.format_map(args),) if self.link else (),
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
            args=args,
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
