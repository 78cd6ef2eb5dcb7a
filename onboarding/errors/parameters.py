"""What can be wrong with a query parameter or a header, besides its value. All faults are reported."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from onboarding.errors.base import ErrorType, Severity

INVALID_PARAMETER: Final = ErrorType(
    code="invalid-parameter",
    status=HTTPStatus.BAD_REQUEST,
    title="A query parameter or header is not valid",
    detail="{details}",
    remedy="Correct each parameter that 'errors' lists.",
)
PARAMETER_UNKNOWN: Final = ErrorType(
    code="parameter-unknown",
    severity=Severity.ERROR,
    title="The parameter does not exist",
    detail="There is no such parameter. Allowed parameters: {known}.",
    remedy="Check the spelling of the parameter, or remove it.",
)
PARAMETER_EMPTY: Final = ErrorType(
    code="parameter-empty",
    severity=Severity.ERROR,
    title="The parameter has no value",
    detail="This parameter has no value.",
    remedy="Specify a value, or remove the parameter.",
)
PARAMETER_REPEATED: Final = ErrorType(
    code="parameter-repeated",
    severity=Severity.ERROR,
    title="The parameter occurs more than once",
    detail="This parameter occurs {times} times.",
    remedy="Specify it once.",
)
NOT_A_KEY: Final = ErrorType(
    code="not-an-idempotency-key",
    severity=Severity.ERROR,
    title="The idempotency key is not valid",
    detail="The value must be 1 to 255 visible ASCII characters.",
    remedy="Use a UUID.",
)
PARAMETER_NOT_UTF8: Final = ErrorType(
    code="parameter-not-utf",
    severity=Severity.ERROR,
    title="The parameter is not UTF-8",
    detail="The value must be percent-encoded UTF-8.",
    remedy="Encode the value as UTF-8.",
)
CONTINUATION_INVALID: Final = ErrorType(
    code="continuation-invalid",
    severity=Severity.ERROR,
    title="The continuation token is not valid here",
    detail="The token is damaged, or was issued for another list, filter or caller.",
    remedy="Take it from nextLink, unchanged.",
)
PERIOD_NOT_POSSIBLE: Final = ErrorType(
    code="period-not-possible",
    severity=Severity.ERROR,
    title="The period ends before it begins, or is too long",
    detail="The beginning must be before the end, and the period must not be longer than 100 years.",
    remedy="Correct the beginning or the end.",
)
ON_BEHALF_NOT_ENCODED: Final = ErrorType(
    code="on-behalf-not-encoded",
    severity=Severity.ERROR,
    title="The header is not form-encoded",
    detail="The value must be form-encoded UTF-8, such as name=Kim&reference=INC-4711.",
    remedy="Encode the value as a form.",
)
ON_BEHALF_REPEATED: Final = ErrorType(
    code="on-behalf-repeated",
    severity=Severity.ERROR,
    title="A member of the header occurs more than once",
    detail="The members name and reference can each occur only once.",
    remedy="Specify each once.",
)
