from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.cloud.applications import passwords_of
from onboarding.cmg import rules
from onboarding.cmg.rules import Check
from onboarding.connections.records import Connection, Loss
from onboarding.drift.comparison import compare, unreadable
from onboarding.drift.inspection import InspectedApp, Inspection
from onboarding.errors import cloud
from onboarding.words.word import Word
from tests.support.connections import connection

NOW = datetime(2027, 3, 1, tzinfo=UTC)
END = NOW + timedelta(days=100)
RECORDED = {
    "keyId": "k",
    "displayName": "cmg-x-1",
    "startDateTime": "2026-06-09T00:00:00Z",
    "endDateTime": "2027-06-09T00:00:00.1234567Z",
}


def by_hand(days: float, **more: Any) -> dict[str, Any]:
    """A secret that somebody else has added."""
    dates = {"startDateTime": (NOW - timedelta(days=3)).isoformat()}
    return {"keyId": "other", **dates, "endDateTime": (NOW + timedelta(days=days)).isoformat(), **more}


def record(*, imported: bool = False, **changes: Any) -> Connection:
    """A connection whose secret ends in 100 days."""
    return connection(END, imported=imported, **changes)


def inspection(*passwords: Any, exists: bool | None = True, passed: bool | None = True) -> Inspection:
    """What an inspection finds: secrets, and one check."""
    check = Check(name="web-redirect", passed=passed, expected="e", impact="b", remedy="r")
    secret = Check(name="secret", passed=False, expected="e", impact="b", remedy="r")
    server = InspectedApp(app_id="s", name=Word("S"), exists=exists, checks=(check, secret))
    client = InspectedApp(app_id="c", name=Word("C"), exists=exists, checks=())
    listed = passwords_of({"passwordCredentials": passwords})
    return Inspection(server=server, client=client, passwords=listed)


@pytest.mark.parametrize(
    ("passwords", "codes", "ends_at"),
    [
        ([RECORDED], set(), END),
        ([RECORDED, by_hand(50)], {"secret-added"}, END),  # anyone who has it can act as the app
        ([RECORDED, by_hand(-1)], set(), END),
        ([RECORDED, by_hand(200, displayName="cmg-x-2")], {"secret-added"}, END),  # anybody can choose it
        ([RECORDED, by_hand(200)], {"secret-added"}, END),
        ([{**RECORDED, "endDateTime": "2027-09-01T00:00:00Z"}], {"secret-end-changed"}, None),
        ([by_hand(200)], {"secret-replaced"}, NOW + timedelta(days=200)),
        ([by_hand(-1)], {"secret-removed"}, END),  # the secret's date is not the date of its removal
        ([], {"secret-removed"}, END),
    ],
)
def test_what_happened_to_the_secret(passwords, codes, ends_at):
    """A secret that was added, replaced, removed or changed is reported, and the expiration is correct."""
    comparison = compare(record(), inspection(*passwords), NOW)
    assert {each.code for each in comparison.differences.values()} == codes
    assert comparison.ends_at == (ends_at or datetime(2027, 9, 1, tzinfo=UTC))


def test_our_secrets_are_known_by_their_key_ids():
    """Only the secret that a renewal is creating has no recorded key ID, and that for at most a day."""
    renewing = record(renewal="0f5e8a77-1111-4222-8333-444444444444")
    name = f"cmg-{renewing.onboarding}-0f5e8a77-1"
    new = by_hand(300, displayName=name, startDateTime=NOW.isoformat())
    pending = replace(renewing.secret, key_id="other")
    cases = [
        (renewing, new, set()),
        (renewing, by_hand(300, displayName=name), {"serverApp/secret-added"}),
        (renewing, {**new, "displayName": f"cmg-{renewing.onboarding}-1"}, {"serverApp/secret-added"}),
        (record(), new, {"serverApp/secret-added"}),
        (renewing.evolve(pending=pending), by_hand(300), set()),
        (renewing.evolve(pending=pending), {**new, "keyId": "third"}, {"serverApp/secret-added"}),
    ]
    for known, password, found in cases:
        assert set(compare(known, inspection(RECORDED, password), NOW).differences) == found


@pytest.mark.parametrize("others", [[], [by_hand(200)]])
def test_imported_apps_have_secrets_of_others(others):
    """Other secrets of an imported app do not matter for the recorded one."""
    imported = record(imported=True)
    assert compare(imported, inspection(RECORDED, *others), NOW).differences == {}
    removed = compare(imported, inspection(*others), NOW)
    assert set(removed.differences) == {"serverApp/secret-removed"}
    assert removed.lost == Loss(difference="serverApp/secret-removed", at=NOW)


