from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from onboarding.connections.cadence import APPLICATION, SECRET, Acknowledgement, ExpiryWarning, Snooze
from onboarding.connections.records import Connection, Difference, Loss
from onboarding.connections.warning_schedule import ScheduledWarning
from onboarding.errors import ActionKind, Actor
from onboarding.notices import actions
from onboarding.notices.channels.webhook import event
from onboarding.notices.notice import Notice, NoticeKind
from onboarding.notices.warning_texts import refreshed, warning
from tests.support.connections import connection, secret

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def day(number: int) -> datetime:
    """The moment in this many days."""
    return NOW + timedelta(days=number)


def made(*, secret: int, limit: int | None, version: str | None = None) -> Connection:
    """A connection whose secret expires, and whose application becomes too old, in this many days."""
    app_made_at = day(limit - 800) if limit is not None else None
    return connection(day(secret), name="Contoso CMG", app_made_at=app_made_at, version=version)


def notice_of(found: Connection, kind: str, days: int = 30, now: datetime = NOW) -> Notice:
    """The warning of an expiration now."""
    scheduled = ScheduledWarning(
        connection=found.id,
        tenant=found.tenant,
        kind=kind,
        ends_at=found.expirations[kind],
        warning=ExpiryWarning(days=days, due_at=NOW),
    )
    return warning(scheduled, found, now)


def date(number: int) -> str:
    return f"{day(number):%Y-%m-%d}"


def test_a_secret_of_a_young_application_is_renewed():
    """While the application is young enough, a warning is only about the secret and its renewal."""
    notice = notice_of(made(secret=30, limit=None), SECRET)
    assert notice.kind is NoticeKind.SECRET_NEAR_EXPIRY
    assert notice.message == f"The client secret of 'CMG-ServerApp' expires on {date(30)} (in 30 days)."
    assert notice.remedy.startswith(f"Renew the secret before {date(30)}.\n1. ")
    steps = notice.remedy.split("\n")[1:]
    assert f"Request a new secret for the connection {notice.connection}." in steps[0]
    assert "'Renew Secret Key'" in steps[1]
    assert "confirm the renewal." in steps[2]
    assert "/api/" not in notice.remedy, "a person reads it; programs have the actions"
    assert connection(NOW).server_app.app_id in notice.remedy
    assert "cannot be renewed" not in notice.remedy
    assert "all services of this connection stop" in notice.impact


@pytest.mark.parametrize(
    ("kind", "secret", "limit", "message", "headings"),
    [
        # The secret expires first: the text mentions the age as the later event.
        (SECRET, 30, 100, "expires on {secret} (in 30 days).", ["Renew", "From"]),
        # The age comes first: the secret must be renewed before that, while it is possible.
        (SECRET, 30, 10, "expires on {secret} (in 30 days). Renew it before {limit}:", ["Renew", "From"]),
        (
            SECRET,
            30,
            -5,
            "can no longer be renewed: the application became too old on {limit}",
            ["Replace"],
        ),
        (SECRET, -5, 100, "expired on {secret} (5 days ago).", ["Renew", "From"]),
        (SECRET, -5, -3, "expired on {secret} (5 days ago). It can no longer be renewed", ["Replace"]),
        (APPLICATION, 300, 30, "From that date, Configuration Manager refuses", ["Renew", "From"]),
        (APPLICATION, 20, 30, "The secret expires before that on {secret}.", ["Renew", "From"]),
        (APPLICATION, 300, -1, "became 800 days old on {limit} (1 day ago)", ["Replace"]),
        (APPLICATION, -5, 30, "The secret expired on {secret}.", ["Renew", "From"]),
    ],
)
def test_a_warning_names_the_earlier_expiration_and_possible_steps(kind, secret, limit, message, headings):
    """Each warning contains the earlier date to act by, and only steps that still work."""
    notice, renew_by = notice_of(made(secret=secret, limit=limit), kind), min(secret, limit)
    assert message.format(secret=date(secret), limit=date(limit)) in notice.message
    assert notice.details["renewBy"] == day(renew_by).isoformat()
    assert notice.details["expirations"] == {
        SECRET: day(secret).isoformat(),
        APPLICATION: day(limit).isoformat(),
    }
    lines = notice.remedy.split("\n")
    assert [line.partition(" ")[0] for line in lines if not line[0].isdigit()] == headings
    last = secret if headings == ["Replace"] else renew_by
    assert lines[0].endswith(f" before {date(last)}." if last > 0 else " now.")
    steps = [int(found[1]) for line in lines if (found := re.match(r"(\d)\. \w.+\.$", line))]
    assert steps == [1, 2, 3] * len(headings)


