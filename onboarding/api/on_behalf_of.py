"""The header ``On-Behalf-Of`` of calls that change something: for whom a caller acts.

It is a header because ``DELETE`` has no body, and because it is not part of the request that an idempotency
key identifies. Its value is form-encoded (https://url.spec.whatwg.org/#application/x-www-form-urlencoded),
which every language can write, so that names in any script pass through a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError

from onboarding.api import faults
from onboarding.api.problems import ProblemError, invalid_parameters
from onboarding.behalf import Behalf
from onboarding.cmg.fields import Written
from onboarding.errors import Finding, parameters
from onboarding.words.word import EMPTY, Word

HEADER: Final = "On-Behalf-Of"

_LONGEST: Final = 100
"""The maximum number of characters of the name, and of the reference."""

_ENCODED: Final = re.compile(r"[A-Za-z0-9*._~+%=&!'()-]{1,4096}")
"""Characters that encoders of forms and of parts of URLs do not change."""

PARAMETER: Final[Mapping[str, Any]] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "On whose behalf the caller acts, form-encoded: `name`, and optionally `reference`, such as a "
        "ticket. The audit trail keeps and shows it."
    ),
    "schema": {"type": "string", "maxLength": 4096},
    "example": "name=Kim+M%C3%BCller&reference=INC-4711",
}
"""Its description, for every endpoint that changes something."""


class _Given(BaseModel):
    """The members of the value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[Word, Written(shortest=1, longest=_LONGEST)]
    reference: Annotated[Word, Written(longest=_LONGEST)] = EMPTY


def read(headers: Mapping[str, str]) -> Behalf | None:
    """For whom a caller acts, if it specifies that. Raises ``ProblemError`` (400)."""
    value = headers.get(HEADER)
    if value is None:
        return None
    if not _ENCODED.fullmatch(value):
        raise _wrong(parameters.ON_BEHALF_NOT_ENCODED.finding())
    try:
        pairs = parse_qsl(value, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:  # also bytes that are not UTF-8
        raise _wrong(parameters.ON_BEHALF_NOT_ENCODED.finding()) from error
    given = dict(pairs)
    if len(given) < len(pairs):
        raise _wrong(parameters.ON_BEHALF_REPEATED.finding())
    try:
        found = _Given.model_validate(given)
    except ValidationError as error:
        wrong = {f"{HEADER}.{fault['loc'][0]}": faults.finding(fault) for fault in error.errors()}
        raise invalid_parameters(wrong) from error
    return Behalf(found.name, found.reference)


def _wrong(finding: Finding) -> ProblemError:
    return invalid_parameters({HEADER: finding})
