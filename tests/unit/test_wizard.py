from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from onboarding.cmg.app_fields import SecretValidity
from onboarding.cmg.conflicts import conflicts as all_conflicts
from onboarding.cmg.renewal_request import RenewalRequest
from onboarding.cmg.wizard import OnboardingRequest
from onboarding.connections.records import key_of

TENANT = "3f0e8c52-6d1b-4a57-9b7e-2c4d8a1f6e05"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEKLY = {"unit": "Days", "every": 7}
LEAST = {"name": "Contoso", "tenantId": TENANT, "subscriptionId": TENANT}


def read(now: datetime = NOW, **fields) -> OnboardingRequest:
    """A request as the API reads it."""
    text = json.dumps({**LEAST, **fields})
    return OnboardingRequest.model_validate_json(text, context={"now": now, "tenant": TENANT})


def faults(now: datetime = NOW, **fields) -> dict[str, str]:
    """The faults in a request: messages by field."""
    with pytest.raises(ValidationError) as caught:
        read(now, **fields)
    return {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}


def test_what_is_left_out_is_as_in_the_console():
    """Two fields are enough; the others have the defaults of the console's wizard."""
    request = read(subscriptionId=None)
    assert request.model_dump(mode="json", by_alias=True) == {
        **LEAST,
        "subscriptionId": None,
        "description": "",
        "service": "CloudManagement",
        "azureEnvironment": "AzurePublicCloud",
        "serverApp": {
            "existing": None,
            "name": "ConfigMgr Server Application",
            "homePageUrl": "https://ConfigMgrService",
            "appIdUri": None,
            "onDeleted": "Refuse",
            "secretValidity": "P1Y",
            "secretEndDate": None,
        },
        "clientApp": {"existing": None, "name": "ConfigMgr Client Application"},
        "userDiscovery": {"enabled": False, "deltaIntervalMinutes": 5, "schedule": WEEKLY},
        "groupDiscovery": {
            "enabled": False,
            "groupNames": [],
            "deltaIntervalMinutes": 5,
            "schedule": WEEKLY,
        },
        "groupSync": False,
        "disableAuthentication": False,
        "adminConsent": "Automatic",
        "deploymentModel": "VirtualMachineScaleSet",
        "configMgrVersion": None,
        "profile": None,
        "owners": [],
        "notices": {"channels": None},
        "labels": {},
    }
    assert list(all_conflicts(request)) == []


def test_what_was_accepted_can_be_read_again_later():
    """A request that waits for days stays valid, even if its expiration is near by then."""
    end = (NOW + timedelta(days=2)).isoformat()
    request = read(serverApp={"secretEndDate": end, "appIdUri": f"api://{TENANT}/ConfigMgrService"})
    again = OnboardingRequest.model_validate_json(request.model_dump_json(by_alias=True))
    assert again == request


