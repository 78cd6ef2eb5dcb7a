from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onboarding.cmg.app_checks import Check
from onboarding.connections.records import Connection
from onboarding.drift.comparison import compare, unreadable
from onboarding.drift.inspection import Inspected, Inspection
from onboarding.errors import PermanentError
from tests.support.connections import connection

NOW = datetime(2027, 3, 1, tzinfo=UTC)
END = NOW + timedelta(days=100)
RECORDED = {"keyId": "k", "displayName": "cmg-x-1", "endDateTime": "2027-06-09T00:00:00.1234567Z"}


def by_hand(days: float, **more: Any) -> dict[str, Any]:
    """A secret of somebody else."""
    return {"keyId": "other", "endDateTime": (NOW + timedelta(days=days)).isoformat(), **more}


def record(*, imported: bool = False, **changes: Any) -> Connection:
    """A connection whose secret ends in 100 days."""
    return connection(END, imported=imported, **changes)


def inspection(*passwords: Any, exists: bool | None = True, passed: bool | None = True) -> Inspection:
    """What a look finds: secrets, and one rule."""
    rule = Check(name="web-redirect", passed=passed, expected="e", impact="b", remedy="r")
    secret = Check(name="secret", passed=False, expected="e", impact="b", remedy="r")
    server = Inspected(app_id="s", name="S", exists=exists, rules=(rule, secret))
    client = Inspected(app_id="c", name="C", exists=exists, rules=())
    return Inspection(server=server, client=client, passwords=passwords)


@pytest.mark.parametrize(
    ("passwords", "codes", "ends_at"),
    [
        ([RECORDED], set(), END),
        ([RECORDED, by_hand(50)], set(), END),  # it ends earlier: nobody will use it for longer
        ([RECORDED, by_hand(200, displayName="cmg-x-2")], set(), END),  # ours: a renewal in progress
        ([RECORDED, by_hand(200)], {"secret-added"}, END),
        ([{**RECORDED, "endDateTime": "2027-09-01T00:00:00Z"}], {"secret-end-changed"}, None),
        ([by_hand(200)], {"secret-replaced"}, NOW + timedelta(days=200)),
        ([by_hand(-1)], {"secret-removed"}, NOW),
        ([], {"secret-removed"}, NOW),
    ],
)
def test_what_became_of_the_secret(passwords, codes, ends_at):
    """A secret that was added, replaced, removed or given another end is told, and the expiration is true."""
    comparison = compare(record(), inspection(*passwords), NOW)
    assert {each.code for each in comparison.differences.values()} == codes
    assert comparison.ends_at == (ends_at or datetime(2027, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize("others", [[], [by_hand(200)]])
def test_imported_apps_have_secrets_of_others(others):
    """Whether an imported app has other secrets says nothing of the recorded one."""
    imported = record(imported=True)
    assert compare(imported, inspection(RECORDED, *others), NOW).differences == {}
    removed = compare(imported, inspection(*others), NOW)
    assert set(removed.differences) == {"serverApp/secret-removed"}
    assert removed.ends_at == NOW


def test_a_secret_that_has_ended_is_no_deviation():
    """The end that was warned of is no news; nor is that somebody tidies it away afterwards."""
    later = END + timedelta(days=1)
    for passwords in ([RECORDED], []):
        comparison = compare(record(), inspection(*passwords), later)
        assert comparison.differences == {}
        assert comparison.ends_at == END
    renewed = compare(record(), inspection(RECORDED, by_hand(300)), later)
    assert set(renewed.differences) == {"serverApp/secret-replaced"}


def test_a_deviation_keeps_the_day_on_which_it_was_found():
    """What is still so a week later is the same difference, and what is not so any more is gone."""
    first = compare(record(), inspection(passed=False), NOW)
    assert set(first.differences) == {"serverApp/web-redirect", "serverApp/secret-removed"}
    kept = record(differences=first.differences)
    kept = replace(kept, secret=replace(kept.secret, ends_at=first.ends_at))
    again = compare(kept, inspection(passed=False), NOW + timedelta(days=7))
    assert again == first
    mended = compare(kept, inspection(RECORDED), NOW + timedelta(days=7))
    assert set(mended.differences) == {"serverApp/secret-end-changed"}
    assert mended.ends_at == END


def test_what_may_not_be_read_changes_nothing():
    """A permission that was taken away neither mends a difference nor makes one."""
    known = compare(record(), inspection(passed=False), NOW).differences
    blind = inspection(exists=None, passed=None)
    assert compare(record(differences=known), blind, NOW).differences == known
    assert compare(record(), blind, NOW).differences == {}
    assert compare(record(), blind, NOW).ends_at == END


def test_a_deleted_app_ends_the_clock():
    """With the application its secret is gone."""
    assert compare(record(), inspection(exists=False), NOW).ends_at == NOW


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("application", "is gone from the directory"),
        ("service-principal", "has no service principal"),
        ("web-redirect", "Expected: e."),
    ],
)
def test_what_is_gone_is_called_gone(rule, said):
    """A notice says that an app is gone; of a property it says what was expected."""
    broken = Check(name=rule, passed=False, expected="e", impact="b", remedy="r")
    found = inspection(RECORDED)
    found = replace(found, server=replace(found.server, rules=(broken,)))
    (difference,) = compare(record(), found, NOW).differences.values()
    assert said in difference.detail


def test_a_tenant_that_can_not_be_entered_keeps_what_is_known():
    """That nobody may look is one more difference; the others stay as they were."""
    known = compare(record(), inspection(RECORDED, passed=False), NOW).differences
    error = PermanentError("no", remedy="consent")
    comparison = unreadable(record(differences=known), error, NOW)
    assert set(comparison.differences) == {*known, "/directory-unreadable"}
    assert comparison.differences["/directory-unreadable"].remedy == "consent"
    assert comparison.ends_at == END
