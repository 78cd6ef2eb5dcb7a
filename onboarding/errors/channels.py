"""Why the service could not deliver a notice. It tries again, because people can correct each of these."""

from __future__ import annotations

from typing import Final

from onboarding.errors.actors import Actor
from onboarding.errors.base import ErrorType, TransientError

CHANNELS_NOT_SET_UP: Final = ErrorType(
    code="channels-not-set-up",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The deployment has no channel for notices",
    detail="The deployment has neither a webhook nor a channel for people.",
    remedy="Set NOTICE_WEBHOOK_URL or NOTICE_CHANNELS (docs/operations.md).",
)
WEBHOOK_UNREACHABLE: Final = ErrorType(
    code="webhook-unreachable",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The service cannot reach the webhook",
    detail="The service cannot reach the webhook ({kind}).",
    remedy="Check NOTICE_WEBHOOK_URL, its certificate and the network of the function app.",
)
WEBHOOK_ADDRESS_UNUSABLE: Final = ErrorType(
    code="webhook-address-unusable",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The address of a webhook is not a URL",
    detail="The address of the channel '{channel}' is not a URL that the service can call.",
    remedy="Set the address of the subscriber again, or correct NOTICE_WEBHOOK_URL.",
)
WEBHOOK_REFUSED: Final = ErrorType(
    code="webhook-refused",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The webhook did not accept the notice",
    detail="The webhook returned the status {status}.",
    remedy="Check the log of the receiver. It must return a status from 200 to 299.",
)
WEBHOOK_SECRET_UNUSABLE: Final = ErrorType(
    code="webhook-secret-unusable",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The service cannot sign notices with the webhook secret",
    detail="The vault secret '{secret}' is not a valid signing key.",
    remedy="Set it to 'whsec_' followed by 24 to 64 random bytes in base64.",
    documentation="https://www.standardwebhooks.com",
)
CHANNEL_SECRET_MISSING: Final = ErrorType(
    code="channel-secret-missing",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The vault does not have the secret of a channel",
    detail="The vault has no secret '{secret}'.",
    remedy="Add the address or key of the channel to the vault as '{secret}'.",
)
CHANNEL_UNUSABLE: Final = ErrorType(
    code="channel-unusable",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The vault secret of a channel is not a valid address",
    detail="The vault secret '{secret}' is not an Apprise URL that the service can use.",
    remedy="Set it to an Apprise URL. For mail to owners, use the URL of a mail service.",
    documentation="https://github.com/caronc/apprise/wiki",
)
MAIL_DOMAIN_NOT_ALLOWED: Final = ErrorType(
    code="mail-domain-not-allowed",
    failure=TransientError,
    title="The deployment sends no mail to the domain of the owner",
    detail="The owner's address is not in a domain to which this deployment sends mail.",
    actor=Actor.OPERATOR,
    remedy="Change the owner of the connection, or add the domain to NOTICE_MAIL_DOMAINS.",
)
MAIL_LIMIT_REACHED: Final = ErrorType(
    code="mail-limit-reached",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The daily limit of mail about the connections of a requester is reached",
    detail="Today, {most} emails to owners were sent about connections of the requester {requester}.",
    remedy="The service sends the rest tomorrow. To send more in a day, set NOTICE_MAILS_PER_DAY.",
)
CHANNEL_REFUSED: Final = ErrorType(
    code="channel-refused",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="A channel did not accept a message",
    detail="The channel '{channel}' did not accept the message ({answer}).",
    remedy=(
        "Check the log of the receiver. The service does not store the response, because it may contain "
        "credentials."
    ),
)
CHANNEL_AUTH_FAILED: Final = ErrorType(
    code="channel-auth-failed",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="A channel did not accept the credentials",
    detail="The channel '{channel}' refused the credentials of its address ({answer}).",
    remedy="Store an address with a valid user and password or token in the vault, then test the channel.",
)
CHANNEL_UNREACHABLE: Final = ErrorType(
    code="channel-unreachable",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The service cannot reach a channel",
    detail="The server of the channel '{channel}' does not answer ({answer}).",
    remedy="Check the host and the port of the address, the server, and the network of the function app.",
)
CHANNEL_TLS_FAILED: Final = ErrorType(
    code="channel-tls-failed",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The connection to a channel cannot be encrypted",
    detail=(
        "The service cannot establish a trusted TLS connection to the server of the channel '{channel}' "
        "({answer})."
    ),
    remedy="Check the certificate of the server: its name, its issuer and its dates. It must offer TLS 1.2.",
)
CHANNEL_TOO_LARGE: Final = ErrorType(
    code="channel-too-large",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="A message is too large for a channel",
    detail="The channel '{channel}' did not accept the size of the message ({answer}).",
    remedy=(
        "Increase the size limit of the server. A message is smaller than 200 KB, or 24 KB for chat services."
    ),
)
CHANNEL_GONE: Final = ErrorType(
    code="channel-gone",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The receiver no longer exists",
    detail=(
        "The receiver of the channel '{channel}' returned 410 (Gone). The service no longer sends notices to "
        "it."
    ),
    remedy=(
        "Remove the channel. If the receiver exists again, test the channel. A successful test ends this "
        "state."
    ),
)
RECIPIENT_REFUSED: Final = ErrorType(
    code="recipient-refused",
    failure=TransientError,
    title="The mail server does not accept the address of an owner",
    detail="The mail server of the channel '{channel}' refused the recipient ({answer}).",
    remedy="Correct the address of the owner of the connection.",
)
RECEIVER_NOT_PUBLIC: Final = ErrorType(
    code="receiver-not-public",
    failure=TransientError,
    actor=Actor.OPERATOR,
    title="The address of a subscriber is not on the internet",
    detail="The address of the channel '{channel}' resolves to a private or reserved IP address.",
    remedy="Change the address to a public one. For a receiver in your own network, use NOTICE_WEBHOOK_URL.",
)