def test_all_faults_are_told_at_once():
    """A person who fills in a form sees every mistake in it at once."""
    assert set(
        faults(
            name="",
            tenantId="contoso.com",
            subscriptionId=7,
            service="Desktop",
            azureEnvironment="AzureGermanCloud",
            serverApp={"name": " x", "homePageUrl": "ftp://x", "appIdUri": "x", "secretValidity": "P3Y"},
            clientApp={"nme": "x"},
            userDiscovery={"enabled": "yes", "deltaIntervalMinutes": 4, "schedule": {"every": 0}},
            groupDiscovery={"groupNames": ["ok", ""], "schedule": {"unit": "Weeks"}},
            groupSync=1,
            adminConsent="Never",
            deploymentModel="Container",
            configMgrVersion="24-09",
            profile="2022",
            owners=[{"email": "nobody"}],
            labels={"": "x"},
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
        "userDiscovery.deltaIntervalMinutes",
        "userDiscovery.schedule.every",
        "groupDiscovery.groupNames.1",
        "groupDiscovery.schedule.unit",
        "groupSync",
        "adminConsent",
        "deploymentModel",
        "configMgrVersion",
        "profile",
        "owners.0.email",
        "labels..[key]",
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
    """A name can have quotes, dollar signs and any script, and is kept unchanged."""
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
    """A name that looks like another one, or that breaks a line, is refused."""
    assert set(faults(name=name, clientApp={"name": name})) == {"name", "clientApp.name"}


@pytest.mark.parametrize(
    "name",
    [
        "\u0634\u0631\u06a9\u062a\u200c\u0647\u0627",  # Persian: a plural
        "\u0646\u0645\u0627\u06cc\u0646\u062f\u0647\u200c\u06cc \u0645\u0627",  # Persian: two words
        "\u0915\u094d\u200d\u0937",  # Devanagari: a half letter
        "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam: a letter at the end of a word
        "\u0d05\u0d35\u0d28\u0d4d\u200d CMG",
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala: Sri
        "\u09b0\u200d\u09cd\u09af\u09be",  # Bengali: a joiner before the virama
    ],
)
def test_joiners_are_spelling_where_a_script_uses_them(name):
    """Names in Persian and in Indic scripts contain zero-width joiners, and are kept as they are."""
    request = read(name=name, labels={name: name}, groupDiscovery={"groupNames": [name]})
    assert (request.name, request.labels) == (name, {name: name})


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
@pytest.mark.parametrize(
    "name",
    [
        "Con{}toso",
        "{}\u0634\u0631",
        "\u0634\u0631{}",
        "\u0634{}\u200c\u0631",
        "\u0634{} \u0631",
        "\u0634{}x",
        "x{}\u0634",
        "\u05e9{}\u05dc",
        "\u65e5{}\u672c",
        "\U0001f469{}\U0001f4bb",
        "7{}7",
        "\u0661{}\u0662",
        "{}",
    ],
)
def test_a_joiner_that_nobody_sees_is_refused(name, joiner):
    """Elsewhere a joiner is invisible: the name would look like another one."""
    found = faults(name=name.format(joiner), clientApp={"name": name.format(joiner)})
    assert set(found) == {"name", "clientApp.name"}
    assert "invisible character U+200" in found["name"]


def test_joiners_do_not_make_another_name():
    """Two connections whose names differ only in joiners, which can be invisible, are the same."""
    plain, joined = "\u062f\u0627\u062f\u0647\u0627", "\u062f\u0627\u062f\u200c\u0647\u0627"
    assert key_of(read(name=joined).name) == key_of(read(name=plain).name)


def test_the_place_of_an_invisible_character_is_told():
    """The error shows the position of an invisible character."""
    assert "U+202E (at 1)" in faults(name="a\u202eb")["name"]


@pytest.mark.parametrize(
    "url", ["javascript:x", "https://", "https://a b", "https://x'", "https://" + "x" * 260, "https://a\x01b"]
)
def test_a_home_page_that_is_no_url_is_refused(url):
    """The home page is a link in the portal; it cannot run or hide anything."""
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
    """The portal offers at most two years, and a secret for one day is a mistake."""
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
    """Any other form of a date, which another reader could understand in another way, is refused in words."""
    found = faults(serverApp={"secretEndDate": text})
    assert set(found) == {"serverApp.secretEndDate"}
    assert "such as 2027-03-01T00:00:00Z (RFC 3339)" in found["serverApp.secretEndDate"]


@pytest.mark.parametrize("text", ["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-09-01T24:00:00Z"])
def test_an_end_date_is_a_day_of_the_calendar(text):
    """A date that has the form of one, and does not exist, is refused."""
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
def test_every_form_of_rfc_3339_is_taken(text):
    """Small letters, fractions of a second and any offset are RFC 3339; it stays the same moment."""
    server = read(serverApp={"secretEndDate": text}).server_app
    assert server.secret_end(NOW) == datetime(2026, 9, 1, tzinfo=UTC)


def test_an_end_date_is_kept_with_its_offset():
    """An expiration can be in any time zone; it stays the same moment."""
    server = read(serverApp={"secretEndDate": "2026-09-01T00:00:00+02:00"}).server_app
    assert server.secret_end(NOW) == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert server.secret_validity is None


def test_validity_and_end_date_exclude_each_other():
    """A request cannot have both a validity and an expiration."""
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
    """A secret made today expires on the same day of a later year; one made on a leap day on 28 February."""
    assert validity.after(datetime.fromisoformat(made)) == datetime.fromisoformat(end)


def test_an_id_is_one_in_any_case():
    """A tenant ID in capitals is the same tenant."""
    assert str(read(tenantId=TENANT.upper()).tenant_id) == TENANT


def test_a_fault_does_not_repeat_what_was_sent():
    """A value in the wrong field (such as a secret) does not appear in an error or a log."""
    with pytest.raises(ValidationError) as caught:
        read(name="hunter2\n", secret="hunter2")
    assert "hunter2" not in str(caught.value)


def test_discovery_can_be_told_apart_in_every_detail():
    """Users and groups each have a discovery schedule of their own, with or without delta discovery."""
    request = read(
        userDiscovery={
            "enabled": True,
            "deltaIntervalMinutes": None,
            "schedule": {"unit": "Hours", "every": 12},
        },
        groupDiscovery={"enabled": True, "groupNames": ["O'Brien \u2019s", "\u65e5\u672c"], "schedule": {}},
    )
    assert request.user_discovery.delta_interval_minutes is None
    assert (request.user_discovery.schedule.unit, request.user_discovery.schedule.every) == ("Hours", 12)
    assert request.group_discovery.group_names == ("O'Brien \u2019s", "\u65e5\u672c")
    assert (request.group_discovery.schedule.unit, request.group_discovery.schedule.every) == ("Days", 7)


@pytest.mark.parametrize(
    ("unit", "every", "most"),
    [("Minutes", 60, 59), ("Hours", 24, 23), ("Days", 32, 31)],
)
def test_a_schedule_keeps_to_what_the_console_can_hold(unit, every, most):
    """A site's schedule has at most 59 minutes, 23 hours or 31 days; the error contains the limit."""
    if every < 60:
        found = faults(userDiscovery={"schedule": {"unit": unit, "every": every}})
        assert f"at most {most}" in found["userDiscovery.schedule"]
    schedule = read(userDiscovery={"schedule": {"unit": unit, "every": most}}).user_discovery.schedule
    assert schedule.every == most


@pytest.mark.parametrize("minutes", [4, 61, 0, -5, 5.5, "5", True])
def test_changes_are_looked_for_every_five_to_sixty_minutes(minutes):
    """The interval of delta discovery is one that the wizard offers."""
    assert set(faults(groupDiscovery={"deltaIntervalMinutes": minutes})) == {
        "groupDiscovery.deltaIntervalMinutes"
    }


def test_lists_have_their_limits():
    """At most 20 owners, 20 labels and 200 groups; labels have 64 characters, their values 256."""
    owner = {"name": "Kim", "email": "kim@contoso.com"}
    request = read(
        owners=[owner] * 20,
        labels={f"{number:064}": "x" * 256 for number in range(20)},
        groupDiscovery={"groupNames": [f"{number:0256}" for number in range(200)]},
    )
    assert (len(request.owners), len(request.labels)) == (20, 20)
    too_many: Any = {
        "owners": [owner] * 21,
        "labels": {str(number): "" for number in range(21)},
        "groupDiscovery": {"groupNames": ["x"] * 201},
    }
    assert set(faults(**too_many)) == {"owners", "labels", "groupDiscovery.groupNames"}
    too_long: Any = {"labels": {"x" * 65: "y", "z": "y" * 257}}
    assert set(faults(**too_long)) == {f"labels.{'x' * 65}.[key]", "labels.z"}


@pytest.mark.parametrize(
    "email",
    ["kim", "kim@", "@contoso.com", "kim@contoso", "k im@contoso.com", "kim@contoso.com\n", "a@b,c.d"],
)
def test_an_owner_has_an_address_that_mail_can_reach(email):
    """An owner must have an email address that can receive mail."""
    assert set(faults(owners=[{"email": email}])) == {"owners.0.email"}


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", " a"])
def test_labels_and_groups_deceive_nobody_either(name):
    """Labels, owners and groups follow the rules for names: nothing invisible, no line breaks."""
    found = faults(
        labels={name: "x", "y": name},
        owners=[{"name": name, "email": "kim@contoso.com"}],
        groupDiscovery={"groupNames": [name]},
    )
    assert set(found) == {f"labels.{name}.[key]", "labels.y", "owners.0.name", "groupDiscovery.groupNames.0"}


@pytest.mark.parametrize("version", ["24", "2400", "2413", "1902", "2409 ", "24o9", "3009", 2409])
def test_a_version_is_a_year_and_a_month(version):
    """A version of current branch has two digits for the year and two for the month."""
    assert set(faults(configMgrVersion=version)) == {"configMgrVersion"}


def test_the_form_of_a_text_is_told_in_a_sentence():
    """A person who mistypes a version, an address or a name reads what to write, not a regular expression."""
    found = faults(
        configMgrVersion="2024-09",
        owners=[{"email": "kim"}],
        serverApp={"existing": {"vaultSecret": "contoso"}, "homePageUrl": "contoso"},
    )
    assert "such as 2409" in found["configMgrVersion"]
    assert "such as kim@contoso.com" in found["owners.0.email"]
    assert "'import-'" in found["serverApp.existing.vaultSecret"]
    assert "https://" in found["serverApp.homePageUrl"]
    assert not any("pattern" in message or "[" in message for message in found.values())


def conflicts(**fields) -> dict[str, str]:
    """The combinations of fields in a request that are impossible: sentences by pointer."""
    return dict(all_conflicts(read(**fields)))


@pytest.mark.parametrize("version", [None, "2203", "2409", "2909"])
def test_classic_is_refused_where_it_is_gone(version):
    """From version 2203 on, and for the newest version, a classic cloud service is refused."""
    found = conflicts(deploymentModel="CloudService", configMgrVersion=version)
    assert set(found) == {"/deploymentModel"}
    assert "2203" in found["/deploymentModel"]
    assert "VirtualMachineScaleSet" in found["/deploymentModel"]


@pytest.mark.parametrize("version", ["2010", "2107", "2111"])
def test_classic_is_there_before_2203(version):
    """A site before version 2203 can have a classic cloud service, in both clouds; it needs two providers."""
    for environment in ("AzurePublicCloud", "AzureUSGovernmentCloud"):
        fields = {"deploymentModel": "CloudService", "configMgrVersion": version}
        request = read(azureEnvironment=environment, **fields)
        assert list(all_conflicts(request)) == []
        assert set(request.providers) == {"Microsoft.ClassicCompute", "Microsoft.Storage"}


@pytest.mark.parametrize(
    ("environment", "version", "first"),
    [
        ("AzurePublicCloud", "2010", "2107"),
        ("AzurePublicCloud", "2103", "2107"),
        ("AzurePublicCloud", "2107", None),
        ("AzurePublicCloud", "2203", None),
        ("AzureUSGovernmentCloud", "2107", "2111"),
        ("AzureUSGovernmentCloud", "2111", None),
        ("AzureUSGovernmentCloud", None, None),
    ],
)
def test_a_scale_set_needs_a_version_that_knows_it(environment, version, first):
    """Scale sets need version 2107, and 2111 in US Government; the error contains the version."""
    found = conflicts(azureEnvironment=environment, configMgrVersion=version)
    assert set(found) == ({"/deploymentModel"} if first else set())
    if first:
        assert f"requires version {first} or later, not {version}" in found["/deploymentModel"]


@pytest.mark.parametrize(
    ("profile", "version", "reason"),
    [
        ("2021", "2211", ""),
        ("2021", "2303", ""),
        ("2021", "2309", "for versions before 2309"),
        ("2021", None, "for versions before 2309"),
        ("2023-11", None, ""),
        ("2309", "2409", ""),
        ("2026-08", "2309", ""),
        ("2023-11", "2303", "for version 2309 or later, not 2303"),
        ("2309", "2211", "for version 2309 or later, not 2211"),
        ("2026-08", "2211", "for version 2309 or later, not 2211"),
    ],
)
def test_a_profile_may_be_chosen_where_it_is_right(profile, version, reason):
    """A revision that does not fit the site's version is refused with the reason and the right one."""
    found = conflicts(profile=profile, configMgrVersion=version)
    assert set(found) == ({"/profile"} if reason else set())
    assert reason in found.get("/profile", "")
    assert read(profile=profile, configMgrVersion=version).profile.name == profile


def test_the_profiles_to_choose_from_are_told():
    """The error for a misspelt profile lists the profiles."""
    assert faults(profile="2022")["profile"].endswith("must be one of 2021, 2023-11, 2309, 2026-08")


def test_what_can_not_be_together_is_told_all_at_once():
    """Group discovery without groups, and collections without user authentication, are refused together."""
    found = conflicts(
        deploymentModel="CloudService",
        groupDiscovery={"enabled": True},
        groupSync=True,
        disableAuthentication=True,
    )
    assert set(found) == {"/deploymentModel", "/groupDiscovery/groupNames", "/disableAuthentication"}
    assert all(detail.endswith(".") for detail in found.values())


@pytest.mark.parametrize("group", [{"enabled": False}, {"enabled": True, "groupNames": ["All"]}])
@pytest.mark.parametrize(("sync", "disabled"), [(True, False), (False, True)])
def test_each_of_them_alone_is_fine(group, sync, disabled):
    """Only the combination is refused."""
    assert conflicts(groupDiscovery=group, groupSync=sync, disableAuthentication=disabled) == {}


ID = "6f1d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a11"
OTHER = "7a2d1f3e-0e57-4f0d-9a8e-3f1f6f0f6a12"


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ({}, "clientId"),
        ({"clientId": ID, "connectionId": "x"}, "clientId"),
        ({"clientId": ID}, "vaultSecret"),
        ({"clientId": ID, "vaultSecret": "import-x", "secret": "y"}, "vaultSecret"),
        ({"connectionId": "x", "secret": "y"}, "Omit it here"),
        ({"connectionId": "x", "vaultSecret": "import-x"}, "Omit it here"),
    ],
)
def test_an_existing_server_app_is_named_in_one_way(existing, message):
    """A server app is either imported with its one secret or shared; an incomplete choice is refused."""
    found = conflicts(serverApp={"existing": existing})
    assert set(found) == {"/serverApp/existing"}
    assert message in found["/serverApp/existing"]


