"""Calls that depend on the version of a resource (RFC 9110, section 13.1.1)."""

from __future__ import annotations

from pydantic import Field

from onboarding.api.problems import ProblemError
from onboarding.api.reading import HEADER, Parameters
from onboarding.errors import requests
from onboarding.texts.phrases import Said


class Conditional(Parameters):
    """The version to which a change applies."""

    if_match: str = Field(
        "",
        alias="If-Match",
        json_schema_extra=HEADER,
        description="The ETag of the version that the caller knows. If it has changed, the answer is 412.",
    )

    def need(self, etag: str, what: Said) -> None:
        """Raises ``ProblemError`` (412) unless the caller knows this version, or names none."""
        known = {tag.strip() for tag in self.if_match.split(",") if tag.strip()}
        if known and not known & {etag, "*"}:
            raise ProblemError(requests.PRECONDITION_FAILED, what=what, etag=etag)
