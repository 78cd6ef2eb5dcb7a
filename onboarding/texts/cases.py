"""More parts of sentences: what needs attention, as operators read it."""

from __future__ import annotations

from typing import Final

from onboarding.texts.phrases import phrase

# Titles of the overview

TITLES: Final = (
    phrase("job-late", "A periodic job has not succeeded for three periods"),
    phrase("job-failed", "The last run of a periodic job failed"),
    phrase("trail-gap", "The audit trail differs from its append-only copy"),
    phrase("poison-queue-not-empty", "There are messages on a poison queue"),
    phrase("poison-message", "There are poison messages"),
    phrase("row-unreadable", "There are stored records that cannot be read"),
    phrase("expiration-passed", "Something has expired and nobody has acknowledged it"),
    phrase("expiration-near", "Something expires within a week"),
    phrase("connection-drifting", "The directory differs from the expected state"),
    phrase("channel-failing", "A channel does not accept notices"),
    phrase("delivery-failing", "Notices are not delivered"),
    phrase("onboarding-failed", "Onboardings have failed"),
    phrase("operation-failed", "Operations have failed"),
    phrase("inspection-failed", "Inspections have failed"),
    phrase("run-retrying", "Runs have repeated an error for more than an hour"),
    phrase("run-waits-for-customer", "Runs wait for a customer"),
    phrase("handover-waits", "Connections wait for their site, although somebody was reminded"),
    phrase("onboarding-late", "Onboardings take more than a day"),
)
"""By the code of the entry, the most serious first."""

RUNS_WAIT: Final = phrase("runs-wait", "{title}: runs wait since {since:%Y-%m-%d %H:%M} UTC")
RUNS_NOT_READ: Final = phrase(
    "runs-not-read", "Not all waiting runs were read: some may wait for an operator"
)
RESTORED: Final = phrase("restored", "{title}: notices and removals wait until POST /api/reconcile. {detail}")

# Details of the list

EVENT_OF_CHAIN: Final = phrase("event-of-chain", "{chain}, event {number}")
ROW_WITH_REASON: Final = phrase("row-with-reason", "{partition} / {key}: {reason}")