@pytest.mark.parametrize(
    "existing",
    [
        {"clientId": ID, "vaultSecret": "import-contoso"},
        {"clientId": ID, "secret": "y"},
        {"connectionId": "x"},
    ],
)
def test_an_existing_server_app_needs_nothing_more(existing):
    """An existing application brings its own name, URI and dates."""
    assert conflicts(serverApp={"existing": existing}, clientApp={"existing": {"clientId": OTHER}}) == {}
    no_value = {"existing": existing, "appIdUri": None, "secretEndDate": None, "secretValidity": None}
    assert conflicts(serverApp=no_value) == {}


@pytest.mark.parametrize("spelled", [ID, ID.upper()])
def test_one_application_is_not_both(spelled):
    """The server app and the client app are two applications, however their ids are written."""
    server = {"existing": {"clientId": ID, "secret": "y"}}
    found = conflicts(serverApp=server, clientApp={"existing": {"clientId": spelled}})
    assert set(found) == {"/clientApp/existing/clientId"}
    assert "two applications" in found["/clientApp/existing/clientId"]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"subscriptionId": None}, set()),
        ({"subscriptionId": None, "configMgrVersion": "2010"}, set()),
        ({"disableAuthentication": True}, set()),
        ({"disableAuthentication": True, "clientApp": None}, set()),
        ({"disableAuthentication": True, "userDiscovery": {"enabled": True}, "subscriptionId": None}, set()),
        ({"disableAuthentication": True, "subscriptionId": None}, {"/disableAuthentication"}),
        (
            {"disableAuthentication": True, "configMgrVersion": "2006", "deploymentModel": "CloudService"},
            {"/disableAuthentication"},
        ),
        ({"clientApp": None}, {"/clientApp"}),
        ({"clientApp": None, "subscriptionId": None}, {"/clientApp"}),
        (
            {"clientApp": None, "subscriptionId": None, "disableAuthentication": True},
            {"/clientApp", "/disableAuthentication"},
        ),
        (
            {"subscriptionId": None, "deploymentModel": "CloudService", "configMgrVersion": "2409"},
            {"/deploymentModel"},
        ),
    ],
)
def test_a_tenant_has_users_or_the_gateway_or_both(fields, pointers):
    """A tenant with users only needs no subscription; one with the gateway only needs no client app."""
    assert set(conflicts(**fields)) == pointers