def device_tokens(*, passed: bool | None) -> Inspection:
    """What an inspection finds about a setting that the site changes after the import of an app."""
    found, check = inspection(RECORDED), rules.DEVICE_TOKENS.check(passed)
    return replace(found, server=replace(found.server, checks=(check,)))


def test_what_the_site_never_set_in_an_imported_app_is_no_difference():
    """The manual article sets no device tokens: they are missing only after an inspection has seen them."""
    imported, seen = record(imported=True), []
    for passed in (False, None, True, None, False, True):
        found = compare(imported, device_tokens(passed=passed), NOW)
        imported = replace(imported, differences=found.differences, updated=found.updated)
        seen.append(set(found.differences))
    assert seen == [set(), set(), set(), set(), {"serverApp/device-tokens"}, set()]


def test_a_tenant_without_access_forgets_nothing_that_the_site_set():
    """After access is restored, device tokens that somebody switched off are a difference."""
    imported = record(imported=True, updated=("device-tokens",))
    blind = unreadable(imported, cloud.SCOPE_LOCKED.error(service="Graph", answer="403"), NOW)
    imported = replace(imported, updated=blind.updated)
    assert set(compare(imported, device_tokens(passed=False), NOW).differences) == {"serverApp/device-tokens"}


def test_what_the_service_set_in_its_own_app_is_a_difference_at_once():
    """The service sets device tokens in the apps that it creates."""
    found = compare(record(), device_tokens(passed=False), NOW)
    assert set(found.differences) == {"serverApp/device-tokens"}
    assert found.updated == ()


def test_an_expired_secret_is_not_a_difference():
    """An expiration is not a difference; nor is the removal of an expired secret."""
    later = END + timedelta(days=1)
    for passwords in ([RECORDED], []):
        comparison = compare(record(), inspection(*passwords), later)
        assert comparison.differences == {}
        assert comparison.ends_at == END
    renewed = compare(record(), inspection(RECORDED, by_hand(300)), later)
    assert set(renewed.differences) == {"serverApp/secret-replaced"}


def test_a_difference_keeps_the_day_on_which_it_was_found():
    """A difference that lasts a week stays the same one, and a difference that was fixed is gone."""
    first = compare(record(), inspection(passed=False), NOW)
    assert set(first.differences) == {"serverApp/web-redirect", "serverApp/secret-removed"}
    kept = record(differences=first.differences, lost=first.lost)
    again = compare(kept, inspection(passed=False), NOW + timedelta(days=7))
    assert again == first
    mended = compare(kept, inspection(RECORDED), NOW + timedelta(days=7))
    assert mended.differences == {}
    assert (mended.ends_at, mended.lost) == (END, None)


def test_what_may_not_be_read_changes_nothing():
    """A withdrawn permission neither removes nor adds a difference."""
    known = compare(record(), inspection(passed=False), NOW).differences
    blind = inspection(exists=None, passed=None)
    assert compare(record(differences=known), blind, NOW).differences == known
    assert compare(record(), blind, NOW).differences == {}
    assert compare(record(), blind, NOW).ends_at == END


def test_the_secret_of_a_deleted_app_has_expired():
    """The secret is lost with its application: warnings say so, and its own date stays known."""
    found = compare(record(), inspection(exists=False), NOW)
    assert (found.ends_at, found.lost) == (END, Loss(difference="serverApp/application", at=NOW))
    again = compare(record(lost=found.lost), inspection(exists=False), NOW + timedelta(days=7))
    assert again.lost == found.lost, "since the inspection that found it"
    assert compare(record(lost=found.lost), inspection(exists=None), NOW).lost == found.lost
    assert compare(record(lost=found.lost), inspection(RECORDED), NOW).lost is None


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("application", "no longer exists in the directory"),
        ("service-principal", "no longer has a service principal"),
        ("web-redirect", "Expected: e."),
    ],
)
def test_a_missing_object_has_its_own_detail(name, detail):
    """The detail names a missing app or principal; for a property it contains the expected value."""
    broken = Check(name=name, passed=False, expected="e", impact="b", remedy="r")
    found = inspection(RECORDED)
    found = replace(found, server=replace(found.server, checks=(broken,)))
    (difference,) = compare(record(), found, NOW).differences.values()
    assert detail in difference.detail


def test_a_tenant_that_cannot_be_read_keeps_what_is_known():
    """Missing access is one more difference; the others remain."""
    known = compare(record(), inspection(RECORDED, passed=False), NOW).differences
    error = cloud.SCOPE_LOCKED.error(service="Graph", answer="403")
    comparison = unreadable(record(differences=known), error, NOW)
    assert set(comparison.differences) == {*known, "/directory-unreadable"}
    assert comparison.differences["/directory-unreadable"].remedy == error.remedy
    assert comparison.ends_at == END