def test_the_secret_of_an_imported_application_is_made_by_hand():
    """The service changes no imported application: the first step is in Entra ID."""
    notice = notice_of(connection(day(30), imported=True), SECRET)
    assert "1. In the Microsoft Entra admin center, open App registrations" in notice.remedy


@pytest.mark.parametrize(
    ("key", "restorable", "kind", "first"),
    [
        ("serverApp/application", True, NoticeKind.APPLICATION_DELETED, ActionKind.RESTORE_APPLICATION),
        ("serverApp/application", False, NoticeKind.APPLICATION_DELETED, ActionKind.OFF_BOARD),
        ("serverApp/secret-removed", True, NoticeKind.SECRET_REMOVED, ActionKind.RENEW_SECRET),
    ],
)
def test_a_secret_that_was_lost_is_warned_of_with_its_cause(key, restorable, kind, first):
    """A deleted application is not an expired secret: the warning has the right cause, date and action."""
    app, _, code = key.partition("/")
    lost = Difference(
        code=code, app=app, since=NOW, detail="It is gone.", impact="i", remedy="r", restorable=restorable
    )
    found = replace(made(secret=300, limit=400), differences={key: lost}, lost=Loss(difference=key, at=NOW))
    notice = notice_of(found, SECRET, -7, now=day(7))
    assert notice.kind is kind
    assert (
        notice.message == f"It is gone. The service found this on {date(0)}. It has not been corrected yet."
    )
    assert (notice.impact, notice.remedy) == ("i", "r")
    assert notice.actions[0].kind is first
    assert notice.details == {
        "difference": code,
        "app": app,
        "daysSince": 7,
        "connections": 1,
        "connectionIds": [found.id],
    }
    assert (APPLICATION in found.expirations) is (code != "application")


def test_a_pending_secret_is_not_created_again():
    """While a renewal waits for the site, the steps continue that renewal, with its own URLs."""
    found = connection(day(30), pending=secret(day(400)), renewal="the-renewal")
    notice = notice_of(found, SECRET)
    assert notice.message.endswith("A new secret is ready and must be entered at the site.")
    assert "1. A new secret is already in Key Vault" in notice.remedy
    assert "Use the script of the renewal the-renewal." in notice.remedy
    assert "confirm the renewal the-renewal." in notice.remedy
    assert [action.path for action in notice.actions] == [
        "/api/operations/the-renewal/handover",
        f"/api/connections/{found.id}/renewals/the-renewal/confirm",
    ]


@pytest.mark.parametrize(
    ("expiration", "left", "kind"),
    [
        (SECRET, 1, NoticeKind.SECRET_NEAR_EXPIRY),
        (SECRET, 0, NoticeKind.SECRET_EXPIRED),
        (SECRET, -7, NoticeKind.SECRET_EXPIRED),
        (APPLICATION, 1, NoticeKind.APPLICATION_NEAR_AGE_LIMIT),
        (APPLICATION, 0, NoticeKind.APPLICATION_TOO_OLD),
        (APPLICATION, -7, NoticeKind.APPLICATION_TOO_OLD),
    ],
)
def test_a_warning_has_the_type_of_the_moment_when_it_is_sent(expiration, left, kind):
    """A 30-day warning that is sent after the end has the type of an expired secret."""
    announced = notice_of(made(secret=30, limit=30), expiration)
    late = day(30 - left)
    sent = refreshed(announced, made(secret=30, limit=30), late)
    assert sent.kind is kind
    assert sent.id == announced.id
    assert (sent.details["daysBeforeEnd"], sent.details["daysLeft"]) == (30, left)
    assert sent.message == notice_of(made(secret=30, limit=30), expiration, now=late).message


