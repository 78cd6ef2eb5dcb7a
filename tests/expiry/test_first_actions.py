"""What a notice asks for can be done: its first action is accepted in the state that caused it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from onboarding.notices.notice import NoticeKind
from onboarding.storage import names
from tests.expiry.site import Site, before, data
from tests.support.connections import connection
from tests.support.customers import FABRIKAM
from tests.support.operations import ended, operate, step
from tests.support.portal import unique

WEEK = timedelta(days=7)
INSPECTION = "sweep_directory"

Record = dict[str, Any]


async def newest(site: Site, about: Record) -> tuple[str, Record]:
    """The type of the last event about a connection, and its data."""
    *_, event = await site.received(about)
    return str(event.get_type()).rpartition(".")[2], data(event)


async def carried_out(site: Site, action: Record, body: Any = None) -> Any:
    """The answer to an action that is a call of the API."""
    path = action["url"][action["url"].index("/api/") :]
    answer = await site.call(action["method"], path, caller="operator", json=body)
    assert answer.is_success, answer.text
    return answer


async def inspected(site: Site) -> None:
    """A week later, the directory is inspected and the findings are announced."""
    await site.advance(WEEK)
    await site.fire(INSPECTION)
    await site.settled()


async def by_hand(site: Site, method: str, path: str, body: Any = None) -> None:
    """Somebody changes the directory."""
    await site.look("graph", method, f"/v1.0{path}", body)


@pytest.fixture
async def begun(site):
    """The site after the inspections of today."""
    await site.clear(names.CONNECTIONS)
    await site.fire(INSPECTION)
    yield site
    await site.clear(names.CONNECTIONS)
    await site.clear(names.NOTICES)  # an announced fact is not announced again for days


async def test_a_secret_that_expires_is_renewed_and_then_entered(site):
    """The first action is to renew; once that is done, it is to run the renewal's script."""
    owner = await site.connection(days=20)
    sharing = await site.onboarded(serverApp={"existing": {"connectionId": owner["id"]}})
    await site.sweep()
    warned = [(await newest(site, about))[1]["actions"][0] for about in (sharing, owner)]
    for action in warned:  # the secret belongs to the owner, whoever gets the warning
        assert action["kind"] == "RenewSecret"
        answer = await carried_out(site, action, {})
        await step(site, f"/api/operations/{answer.json()['id']}", "confirmation", "Waiting")
    await site.at(before(owner, 14))
    await site.sweep()
    for about in (sharing, owner):
        events = [data(event) for event in await site.received(about)]
        (told,) = [each for each in events if each.get("daysBeforeEnd") == 14]
        assert [action["kind"] for action in told["actions"]] == ["GetScript", "ConfirmRenewal"]
        assert "param" in (await carried_out(site, told["actions"][0])).text.casefold()


async def test_a_deleted_application_is_restored(begun):
    """It is reported as deleted, again each week, and never as a secret that expired."""
    site, about = begun, await begun.connection()
    app = about["serverApp"]
    await by_hand(site, "DELETE", f"/applications/{app['objectId']}")
    await inspected(site)
    kind, told = await newest(site, about)
    assert (kind, told["daysSince"]) == ("ApplicationDeleted", 0)
    await site.sweep()
    assert len(await site.received(about)) == 1, "one fact is one notice"
    expiration = (await site.get(f"/api/connections/{about['id']}"))["expirations"]["secret"]
    assert expiration["cause"] == "application"
    await site.advance(WEEK)
    await site.sweep()
    kind, told = await newest(site, about)
    assert (kind, told["daysSince"]) == ("ApplicationDeleted", 7)
    assert "no longer exists in the directory" in told["message"]
    assert told["actions"][0]["kind"] == "RestoreApplication"
    operation = await operate(site, "POST", f"/api/connections/{about['id']}/renewals", json={})
    failed = await ended(site, operation)
    assert failed["error"]["code"] == "application-deleted"
    assert "restore the application" in failed["error"]["remedy"]
    for each in (app["objectId"], app["servicePrincipalId"]):
        await by_hand(site, "POST", f"/directory/deletedItems/{each}/restore")
    await inspected(site)
    shown = await site.get(f"/api/connections/{about['id']}")
    assert "application" not in {each["code"] for each in shown["directory"]["differences"]}
    assert "cause" not in shown["expirations"]["secret"]
    assert shown["expirations"]["secret"]["endsAt"] == about["secret"]["endsAt"]


