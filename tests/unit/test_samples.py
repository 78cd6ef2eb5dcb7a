"""Stored documents of every version: the service must read them for as long as a deployment may have them.

``tests/samples/<kind>.v<version>.json`` is a document as that version wrote it. Never change a sample. When a
document changes so that the old form no longer fits, add an upgrade to its codec and a sample of the new
version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

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
    receipts,
    subscribers,
)
from onboarding.recovery import epoch, reconciler
from onboarding.storage import dismissals, periodic_jobs, sealing, unreadable_rows
from onboarding.storage.codec import Codec, UnknownVersionError
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
    "handed-over": secret_budget.CODEC,
    "inspection-request": inspection_step.INSPECTION._request,
    "epoch": epoch.CODEC,
    "episode": difference_notices.CODEC,
    "known-domains": mail_domains.CODEC,
    "last-inspections": inspection_schedule.LAST,
    "name-reservation": name_reservations.CODEC,
    "notice": digests._NOTICES,
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


def kept(old: Any, new: Any) -> bool:
    """Whether everything of an old document is in the new one; fields may be added."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and kept(old[name], new[name]) for name in old)
    return bool(old == new)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.name)
def test_a_document_of_each_version_is_read(sample):
    """After an update the service reads what an earlier version stored."""
    text = sample.read_text()
    codec = CODECS[sample.name.partition(".")[0]]
    record = codec.load(text)
    written = codec.document(record)
    assert codec.read(written) == record
    if written["v"] == json.loads(text)["v"]:
        assert kept(json.loads(text), written), "the format changed: it needs a new version and an upgrade"


@pytest.mark.parametrize("kind", CODECS)
def test_each_kind_has_a_sample_of_its_present_version(kind):
    """A new version of a document comes with a sample."""
    versions = {json.loads(sample.read_text())["v"] for sample in SAMPLES.glob(f"{kind}.v*.json")}
    assert versions == set(range(1, max(versions) + 1))
    newest = (SAMPLES / f"{kind}.v{max(versions)}.json").read_text()
    codec = CODECS[kind]
    assert codec.document(codec.load(newest))["v"] == max(versions)


@pytest.mark.parametrize("kind", CODECS)
def test_the_release_before_reads_what_a_later_one_writes(kind):
    """Unknown later fields are ignored; a later version of the format is refused as a whole."""
    text = max(SAMPLES.glob(f"{kind}.v*.json"), key=lambda sample: sample.name).read_text()
    codec, document = CODECS[kind], json.loads(text)
    later = {**document, "build": "abc123", "addedLater": {"x": [1]}}
    for written in (json.dumps(later), json.dumps(later, separators=(",", ":"))):
        assert codec.load(written) == codec.load(text)
    with pytest.raises(UnknownVersionError):
        codec.load(json.dumps({**later, "v": document["v"] + 1}))
