"""More parts of sentences: why something cannot be read or is left behind, and how long something took."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from onboarding.texts.phrases import Said, phrase

# Why the service cannot read what a service of Microsoft returned

FAULT_JSON: Final = phrase("fault-json", "it is not a JSON object")
FAULT_RESPONSE: Final = phrase("fault-response", "it does not contain the response {name}")
FAULT_PAGE: Final = phrase("fault-page", "it does not contain the next page")
FAULT_PAGES: Final = phrase("fault-pages", "it has more than {most} pages")
FAULT_OTHER_PAGE: Final = phrase("fault-other-page", "its next page is not in {service}")
FAULT_NULL: Final = phrase("fault-null", "{path} is null")
FAULT_TYPE: Final = phrase("fault-type", "{path} has the type {type}")
FAULT_FORM: Final = phrase("fault-form", "{path} does not have the expected form: {form}")
FAULT_LONG: Final = phrase("fault-long", "{path} is a text that is too long")
FAULT_ENTRY: Final = phrase("fault-entry", "{path} contains an entry that is not an object")
FAULT_ENTRIES: Final = phrase("fault-entries", "{path} has {count} entries")
FAULT_NO_OBJECT: Final = phrase("fault-no-object", "{path} is not an object")
FAULT_NESTED: Final = phrase("fault-nested", "{path} is nested too deeply")
FAULT_MISSING: Final = phrase("fault-missing", "{path} is missing")
SIGN_ANSWER: Final = phrase("sign-answer", "{service} returned {answer}")
THIS_CALLS_PERMISSION: Final = phrase("this-calls-permission", "that this call requires")

# Why the service cannot read a row that it stored

ROW_NO_JSON: Final = phrase("row-no-json", "not JSON")
ROW_NO_OBJECT: Final = phrase("row-no-object", "not a JSON object, so not a {record}")
ROW_NO_VERSION: Final = phrase("row-no-version", "not a {record}: its version is {version}")
ROW_NEWER: Final = phrase(
    "row-newer", "a {record} of version {version}; this release reads up to version {newest}"
)
ROW_OLDER: Final = phrase("row-older", "not a {record} of version {version}")
ROW_FIELDS: Final = phrase("row-fields", "not a {record}: {fields}")
ROW_COLUMN: Final = phrase("row-column", "the column '{column}' is {fault}")
ROW_COLUMN_MISSING: Final = phrase("row-column-missing", "the column '{column}' is missing")
ROW_COLUMN_TYPE: Final = phrase("row-column-type", "the column '{column}' is not of the type {type}")
ROW_COLUMN_DIFFERS: Final = phrase("row-column-differs", "the column '{column}' differs from the document")
ROW_ELSEWHERE: Final = phrase("row-elsewhere", "its content belongs to another row")
ROW_NO_QUEUE: Final = phrase("row-no-queue", "its queue does not exist")
ROW_NO_PLAN: Final = phrase("row-no-plan", "the plan '{plan}' is not known")
ROW_MEMBERS: Final = phrase("row-members", "these members are not valid: {members}")
ROW_USED: Final = phrase("row-used", "{error} when it was used")
UNREADABLE_ROWS: Final = (
    ROW_NO_JSON,
    ROW_NO_OBJECT,
    ROW_NO_VERSION,
    ROW_NEWER,
    ROW_OLDER,
    ROW_FIELDS,
    ROW_COLUMN,
    ROW_COLUMN_MISSING,
    ROW_COLUMN_TYPE,
    ROW_COLUMN_DIFFERS,
    ROW_ELSEWHERE,
    ROW_NO_QUEUE,
    ROW_NO_PLAN,
    ROW_MEMBERS,
    ROW_USED,
)

# What a delivery or an inspection waits for

WAITS_DAY: Final = phrase("waits-day", "the end of the day")
WAITS_ACKNOWLEDGEMENT: Final = phrase("waits-acknowledgement", "an acknowledgement of the notice")
WAITS_RECONCILIATION: Final = phrase("waits-reconciliation", "the records to be reconciled after a restore")

# How a delivery ends

DELIVERED: Final = phrase("delivered", "delivered")
DELIVERED_WITH_STATUS: Final = phrase("delivered-with-status", "delivered ({status})")
IN_DIGEST: Final = phrase("in-digest", "in the digest of {day:%Y-%m-%d}")
SUPERSEDED: Final = phrase("superseded", "superseded")
NOT_WANTED: Final = phrase("not-wanted", "the subscriber does not select it")
CHANNEL_ENDED: Final = phrase("channel-ended", "the channel has ended")
ALREADY_ACKNOWLEDGED: Final = phrase("already-acknowledged", "acknowledged")
ALREADY_SNOOZED: Final = phrase("already-snoozed", "snoozed")
OUTCOMES: Final = (
    DELIVERED,
    DELIVERED_WITH_STATUS,
    IN_DIGEST,
    SUPERSEDED,
    NOT_WANTED,
    CHANNEL_ENDED,
    ALREADY_ACKNOWLEDGED,
    ALREADY_SNOOZED,
)

# Who or what else

OF_OTHERS: Final = phrase("of-others", "{count} of other requesters")
AN_ONBOARDING: Final = phrase("an-onboarding", "the onboarding {id}")
ONBOARDINGS_OF_OTHERS: Final = phrase("onboardings-of-others", "{count} onboardings of other requesters")
ANOTHER_RENEWAL: Final = phrase("another-renewal", "another renewal")

UNKNOWN_TIME: Final = phrase("unknown-time", "an unknown time")

# What is wrong with a message of a queue

NO_VERSION: Final = phrase("no-version", "none")
MESSAGE_FIELDS: Final = phrase(
    "message-fields", "The message has fields that are missing or not valid: {fields}."
)
MESSAGE_NO_OBJECT: Final = phrase("message-no-object", "The message is not a JSON object.")
MESSAGE_NO_RUN: Final = phrase("message-no-run", "The message names no run.")
MESSAGE_NO_BASE64: Final = phrase("message-no-base64", "The message is not in base64.")

# What an answer to operators is about, and what a removal leaves behind

THE_ENTRY: Final = phrase("the-entry", "The entry")
THE_CHANNEL: Final = phrase("the-channel", "The channel")
THE_DELIVERY: Final = phrase("the-delivery", "The delivery")
THE_POISON_MESSAGE: Final = phrase("the-poison-message", "The poison message")
THE_UNREADABLE_ROW: Final = phrase("the-unreadable-row", "The unreadable row")
THE_SUBSCRIBER: Final = phrase("the-subscriber", "The subscriber")
THE_RUN: Final = phrase("the-run", "The run")
THE_RECORD: Final = phrase("the-record", "The record")
THE_AUDIT_TRAIL: Final = phrase("the-audit-trail", "The audit trail")
THE_EXPIRATION: Final = phrase("the-expiration", "The expiration")
THE_DIRECTORY: Final = phrase("the-directory", "The directory")
UNREADABLE: Final = phrase("unreadable", "unreadable")
NOT_RENEWED: Final = phrase("not-renewed", "not renewed")
REPEATED: Final = phrase("repeated", "repeated")
DISMISSED: Final = phrase("dismissed", "dismissed")
REPEATED_RULE: Final = phrase(
    "repeated-rule", "A delivery in progress, or a digest that was sent, cannot be repeated."
)
RUN_RULE: Final = phrase("run-rule", "Only a run that has failed or waits needs attention.")
RECORD_RULE: Final = phrase("record-rule", "Remove the unreadable row first (GET /api/unreadable).")
TRAIL_RULE: Final = phrase(
    "trail-rule",
    "Restore the audit trail (POST /api/audit/restore). If its copy is broken, dismiss the entry.",
)
EXPIRATION_RULE: Final = phrase(
    "expiration-rule", "Renew the secret of the connection, or replace the application."
)
INSPECTION_RULE: Final = phrase(
    "inspection-rule", "A connection can be inspected from one hour after it was created until it is removed."
)
AN_APP: Final = phrase("an-app", "the application {app}")
A_VAULT_SECRET: Final = phrase("a-vault-secret", "the secret '{name}' in Key Vault")
NO_REASON: Final = phrase("no-reason", "without a reason")
LEFT_BY_TENANT: Final = phrase(
    "left-by-tenant", "An administrator of tenant {tenant} can remove it; the service cannot: {cause}"
)
LEFT_FOR_OTHERS: Final = phrase("left-for-others", "Others use the application.")
LEFT_DELETED: Final = phrase(
    "left-deleted",
    (
        "The service could not confirm that this {subject} is permanently deleted: {reason}. An "
        "administrator of the tenant can check this under App registrations, Deleted applications. Entra ID "
        "deletes it permanently 30 days after its deletion."
    ),
)
LEFT_APP: Final = phrase("left-app", "application")
LEFT_PRINCIPAL: Final = phrase("left-principal", "service principal")
LEFT_NOT_SHOWN: Final = phrase("left-not-shown", "the directory does not show it among the deleted items")
LEFT_NOT_ALLOWED: Final = phrase(
    "left-not-allowed", "the tenant does not let the service delete it permanently"
)
LEFT_PROVIDER: Final = phrase(
    "left-provider",
    (
        "The onboarding may have registered this resource provider in subscription {subscription}. The "
        "registration stays, because others may use it; it does no harm. An owner of the subscription can "
        "unregister the provider."
    ),
)
LEFT_NOT_OURS: Final = phrase(
    "left-not-ours",
    (
        "The application has the unique name of the onboarding, and the directory does not show that the "
        "service created it. An administrator of the tenant can check in the audit log of Microsoft Entra ID "
        "who created it, and delete it."
    ),
)
LEFT: Final = (LEFT_BY_TENANT, LEFT_FOR_OTHERS, LEFT_DELETED, LEFT_PROVIDER, LEFT_NOT_OURS)

# Durations

_DURATIONS: Final = (
    (86_400, phrase("one-day", "1 day"), phrase("days", "{count} days")),
    (3600, phrase("one-hour", "1 hour"), phrase("hours", "{count} hours")),
    (60, phrase("one-minute", "1 minute"), phrase("minutes", "{count} minutes")),
    (1, phrase("one-second", "1 second"), phrase("seconds", "{count} seconds")),
)
DURATIONS: Final = tuple(phrase for _, *both in _DURATIONS for phrase in both)


def duration(time: timedelta) -> Said:
    """A duration in the largest unit of which it is a multiple."""
    seconds = max(round(time.total_seconds()), 0)
    size, one, many = next(unit for unit in _DURATIONS if seconds % unit[0] == 0)
    count = seconds // size
    return one.of() if count == 1 else many.of(count=count)
