from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from onboarding.cmg.wizard import OnboardingRequest, SecretValidity

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEAST = {"name": "Contoso", "tenantId": TENANT, "subscriptionId": TENANT}


def read(now: datetime = NOW, **fields) -> OnboardingRequest:
    """A request as the API reads it."""
    text = json.dumps({**LEAST, **fields})
    return OnboardingRequest.model_validate_json(text, context={"now": now, "tenant": TENANT})


def faults(now: datetime = NOW, **fields) -> dict[str, str]:
    """What is wrong with a request: messages by field."""
    with pytest.raises(ValidationError) as caught:
        read(now, **fields)
    return {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}


def test_what_is_left_out_is_as_in_the_console():
    """Three fields are enough; the others have the wizard's own defaults."""
    request = read()
    assert request.model_dump(mode="json", by_alias=True) == {
        **LEAST,
        "description": "",
        "service": "CloudManagement",
        "azureEnvironment": "AzurePublicCloud",
        "serverApp": {
            "name": "ConfigMgr Server Application",
            "homePageUrl": "https://ConfigMgrService",
            "appIdUri": None,
            "secretValidity": "P1Y",
            "secretEndDate": None,
        },
        "clientApp": {"name": "ConfigMgr Client Application"},
        "userDiscovery": {"enabled": False},
    }


def test_what_was_accepted_can_be_read_again_later():
    """A request that waits for days stays valid, even if its end date has come near meanwhile."""
    end = (NOW + timedelta(days=2)).isoformat()
    request = read(serverApp={"secretEndDate": end, "appIdUri": f"api://{TENANT}/ConfigMgrService"})
    again = OnboardingRequest.model_validate_json(request.model_dump_json(by_alias=True))
    assert again == request


def test_all_faults_are_told_at_once():
    """Whoever fills in a form sees every mistake in it, not one after another."""
    assert set(
        faults(
            name="",
            tenantId="contoso.com",
            subscriptionId=7,
            service="Desktop",
            azureEnvironment="AzureGermanCloud",
            serverApp={"name": " x", "homePageUrl": "ftp://x", "appIdUri": "x", "secretValidity": "P3Y"},
            clientApp={"nme": "x"},
            userDiscovery={"enabled": "yes"},
            nmae="x",
        )
    ) == {
        "name",
        "tenantId",
        "subscriptionId",
        "service",
        "azureEnvironment",
        "serverApp.name",
        "serverApp.homePageUrl",
        "serverApp.appIdUri",
        "serverApp.secretValidity",
        "clientApp.nme",
        "userDiscovery.enabled",
        "nmae",
    }


@pytest.mark.parametrize(
    "name",
    [
        "Contoso 'CMG'",
        '"quoted" `tick` $(x) $env:x %x% {x} ; & | <x>',
        "\u65e5\u672c\u8a9e",
        "\U0001f600",
        "\u05e9\u05dc\u05d5\u05dd",
        "e\u0301",
        "x" * 256,
    ],
)
def test_any_visible_name_is_taken_as_it_is(name):
    """A name is the customer's: quotes, dollar signs and other scripts belong to it."""
    assert read(name=name, serverApp={"name": name}).server_app.name == name


@pytest.mark.parametrize(
    "name",
    [
        "x" * 257,
        "",
        " x",
        "x ",
        "\u00a0x",
        "a\u202eb",  # right-to-left override
        "a\u200fb",  # right-to-left mark
        "a\u200bb",  # zero-width space
        "a\ufeffb",  # byte order mark
        "a\u2066b",  # isolate
        "a\tb",
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "a\ue000b",  # private use
        "a\u2028b",  # line separator
        "a\U000e0041b",  # tag characters
    ],
)
def test_a_name_that_deceives_is_refused(name):
    """A name that looks like another one, or breaks a line somewhere, never gets into the directory."""
    assert set(faults(name=name, clientApp={"name": name})) == {"name", "clientApp.name"}


def test_the_place_of_an_invisible_character_is_told():
    """Nobody can find by eye what can't be seen."""
    assert "U+202E (at 1)" in faults(name="a\u202eb")["name"]


@pytest.mark.parametrize(
    "url", ["javascript:x", "https://", "https://a b", "https://x'", "https://" + "x" * 260, "https://a\x01b"]
)
def test_a_home_page_that_is_no_url_is_refused(url):
    """The home page is a link in the portal; it can't be used to run or to hide something."""
    assert set(faults(serverApp={"homePageUrl": url})) == {"serverApp.homePageUrl"}


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (NOW - timedelta(days=1), "at least one day ahead"),
        (NOW, "at least one day ahead"),
        (NOW + timedelta(days=1), "at least one day ahead"),
        (NOW.replace(year=2028, month=3, day=3), "at most two years ahead"),
        (NOW.replace(year=9999), "at most two years ahead"),
    ],
)
def test_a_secret_ends_within_two_years(end, message):
    """The portal offers nothing beyond two years, and a secret of a day is a mistake."""
    assert message in faults(serverApp={"secretEndDate": end.isoformat()})["serverApp.secretEndDate"]


@pytest.mark.parametrize("text", ["2027-01-01", "2027-01-01T00:00:00", "tomorrow", 1798761600, True])
def test_an_end_date_without_a_time_zone_is_refused(text):
    """A date that means different moments in different places is no date."""
    assert set(faults(serverApp={"secretEndDate": text})) == {"serverApp.secretEndDate"}


def test_an_end_date_is_kept_with_its_offset():
    """An end date may be written in any time zone; it stays the same moment."""
    server = read(serverApp={"secretEndDate": "2026-09-01T00:00:00+02:00"}).server_app
    assert server.secret_end(NOW) == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert server.secret_validity is None


def test_validity_and_end_date_exclude_each_other():
    """Two answers to one question are a mistake, not a choice."""
    found = faults(serverApp={"secretValidity": "P2Y", "secretEndDate": "2026-09-01T00:00:00Z"})
    assert "either secretValidity or secretEndDate" in found["serverApp.secretEndDate"]


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
    """A secret made today ends on the same day of a later year; one of a leap day on 28 February."""
    assert validity.after(datetime.fromisoformat(made)) == datetime.fromisoformat(end)


def test_an_id_is_one_in_any_case():
    """A tenant id that was copied in capitals is the same tenant."""
    assert str(read(tenantId=TENANT.upper()).tenant_id) == TENANT


def test_a_fault_does_not_repeat_what_was_sent():
    """What is sent by mistake (a secret in the wrong field) does not come back in an error or a log."""
    with pytest.raises(ValidationError) as caught:
        read(name="hunter2\n", secret="hunter2")
    assert "hunter2" not in str(caught.value)