@pytest.mark.parametrize(
    ("discovery", "pointers"),
    [
        ({"groupNames": ["Berlin"]}, {"/groupDiscovery/enabled"}),
        (
            {"enabled": True, "groupNames": ["Berlin", "Bonn", "BERLIN", "bonn"]},
            {"/groupDiscovery/groupNames/2", "/groupDiscovery/groupNames/3"},
        ),
        (
            {"enabled": True, "groupNames": ["Caf\u00e9", "Cafe\u0301"]},
            {"/groupDiscovery/groupNames/1"},
        ),
        ({"enabled": True, "groupNames": ["Berlin", "Bonn"]}, set()),
    ],
)
def test_groups_are_named_once_and_only_to_be_discovered(discovery, pointers):
    """Names of groups that would have no effect are refused."""
    assert set(conflicts(groupDiscovery=discovery)) == pointers


@pytest.mark.parametrize(
    ("fields", "imported", "pointers"),
    [
        ({}, False, set()),
        ({"secretValidity": None, "secretEndDate": None, "vaultSecret": None}, False, set()),
        ({"secretValidity": "P1Y"}, False, set()),
        ({"secretValidity": "P1Y", "secretEndDate": "2026-09-01T00:00:00Z"}, False, {"/secretEndDate"}),
        ({"secretEndDate": "2030-09-01T00:00:00Z"}, False, {"/secretEndDate"}),
        ({"vaultSecret": "import-x"}, False, {"/vaultSecret"}),
        ({"secret": "y"}, False, {"/secret"}),
        ({"secret": "y", "vaultSecret": "import-x"}, False, {"/secret", "/vaultSecret"}),
        ({}, True, {""}),
        ({"secret": "y", "vaultSecret": "import-x"}, True, {""}),
        ({"secret": "y"}, True, set()),
        ({"secret": "y", "secretValidity": None}, True, set()),
        ({"secret": "y", "secretValidity": "P1Y"}, True, {"/secretValidity"}),
        ({"secret": "y", "secretEndDate": "2026-09-01T00:00:00Z"}, True, {"/secretEndDate"}),
        (
            {"vaultSecret": "import-x", "secretValidity": "P1Y", "secretEndDate": "2026-09-01T00:00:00Z"},
            True,
            {"/secretValidity", "/secretEndDate"},
        ),
    ],
)
def test_a_renewal_does_not_contradict_its_connection(fields, imported, pointers):
    """The service makes a new secret or takes one: the fields of the other way are refused, all at once."""
    request = RenewalRequest.model_validate_json(json.dumps(fields), context={"now": NOW})
    found = list(request.faults(imported=imported, now=NOW))
    assert {pointer for pointer, _ in found} == pointers
    assert len(found) == len(pointers)


