"""What can go wrong, said once: for the caller (RFC 9457), for the engine (try again or not), for the log.

Every error has a stable ``code`` (part of the API: portals branch on it), a ``title`` that never varies,
a ``detail`` sentence for a person, and, where there is one, a ``remedy`` and the cloud's request id.
The class says its kind, and the kind says whether trying again can help.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "Error"  # it can't work so
    WARNING = "Warning"  # it works, but is probably not what is wanted
    INFORMATION = "Information"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong, where it is wrong, and what to do about it."""

    code: str
    severity: Severity = Severity.ERROR
    detail: str
    remedy: str = ""
    pointer: str = ""  # JSON pointer (RFC 6901) into the request, when a field is at fault
    documentation: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding without what it does not say."""
        return {key: value for key, value in asdict(self).items() if value}


class OnboardingError(Exception):
    """Something went wrong that this app did not foresee."""

    code = "internal-error"
    title = "Something went wrong inside the service"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str = "",
        title: str = "",
        remedy: str = "",
        request_id: str = "",
        findings: tuple[Finding, ...] = (),
    ) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip().partition("\n")[0]
        super().__init__(self.detail)
        self.code = code or type(self).code
        self.title = title or type(self).title
        self.remedy = remedy
        self.request_id = request_id
        self.findings = findings

    def as_json(self) -> dict[str, Any]:
        """The error as it is kept with a step and shown to people; never with a secret or a trace."""
        document: dict[str, Any] = {"code": self.code, "title": self.title, "detail": self.detail}
        if self.remedy:
            document["remedy"] = self.remedy
        if self.request_id:
            document["requestId"] = self.request_id
        if self.findings:
            document["findings"] = [finding.as_json() for finding in self.findings]
        return document


class TransientError(OnboardingError):
    """A service did not answer as it should just now; the same call may work later."""

    code = "service-unavailable"
    title = "A service is not available at the moment"

    def __init__(self, detail: str = "", *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(detail, **more)
        self.retry_after = retry_after  # seconds, as the service asked for


class ReplicationLagError(TransientError):
    """The directory does not show an object yet that it has just accepted."""

    code = "replication-lag"
    title = "The directory has not replicated a change yet"


class PermanentError(OnboardingError):
    """It can't work as asked; somebody has to change something first."""

    code = "refused"
    title = "The request can't be carried out as it is"
