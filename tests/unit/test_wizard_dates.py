from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.cmg.app_fields import SecretValidity
from tests.unit.wizard import NOW, faults, read


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (NOW - timedelta(days=1), "at least one day in the future"),
        (NOW, "at least one day in the future"),
        (NOW + timedelta(days=1), "at least one day in the future"),
        (NOW.replace(year=2028, month=3, day=3), "at most two years in the future"),
        (NOW.replace(year=9999), "at most two years in the future"),
    ],
)
def test_a_secret_ends_within_two_years(end, message):
    """The portal offers at most two years, and a secret that is valid for one day is a mistake."""
    assert message in faults(serverApp={"secretEndDate": end.isoformat()})["serverApp.secretEndDate"]


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-01",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00Z",
        "2027-01-01 00:00:00Z",
        "2027-01-01_00:00:00Z",
        "2027-01-01T00:00:00+0100",
        "2027-01-01T00:00:00+01",
        "2027-01-01T00:00:00+24:00",
        "2027-01-01T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2027-01-01T00:00:00 Z",
        "2027-01-01T00:00:00.Z",
        "2027-01-01T00:00:00,5Z",
        "20270101T000000Z",
        "2027-W01-1T00:00:00Z",
        "2027-001T00:00:00Z",
        "+2027-01-01T00:00:00Z",
        "\u0662027-01-01T00:00:00Z",
        "2027-01-01T00:00:00\u221201:00",
        "2027-01-01T00:00:00Z\n",
        "1798761600",
        "1798761600.5",
        "tomorrow",
        "",
        1798761600,
        1798761600.5,
        True,
    ],
)
def test_an_end_date_is_rfc_3339_and_nothing_else(text):
    """Any other form of a date, which readers could interpret differently, is refused with an explanation."""
    found = faults(serverApp={"secretEndDate": text})
    assert set(found) == {"serverApp.secretEndDate"}
    assert "such as 2027-03-01T00:00:00Z (RFC 3339)" in found["serverApp.secretEndDate"]


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z"])
def test_an_end_date_is_a_day_of_the_calendar(text):
    """A well-formed date that does not exist is refused."""
    assert set(faults(serverApp={"secretEndDate": text})) == {"serverApp.secretEndDate"}


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-01T00:00:00Z",
        "2026-09-01t00:00:00z",
        "2026-09-01T00:00:00.000Z",
        "2026-09-01T00:00:00.000000000Z",
        "2026-08-31T19:00:00-05:00",
        "2026-09-01T05:45:00+05:45",
        "2026-09-01T00:00:00-00:00",
    ],
)
def test_every_form_of_rfc_3339_is_accepted(text):
    """RFC 3339 allows lowercase letters, fractions of a second and any offset; the moment stays the same."""
    server = read(serverApp={"secretEndDate": text}).server_app
    assert server.secret_end(NOW) == datetime(2026, 9, 1, tzinfo=UTC)


def test_an_end_date_is_kept_with_its_offset():
    """An expiration can be in any time zone; the moment stays the same."""
    server = read(serverApp={"secretEndDate": "2026-09-01T00:00:00+02:00"}).server_app
    assert server.secret_end(NOW) == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert server.secret_validity is None


@pytest.mark.parametrize(
    ("made", "validity", "end"),
    [
        ("2026-03-01T12:00:00+00:00", SecretValidity.ONE_YEAR, "2027-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+00:00", SecretValidity.TWO_YEARS, "2028-03-01T12:00:00+00:00"),
        ("2028-02-29T08:00:00+00:00", SecretValidity.ONE_YEAR, "2029-02-28T08:00:00+00:00"),
        ("2028-02-29T08:00:00+00:00", SecretValidity.TWO_YEARS, "2030-02-28T08:00:00+00:00"),
        ("2027-02-28T08:00:00+00:00", SecretValidity.ONE_YEAR, "2028-02-28T08:00:00+00:00"),
        ("2026-12-31T23:59:59+00:00", SecretValidity.ONE_YEAR, "2027-12-31T23:59:59+00:00"),
    ],
)
def test_a_year_is_a_calendar_year(made, validity, end):
    """A secret expires on the same day of a later year; one that is created on a leap day, on 28 February."""
    assert validity.after(datetime.fromisoformat(made)) == datetime.fromisoformat(end)
