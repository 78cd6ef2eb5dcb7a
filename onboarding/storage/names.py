"""The names of what this app keeps in its storage account.

The same names stand in ``infra/azure`` (which creates them in Azure) and are read by ``infra/local``
(which creates them on one machine); a test holds all of them together.
"""

from __future__ import annotations

from typing import Final

ONBOARDINGS: Final = "onboardings"
"""Head, steps and events of each onboarding; one partition each."""

ONBOARDING_INDEX: Final = "onboardingindex"
"""Where to find onboardings: the open ones, and the history by time, tenant and requester."""

OPERATIONS: Final = "operations"
"""Head, steps and events of each renewal and removal."""

OPERATION_INDEX: Final = "operationindex"
"""Where to find operations."""

CONNECTIONS: Final = "connections"
"""The service connections that work, by tenant."""

WARNINGS: Final = "warnings"
"""The next warning that is due for each expiration, by day."""

CALENDAR: Final = "calendar"
"""Each expiration by its day, for lists of what expires."""

NOTICES: Final = "notices"
"""Each warning's delivery; its key says which warning it is, so that none is sent twice."""

NOTICE_INDEX: Final = "noticeindex"
"""The warnings that are not delivered yet, and those that a channel did not take."""

POISON_MESSAGES: Final = "poisonmessages"
"""Poison messages, until an operator re-drives them."""

TABLES: Final = (
    ONBOARDINGS,
    ONBOARDING_INDEX,
    OPERATIONS,
    OPERATION_INDEX,
    CONNECTIONS,
    WARNINGS,
    CALENDAR,
    NOTICES,
    NOTICE_INDEX,
    POISON_MESSAGES,
)

STEPS_QUEUE: Final = "steps"
"""Steps to run."""

OPERATIONS_QUEUE: Final = "operations"
"""Steps of operations to run."""

NOTICES_QUEUE: Final = "notices"
"""Warnings to send."""

STEPS_POISON_QUEUE: Final = "steps-poison"
"""Where the Functions host puts a step's message that failed ``maxDequeueCount`` times."""

OPERATIONS_POISON_QUEUE: Final = "operations-poison"
"""The same for a step of an operation."""

NOTICES_POISON_QUEUE: Final = "notices-poison"
"""Where the Functions host puts a warning's message that failed ``maxDequeueCount`` times."""

POISON_QUEUES: Final = (STEPS_POISON_QUEUE, OPERATIONS_POISON_QUEUE, NOTICES_POISON_QUEUE)

QUEUES: Final = (STEPS_QUEUE, OPERATIONS_QUEUE, NOTICES_QUEUE, *POISON_QUEUES)