async def test_a_purged_application_is_off_boarded(begun):
    """What cannot be restored is removed: the first action works although the application is gone.

    The service cannot distinguish it from an application that the directory does not show yet. So it looks
    for ten minutes, and names what it could not confirm.
    """
    site, about = begun, await begun.connection()
    app = about["serverApp"]
    await by_hand(site, "DELETE", f"/applications/{app['objectId']}")
    await by_hand(site, "DELETE", f"/directory/deletedItems/{app['objectId']}")
    await inspected(site)
    kind, told = await newest(site, about)
    assert kind == "ApplicationDeleted"
    assert [action["kind"] for action in told["actions"]] == ["OffBoard", "Onboard"]
    answer = await carried_out(site, told["actions"][0])
    waiting = await step(site, f"/api/operations/{answer.json()['id']}", "server-app", "Waiting")
    assert waiting["waitingFor"] == "the directory to show the deleted application"
    await site.advance(timedelta(minutes=11))
    removal = await ended(site, answer.json())
    assert removal["status"] == "Succeeded"
    (left,) = removal["leftBehind"]
    assert (left["kind"], left["id"]) == ("serverApp", app["objectId"])
    assert "does not show it among the deleted items" in left["reason"]


async def test_a_removed_secret_is_replaced(begun):
    """A secret that somebody removed did not expire; a renewal gives the site a new one."""
    site, about = begun, await begun.connection()
    key = {"keyId": about["secret"]["keyId"]}
    await by_hand(site, "POST", f"/applications/{about['serverApp']['objectId']}/removePassword", key)
    await inspected(site)
    await site.advance(WEEK)
    await site.sweep()
    kind, told = await newest(site, about)
    assert (kind, told["daysSince"]) == ("SecretRemoved", 7)
    answer = await carried_out(site, told["actions"][0], {})
    await step(site, f"/api/operations/{answer.json()['id']}", "confirmation", "Waiting")


async def test_one_fact_is_one_notice(begun, fleet):
    """A tenant that cannot be read affects many connections; it is announced once, with their number."""
    site, now = begun, datetime.now(UTC)
    made = [connection(now + timedelta(days=200), tenant=FABRIKAM) for _ in range(20)]
    for record in made:
        await fleet.add(record, now)
    await site.advance(WEEK)
    await site.fire(INSPECTION)
    await site.settled()
    inbox = (await site.control("GET", "/inbox/notices")).json()["value"]
    found = [each["body"] for each in inbox if FABRIKAM in each["body"]["source"]]
    assert [body["type"].rpartition(".")[2] for body in found] == ["DirectoryUnreadable"]
    assert found[0]["data"]["connections"] == 20
    first, setup = found[0]["data"]["actions"]
    assert (first["kind"], first["actor"]) == ("GrantConsent", "TenantAdministrator")
    assert f"/{FABRIKAM}/adminconsent?" in first["url"]
    assert (await carried_out(site, setup)).json()["adminConsentUrl"] == first["url"]
    assert set(found[0]["data"]["connectionIds"]) == {record.id for record in made}
    assert "This concerns 20 connections." in found[0]["data"]["message"]


async def test_an_application_that_is_too_old_is_replaced(site, fleet):
    """Its secret can no longer be renewed; the first action is another onboarding."""
    now = datetime.now(UTC)
    record = connection(now + timedelta(days=25), app_made_at=now - timedelta(days=801))
    await fleet.add(record, now)
    await site.sweep()
    found = await site.received({"id": record.id})
    first = [data(event)["actions"][0] for event in found]
    assert {action["kind"] for action in first} == {"Onboard"}
    answer = await carried_out(site, first[0], site.request(name=unique("Contoso again")))
    await site.finished(answer.json()["id"])


