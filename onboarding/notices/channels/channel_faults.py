"""Why a channel does not accept a message, as one of a few classes.

Only the number of an answer is kept, because the answer can repeat credentials or addresses.

Source of the numbers: RFC 4954, section 6 (530, 534, 535), RFC 5321, section 4.2.3 (552), and RFC 9110.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from onboarding.errors import ErrorType, OnboardingError, channels
from onboarding.former_values import StoredEnum
from onboarding.texts import reasons
from onboarding.texts.phrases import Said


class ChannelFault(StoredEnum):
    """The class of an error of a channel."""

    AUTH_FAILED = "auth-failed"  # wrong or missing credentials
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"  # the server answers, and does not accept the message
    TOO_LARGE = "too-large"
    GONE = "gone"  # HTTP 410: the receiver wants no more notices
    NOT_SET_UP = "not-set-up"  # its address or key is missing, or cannot be used
    SERVICE_ERROR = "service-error"  # the service cannot read the vault


_FAULTS: Final[Mapping[ErrorType, ChannelFault]] = {
    channels.CHANNEL_AUTH_FAILED: ChannelFault.AUTH_FAILED,
    channels.CHANNEL_UNREACHABLE: ChannelFault.UNREACHABLE,
    channels.WEBHOOK_UNREACHABLE: ChannelFault.UNREACHABLE,
    channels.CHANNEL_TLS_FAILED: ChannelFault.TLS,
    channels.CHANNEL_REFUSED: ChannelFault.REFUSED,
    channels.WEBHOOK_REFUSED: ChannelFault.REFUSED,
    channels.CHANNEL_TOO_LARGE: ChannelFault.TOO_LARGE,
    channels.CHANNEL_GONE: ChannelFault.GONE,
    channels.RECEIVER_NOT_PUBLIC: ChannelFault.NOT_SET_UP,
    channels.CHANNELS_NOT_SET_UP: ChannelFault.NOT_SET_UP,
    channels.CHANNEL_SECRET_MISSING: ChannelFault.NOT_SET_UP,
    channels.CHANNEL_UNUSABLE: ChannelFault.NOT_SET_UP,
    channels.WEBHOOK_ADDRESS_UNUSABLE: ChannelFault.NOT_SET_UP,
    channels.WEBHOOK_SECRET_UNUSABLE: ChannelFault.NOT_SET_UP,
}
_OF_OTHERS: Final = frozenset(
    {channels.MAIL_DOMAIN_NOT_ALLOWED, channels.MAIL_LIMIT_REACHED, channels.RECIPIENT_REFUSED}
)
"""Errors about one recipient. The channel works."""

_HTTP: Final[Mapping[int, ErrorType]] = {
    HTTPStatus.UNAUTHORIZED: channels.CHANNEL_AUTH_FAILED,
    HTTPStatus.FORBIDDEN: channels.CHANNEL_AUTH_FAILED,
    HTTPStatus.GONE: channels.CHANNEL_GONE,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: channels.CHANNEL_TOO_LARGE,
}
_SMTP: Final[Mapping[int, ErrorType]] = {
    530: channels.CHANNEL_AUTH_FAILED,  # authentication required
    534: channels.CHANNEL_AUTH_FAILED,  # the mechanism is too weak
    535: channels.CHANNEL_AUTH_FAILED,  # the credentials are invalid
    538: channels.CHANNEL_AUTH_FAILED,  # the mechanism requires encryption
    552: channels.CHANNEL_TOO_LARGE,  # exceeded storage allocation
}


def fault_of(error: OnboardingError) -> ChannelFault | None:
    """The class of an error of a channel; None if the error is about one recipient."""
    return None if error.kind in _OF_OTHERS else _FAULTS.get(error.kind, ChannelFault.SERVICE_ERROR)


def error_of(
    channel: str, *, status: int = 0, found: Sequence[BaseException] = (), recipient: str = ""
) -> OnboardingError:
    """The error for a message that a channel did not accept.

    Args:
        channel: The channel.
        status: Of HTTP; 0 if there was no answer.
        found: What a library raised, the first exception first.
        recipient: The address that replaced the recipients of the channel, or empty.
    """
    kind: ErrorType = channels.CHANNEL_REFUSED
    answer: Said | str = reasons.NO_REASON.of()
    causes = [cause for error in found for cause in _causes(error)]
    if status:
        kind, answer = _HTTP.get(status, kind), f"HTTP {status}"
    elif known := next((cause for cause in causes if _kind(cause, recipient)), None):
        kind, answer = _kind(known, recipient) or kind, _answer(known)
    elif causes:
        answer = _answer(causes[0])
    values: dict[str, Any] = {"channel": channel, "answer": answer}
    return kind.error(**{name: value for name, value in values.items() if name in kind.fields})


def is_tls(error: BaseException) -> bool:
    """Whether an exception comes from a connection that cannot be encrypted."""
    return any(isinstance(cause, ssl.SSLError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The causes of an exception, the innermost first."""
    known: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in known:
        known.append(cause)
        cause = cause.__cause__ or cause.__context__
    yield from reversed(known)


def _kind(error: BaseException, recipient: str) -> ErrorType | None:
    """The error for an exception; None if the exception has no meaning of its own."""
    match error:
        case ssl.SSLError():
            return channels.CHANNEL_TLS_FAILED
        case smtplib.SMTPException():
            return _smtp(error, recipient)
        case ConnectionError() | TimeoutError():
            return channels.CHANNEL_UNREACHABLE
        case OSError(errno=int()):  # the errors of the HTTP library are OSErrors without a number
            return channels.CHANNEL_UNREACHABLE
    return None


def _smtp(error: smtplib.SMTPException, recipient: str) -> ErrorType | None:
    match error:
        case smtplib.SMTPRecipientsRefused():
            known = [_SMTP[code] for code, _ in error.recipients.values() if code in _SMTP]
            return next(iter(known), channels.RECIPIENT_REFUSED if recipient else None)
        case smtplib.SMTPNotSupportedError():  # the server does not offer STARTTLS, or no way to sign in
            return channels.CHANNEL_TLS_FAILED if "STARTTLS" in str(error) else channels.CHANNEL_AUTH_FAILED
        case smtplib.SMTPAuthenticationError():
            return channels.CHANNEL_AUTH_FAILED
        case smtplib.SMTPConnectError() | smtplib.SMTPServerDisconnected():
            return channels.CHANNEL_UNREACHABLE
        case smtplib.SMTPResponseException():
            return _SMTP.get(error.smtp_code)
    return None


def _answer(error: BaseException) -> str:
    """The number of an answer, or the name of an exception. Never its text."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return f"SMTP {next(code for code, _ in error.recipients.values())}"
        case smtplib.SMTPResponseException():
            return f"SMTP {error.smtp_code}"
    return type(error).__name__
