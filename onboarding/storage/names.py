"""The names of the tables and queues of this app.

``infra/azure`` creates them in Azure, and has the same names; a test compares them. ``infra/local`` reads the
names from here.
"""

from __future__ import annotations

from typing import Final

ONBOARDINGS: Final = "onboardings"
"""Head, steps and events of each onboarding, in one partition each."""

ONBOARDING_INDEX: Final = "onboardingindex"
"""The index of onboardings: the open ones, and the history by time, tenant and requester."""

OPERATIONS: Final = "operations"
"""Head, steps and events of each renewal and removal."""

OPERATION_INDEX: Final = "operationindex"
"""The index of operations."""

CONNECTIONS: Final = "connections"
"""The connections, by tenant."""

WARNINGS: Final = "warnings"
"""The next warning that is due for each expiration, by day."""

CALENDAR: Final = "calendar"
"""The expirations by day, for lists."""

NOTICES: Final = "notices"
"""Head, steps and events of each delivery, in one partition each."""

NOTICE_INDEX: Final = "noticeindex"
"""The index of deliveries: the open and the failing ones."""

INSPECTIONS: Final = "inspections"
"""Head, steps and events of each inspection."""

INSPECTION_INDEX: Final = "inspectionindex"
"""The index of inspections: the open and the failing ones."""

POISON_MESSAGES: Final = "poisonmessages"
"""Poison messages, until an operator re-drives them."""

SERVICE: Final = "service"
"""What the service knows about itself: rows that it cannot read, periodic jobs, what operators dismissed."""

AUDIT: Final = "audit"
"""The audit trail, in partitions by month and tenant."""

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
    INSPECTIONS,
    INSPECTION_INDEX,
    POISON_MESSAGES,
    SERVICE,
    AUDIT,
)

LEDGERS: Final = "audit"
"""The container with the append-only copy of the audit trail."""

STEPS_QUEUE: Final = "steps"
"""Steps to run."""

OPERATIONS_QUEUE: Final = "operations"
"""Steps of operations to run."""

NOTICES_QUEUE: Final = "notices"
"""Notices to deliver."""

INSPECTIONS_QUEUE: Final = "inspections"
"""Connections to inspect. A tenant that answers slowly delays no warning."""

STEPS_POISON_QUEUE: Final = "steps-poison"
"""Messages of steps that failed ``maxDequeueCount`` times. The Functions host puts them there."""

OPERATIONS_POISON_QUEUE: Final = "operations-poison"
"""The same for steps of operations."""

NOTICES_POISON_QUEUE: Final = "notices-poison"
"""The same for notices."""

INSPECTIONS_POISON_QUEUE: Final = "inspections-poison"
"""The same for inspections."""

POISON_QUEUES: Final = (
    STEPS_POISON_QUEUE,
    OPERATIONS_POISON_QUEUE,
    NOTICES_POISON_QUEUE,
    INSPECTIONS_POISON_QUEUE,
)

QUEUES: Final = (STEPS_QUEUE, OPERATIONS_QUEUE, NOTICES_QUEUE, INSPECTIONS_QUEUE, *POISON_QUEUES)