@pytest.mark.soak
async def test_the_first_action_of_each_other_cause_is_accepted(begun):
    """Whatever somebody did to a connection, the notice proposes a call that the service accepts."""
    site = begun
    added, replaced, blocked, consented, changed, keyed = [await site.connection() for _ in range(6)]
    for about in (added, replaced):
        path = f"/applications/{about['serverApp']['objectId']}"
        await by_hand(site, "POST", f"{path}/addPassword", {"passwordCredential": {"displayName": "by hand"}})
    key = {"keyId": replaced["secret"]["keyId"]}
    await by_hand(site, "POST", f"/applications/{replaced['serverApp']['objectId']}/removePassword", key)
    principal = f"/servicePrincipals/{blocked['serverApp']['servicePrincipalId']}"
    await by_hand(site, "PATCH", principal, {"accountEnabled": False})
    client = f"/servicePrincipals/{consented['clientApp']['servicePrincipalId']}"
    for grant in (await site.graph(f"{client}/oauth2PermissionGrants"))["value"]:
        await by_hand(site, "DELETE", f"/oauth2PermissionGrants/{grant['id']}")
    app = f"/applications/{changed['clientApp']['objectId']}"
    await by_hand(site, "PATCH", app, {"publicClient": {"redirectUris": []}})
    certificate = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": "TUlJ"}
    app = f"/applications/{keyed['serverApp']['objectId']}"
    await by_hand(site, "PATCH", app, {"keyCredentials": [certificate]})
    await inspected(site)
    for about, wanted in ((added, "SecretAdded"), (replaced, "SecretReplaced")):
        kind, told = await newest(site, about)
        assert (kind, told["actions"][0]["kind"]) == (wanted, "RenewSecret")
        answer = await carried_out(site, told["actions"][0], {})
        await step(site, f"/api/operations/{answer.json()['id']}", "confirmation", "Waiting")
    portals = ((blocked, "SignInBlocked"), (consented, "ConsentWithdrawn"), (changed, "ProfileDrift"))
    for about, wanted in (*portals, (keyed, "CredentialAdded")):
        kind, told = await newest(site, about)
        (first, *_) = told["actions"]
        assert (kind, "method" in first, first["url"].startswith("https://")) == (wanted, False, True)
        assert first["appId"] in {about[each]["clientId"] for each in ("serverApp", "clientApp")}

    await site.control("PUT", "/settings", {"subscription": {"state": "Disabled"}})
    try:
        await inspected(site)
        kind, told = await newest(site, changed)
        assert kind == "SubscriptionChanged"
        shown = (await carried_out(site, told["actions"][0])).json()
        assert "subscription-disabled" in {each["code"] for each in shown["directory"]["differences"]}
    finally:
        await site.control("PUT", "/settings", {"subscription": {}})


OTHERS: Final = {
    NoticeKind.RENEWAL_WAITS: "tests/operations/test_renewal_limits.py",
    NoticeKind.SECRET_REPLACED_BY_RENEWAL: "tests/operations/test_renewal_limits.py",
    NoticeKind.HANDOVER_WAITS: "test_signed_pages.py",
    NoticeKind.PROVIDERS_PENDING: "tests/operations/test_providers.py",
    NoticeKind.CHANNEL_FAILING: "test_channels_people.py",
    NoticeKind.CHANNEL_ENDED: "test_subscribers.py",
    NoticeKind.ONBOARDING_WAITS: "test_changes.py",
    NoticeKind.ONBOARDING_FAILED: "test_changes.py",
    NoticeKind.OPERATION_WAITS: "tests/operations/test_renewal_limits.py",
    NoticeKind.OPERATION_FAILED: "tests/operations/test_removal.py",
}
"""Notices whose first action is carried out elsewhere."""

GOOD: Final = {
    NoticeKind.HANDOVER_CONFIRMED,
    NoticeKind.CHANNEL_TEST,
    NoticeKind.CHANNEL_WORKS,
    NoticeKind.CHANNEL_REMOVED,
    NoticeKind.MATTER_CLOSED,
    NoticeKind.EXPIRATION_ACKNOWLEDGED,
    NoticeKind.EXPIRATION_SNOOZED,
    NoticeKind.DIFFERENCE_RESOLVED,
    NoticeKind.CONNECTION_REMOVED,
    NoticeKind.ONBOARDING_SUCCEEDED,
    NoticeKind.ONBOARDING_CANCELLED,
    NoticeKind.ONBOARDING_ROLLED_BACK,
    NoticeKind.OPERATION_CANCELLED,
}
"""Notices after which there is nothing to do."""

READ: Final = {NoticeKind.SECRET_END_CHANGED}
"""Notices that report no fault: the action is to read the connection."""


def test_each_kind_of_notice_has_a_test_of_its_first_action():
    """A new kind of notice comes with a test of what it asks for."""
    text = Path(__file__).read_text(encoding="utf-8")
    known = {*OTHERS, *GOOD, *READ}
    assert {kind for kind in NoticeKind if kind not in known and f'"{kind}"' not in text} == {
        NoticeKind.SECRET_NEAR_EXPIRY,
        NoticeKind.SECRET_EXPIRED,
        NoticeKind.APPLICATION_NEAR_AGE_LIMIT,
        NoticeKind.APPLICATION_TOO_OLD,
    }, "warnings by date: the first and the last test above"