def test_an_existing_app_is_not_given_what_it_has():
    """Each property that a request would set on an existing application is refused."""
    found = conflicts(
        serverApp={
            "existing": {"clientId": ID, "secret": "y"},
            "name": "x",
            "homePageUrl": "https://x",
            "secretValidity": "P2Y",
        },
        clientApp={"existing": {"clientId": OTHER}, "name": "x"},
    )
    assert set(found) == {
        "/serverApp/name",
        "/serverApp/homePageUrl",
        "/serverApp/secretValidity",
        "/clientApp/name",
    }


@pytest.mark.parametrize("name", ["cmg-x", "import-", "import-a/b", "import-a b", "Import-x"])
def test_only_a_secret_that_was_put_there_to_be_imported_can_be_named(name):
    """A request cannot point to the secrets of other connections in the vault."""
    existing = {"clientId": ID, "vaultSecret": name}
    assert set(faults(serverApp={"existing": existing})) == {"serverApp.existing.vaultSecret"}


def test_a_secret_that_was_handed_over_is_not_shown():
    """No text that is made from a request contains its secret."""
    request = read(serverApp={"existing": {"clientId": ID, "secret": "hunter2"}})
    assert "hunter2" not in f"{request!r} {request.model_dump_json()} {request.model_dump()}"