@pytest.mark.parametrize(
    ("hours", "words"),
    [(25, "(in 2 days)"), (24, "(in 1 day)"), (1, "(in 1 day)"), (0, "(today)"), (-24, "(1 day ago)")],
)
def test_a_warning_names_the_days_that_are_left(hours, words):
    """The last day counts as one; from the first moment after the date, the text says today."""
    found = connection(NOW + timedelta(hours=hours))
    assert words in notice_of(found, SECRET).message


def test_an_older_site_has_one_expiration_only():
    """Before version 2409, no application was too old."""
    assert list(made(secret=30, limit=40, version="2403").expirations) == [SECRET]
    assert list(made(secret=30, limit=40, version="2409").expirations) == [SECRET, APPLICATION]


def test_a_response_applies_to_one_date_only():
    """After a renewal the new expiration is neither acknowledged nor snoozed."""
    found = made(secret=30, limit=40)
    acknowledgement = Acknowledgement(ends_at=day(30), by="somebody", at=NOW)
    snooze = Snooze(ends_at=day(40), until=day(5), by="somebody", at=NOW)
    found = replace(found, acknowledged={SECRET: acknowledgement}, snoozed={APPLICATION: snooze})
    assert found.acknowledgement(SECRET) == acknowledgement
    assert found.acknowledgement(APPLICATION) is None
    assert found.snooze(APPLICATION) == snooze
    renewed = replace(found, secret=secret(day(400)))
    assert renewed.acknowledgement(SECRET) is None
    assert renewed.snooze(APPLICATION) == snooze


def test_a_connection_is_read_as_it_was_written():
    """Responses and dates are the same after storage."""
    found = replace(
        made(secret=30, limit=40),
        acknowledged={SECRET: Acknowledgement(ends_at=day(30), by="somebody", at=NOW)},
        snoozed={APPLICATION: Snooze(ends_at=day(40), until=day(5), by="somebody", at=NOW)},
    )
    assert Connection.from_row(found.to_row()) == found


def test_an_event_names_an_operator_where_only_operators_may_act():
    """With OPERATORS_ONLY=renew, no event asks the requester for a renewal; other actions stay the same."""
    found = made(secret=30, limit=None)
    notice = notice_of(found, SECRET)
    for reserved, actor in ((), "Requester"), (("confirm", "remove"), "Requester"), (("renew",), "Operator"):
        data = event(notice.assigned(reserved), found).get_data()
        assert isinstance(data, dict)
        assert data["actor"] == data["actions"][0]["actor"] == actor
    assert notice.assigned(["renew"]).id == notice.id
    site = replace(notice, actions=(actions.get_handover(found), actions.confirm_handover(found)))
    actors = [each.actor for each in site.assigned(["confirm"]).actions]
    assert actors == [Actor.SITE_ADMINISTRATOR, Actor.OPERATOR]


def test_an_owner_is_told_whom_to_ask_for_what_only_operators_do():
    """With OPERATORS_ONLY=renew, the mail to an owner starts with whom to ask; otherwise it is as usual."""
    found = made(secret=30, limit=None)
    notice = notice_of(found, SECRET)
    assert notice.for_owner(["confirm", "remove"]) == notice
    asking, _, steps = notice.for_owner(["renew"]).remedy.partition("\n")
    assert asking == ("Ask an operator of the service, who alone can do this: 'Create a new client secret'.")
    assert steps == notice.remedy
    pending = replace(found, pending=found.secret, renewal="r")
    assert (
        "'Confirm that the site has the new secret'"
        in notice_of(pending, SECRET).for_owner(["confirm"]).remedy
    )
