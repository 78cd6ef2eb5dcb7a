"""More parts of sentences: why something cannot be read or is left behind, and how long something took."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from onboarding.texts.phrases import Phrase, Said


def _phrase(code: str, text: str) -> Phrase:
    return Phrase(code=code, text=text)


# Why the service cannot read what a service of Microsoft returned

FAULT_JSON: Final = _phrase("fault-json", "it is not a JSON object")
FAULT_RESPONSE: Final = _phrase("fault-response", "it has no response {name}")
FAULT_PAGE: Final = _phrase("fault-page", "it does not contain the next page")
FAULT_PAGES: Final = _phrase("fault-pages", "it has more than {most} pages")
FAULT_OTHER_PAGE: Final = _phrase("fault-other-page", "its next page is not in {service}")
FAULT_NULL: Final = _phrase("fault-null", "{path} is null")
FAULT_TYPE: Final = _phrase("fault-type", "{path} is of the type {type}")
FAULT_FORM: Final = _phrase("fault-form", "{path} is a text of this form: {form}")
FAULT_LONG: Final = _phrase("fault-long", "{path} is too long a text")
FAULT_ENTRY: Final = _phrase("fault-entry", "{path} contains something that is no object")
FAULT_ENTRIES: Final = _phrase("fault-entries", "{path} has {count} entries")
FAULT_NO_OBJECT: Final = _phrase("fault-no-object", "{path} is no object")
FAULT_NESTED: Final = _phrase("fault-nested", "{path} is nested too deeply")
FAULT_MISSING: Final = _phrase("fault-missing", "{path} is missing")
SIGN_ANSWER: Final = _phrase("sign-answer", "{service} returned {answer}")
THIS_CALLS_PERMISSION: Final = _phrase("this-calls-permission", "that this call requires")

# Who or what else

OF_OTHERS: Final = _phrase("of-others", "{count} of other requesters")
AN_ONBOARDING: Final = _phrase("an-onboarding", "the onboarding {id}")
ONBOARDINGS_OF_OTHERS: Final = _phrase("onboardings-of-others", "{count} onboardings of other requesters")
ANOTHER_RENEWAL: Final = _phrase("another-renewal", "another renewal")

# What is wrong with a message of a queue

NO_VERSION: Final = _phrase("no-version", "none")
MESSAGE_FIELDS: Final = _phrase(
    "message-fields", "The message has fields that are missing or not valid: {fields}."
)
MESSAGE_NO_OBJECT: Final = _phrase("message-no-object", "The message is not a JSON object.")
MESSAGE_NO_RUN: Final = _phrase("message-no-run", "The message names no run.")
MESSAGE_NO_BASE64: Final = _phrase("message-no-base64", "The message is not in base64.")

# What an answer to operators is about, and what a removal leaves behind

THE_ENTRY: Final = _phrase("the-entry", "The entry")
THE_CHANNEL: Final = _phrase("the-channel", "The channel")
THE_DELIVERY: Final = _phrase("the-delivery", "The delivery")
THE_POISON_MESSAGE: Final = _phrase("the-poison-message", "The poison message")
THE_UNREADABLE_ROW: Final = _phrase("the-unreadable-row", "The unreadable row")
THE_SUBSCRIBER: Final = _phrase("the-subscriber", "The subscriber")
THE_RUN: Final = _phrase("the-run", "The run")
THE_RECORD: Final = _phrase("the-record", "The record")
THE_AUDIT_TRAIL: Final = _phrase("the-audit-trail", "The audit trail")
THE_EXPIRATION: Final = _phrase("the-expiration", "The expiration")
THE_DIRECTORY: Final = _phrase("the-directory", "The directory")
UNREADABLE: Final = _phrase("unreadable", "unreadable")
NOT_RENEWED: Final = _phrase("not-renewed", "not renewed")
REPEATED: Final = _phrase("repeated", "repeated")
REPEATED_RULE: Final = _phrase(
    "repeated-rule", "A delivery that is on its way, and a digest that was sent, cannot be repeated."
)
RUN_RULE: Final = _phrase("run-rule", "Only a run that has failed or waits needs attention.")
RECORD_RULE: Final = _phrase("record-rule", "Remove the unreadable row first (GET /api/unreadable).")
TRAIL_RULE: Final = _phrase(
    "trail-rule",
    "Restore the audit trail (POST /api/audit/restore). If its copy is broken, dismiss the entry.",
)
EXPIRATION_RULE: Final = _phrase(
    "expiration-rule", "Renew the secret of the connection, or replace the application."
)
INSPECTION_RULE: Final = _phrase(
    "inspection-rule", "A connection can be inspected from one hour after it was created until it is removed."
)
AN_APP: Final = _phrase("an-app", "the application {app}")
A_VAULT_SECRET: Final = _phrase("a-vault-secret", "the secret '{name}' in Key Vault")
NO_REASON: Final = _phrase("no-reason", "without a reason")
LEFT_BY_TENANT: Final = _phrase(
    "left-by-tenant", "An administrator of tenant {tenant} can remove it; the service cannot: {cause}"
)
LEFT_FOR_OTHERS: Final = _phrase("left-for-others", "Others use the application.")
LEFT_DELETED: Final = _phrase(
    "left-deleted",
    (
        "The service could not confirm that this {subject} is permanently deleted: {reason}. An "
        "administrator of the tenant can check it under App registrations, Deleted applications. Entra ID "
        "deletes it 30 days after its deletion."
    ),
)
LEFT_APP: Final = _phrase("left-app", "application")
LEFT_PRINCIPAL: Final = _phrase("left-principal", "service principal")
LEFT_NOT_SHOWN: Final = _phrase("left-not-shown", "the directory does not show it among the deleted items")
LEFT_NOT_ALLOWED: Final = _phrase(
    "left-not-allowed", "the tenant does not let the service delete it permanently"
)
LEFT_PROVIDER: Final = _phrase(
    "left-provider",
    (
        "The onboarding may have registered this resource provider in subscription {subscription}. It stays, "
        "because others may use it, and it is harmless. An owner of the subscription can unregister it."
    ),
)
LEFT: Final = (LEFT_BY_TENANT, LEFT_FOR_OTHERS, LEFT_DELETED, LEFT_PROVIDER)

# Durations

_DURATIONS: Final = (
    (86_400, _phrase("one-day", "1 day"), _phrase("days", "{count} days")),
    (3600, _phrase("one-hour", "1 hour"), _phrase("hours", "{count} hours")),
    (60, _phrase("one-minute", "1 minute"), _phrase("minutes", "{count} minutes")),
    (1, _phrase("one-second", "1 second"), _phrase("seconds", "{count} seconds")),
)
DURATIONS: Final = tuple(phrase for _, *both in _DURATIONS for phrase in both)


def duration(time: timedelta) -> Said:
    """A duration in the largest unit of which it is a multiple."""
    seconds = max(round(time.total_seconds()), 0)
    size, one, many = next(each for each in _DURATIONS if seconds % each[0] == 0)
    count = seconds // size
    return one.of() if count == 1 else many.of(count=count)
