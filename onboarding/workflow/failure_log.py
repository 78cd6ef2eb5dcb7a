"""The log line of a final failure. It is one line with names and values, so that a query can read it.

Alerts can be set on it: ``docs/operations.md`` has the query.
"""

from __future__ import annotations

import logging
from typing import Final

from onboarding.workflow.run import Head, StepState

log = logging.getLogger(__name__)

_TENANT: Final = "tenant"
"""The list of the tenant's runs, which plans name."""


def log_failure(head: Head, step: StepState) -> None:
    """Logs that a step has failed, and its run with it."""
    error = step.error
    log.warning(
        "run failed: run=%s plan=%s tenant=%s step=%s code=%s actor=%s requestId=%s",
        head.id,
        head.plan,
        head.lists.get(_TENANT, ""),
        step.name,
        error.code if error else "",
        error.actor if error else "",
        error.request_id if error else "",
    )
