"""The kinds of stored documents, and their samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onboarding.api import feed_store, secret_budget
from onboarding.audit import audit_event, trail_gaps
from onboarding.connections import app_users, calendar, records, site_waits, warning_schedule
from onboarding.drift import drift_index, inspection_schedule, inspection_step
from onboarding.lifecycle import name_reservations, patience, run_copies
from onboarding.notices import (
    channel_states,
    deliveries,
    difference_notices,
    digests,
    mail_domains,
    open_matters,
    receipts,
    subscribers,
)
from onboarding.recovery import epoch, reconciler
from onboarding.storage import dismissals, periodic_jobs, sealing, unreadable_rows
from onboarding.storage.codec import Codec
from onboarding.workflow import blocked_steps, sweep_place

SAMPLES = Path(__file__).parent.parent / "samples"

CODECS: Mapping[str, Codec[Any]] = {
    "app-user": app_users.CODEC,
    "audit-event": audit_event.CODEC,
    "blocked-step": blocked_steps._CODEC,
    "calendar-entry": calendar.ENTRY,
    "calendar-places": calendar.PLACES,
    "channel-state": channel_states.CODEC,
    "connection": records.CODEC,
    "delivery-request": deliveries.DELIVERY._request,
    "digest-request": digests.DIGEST._request,
    "dismissed": dismissals.CODEC,
    "drift-entry": drift_index.CODEC,
    "feed": feed_store.FEEDS,
    "feed-maker": feed_store.MAKERS,
    "provided-secrets": secret_budget.CODEC,
    "inspection-request": inspection_step.INSPECTION._request,
    "epoch": epoch.CODEC,
    "episode": difference_notices.CODEC,
    "known-domains": mail_domains.CODEC,
    "last-inspections": inspection_schedule.LAST,
    "name-reservation": name_reservations.CODEC,
    "notice": digests._NOTICES,
    "open-matter": open_matters.CODEC,
    "patience": patience.CODEC,
    "periodic-job": periodic_jobs.CODEC,
    "receipt": receipts.CODEC,
    "reconciliation": reconciler.CODEC,
    "run-copy": run_copies.CODEC,
    "scheduled-warning": warning_schedule.CODEC,
    "sealing-key": sealing.KEYS,
    "site-wait": site_waits.CODEC,
    "sweep-place": sweep_place.CODEC,
    "subscriber": subscribers.CODEC,
    "trail-gap": trail_gaps.GAPS,
    "trail-round": trail_gaps.ROUND,
    "unreadable-row": unreadable_rows.CODEC,
}


def samples(kind: str) -> Mapping[int, list[str]]:
    """The samples of a kind, by version; ``<kind>.v<version>.json`` is the first of its version."""
    found: dict[int, list[str]] = {}
    for file in sorted(SAMPLES.glob(f"{kind}.v*.json"), key=lambda file: len(file.name)):
        number = int(file.name.split(".")[1].removeprefix("v"))
        found.setdefault(number, []).append(file.read_text())
    return found


def newest(kind: str) -> str:
    """The first sample of the newest version of a kind."""
    by_version = samples(kind)
    return by_version[max(by_version)][0]
