from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.cmg import directory_checks
from onboarding.cmg.permissions import DIRECTORY_READ_ALL

NOW = datetime(2027, 2, 28, 12, tzinfo=UTC)
URI = "https://cmg.contoso.com/service"


def password(key_id: str, end: datetime) -> dict[str, str]:
    """A client secret as Graph shows it."""
    return {"keyId": key_id, "endDateTime": end.strftime("%Y-%m-%dT%H:%M:%S.1234567Z")}


@pytest.mark.parametrize(
    ("key_id", "passed"),
    [("alive", True), ("ended", False), ("removed", False), (None, True)],
)
def test_the_recorded_secret_has_to_be_alive(key_id, passed):
    """Another secret does not replace the recorded one; without a recorded one, any secret passes."""
    ended, alive = password("ended", NOW - timedelta(days=1)), password("alive", NOW + timedelta(days=1))
    assert directory_checks.secret({"passwordCredentials": [ended, alive]}, key_id, NOW).passed is passed


def test_a_secret_that_ended_does_no_more():
    """An application with only expired secrets has no valid secret."""
    app = {"passwordCredentials": [password("ended", NOW)]}
    assert directory_checks.secret(app, None, NOW).passed is False
    assert directory_checks.secret({"passwordCredentials": None}, None, NOW).passed is False


def test_uris_are_compared_as_entra_does():
    """App ID URIs that differ only in case or in a trailing slash are the same."""
    app = {"identifierUris": ["api://x/y", URI.upper() + "/"]}
    assert directory_checks.uri(app, URI).passed is True
    assert directory_checks.uri({"identifierUris": None}, URI).passed is False


def test_domains_that_may_not_be_read_leave_a_doubt():
    """Without the list of verified domains, a URI that needs one neither passes nor fails."""
    app = {"identifierUris": [URI]}
    assert directory_checks.verified_domain(app, ("contoso.com",)).passed is True
    assert directory_checks.verified_domain(app, ("fabrikam.com",)).passed is False
    assert directory_checks.verified_domain(app, None).passed is None
    assert directory_checks.verified_domain({"identifierUris": ["api://x/y"]}, None).passed is True


def test_a_list_that_was_cut_off_proves_nothing():
    """A role or grant that is missing from an incomplete list may still exist."""
    others = [{"appRoleId": str(number)} for number in range(19)]
    found = {"appRoleAssignments": others}
    assert directory_checks.directory_role(found, readable=True).passed is False
    assert directory_checks.directory_role(None, readable=False).passed is None
    others.append({"appRoleId": "19"})
    assert directory_checks.directory_role(found, readable=True).passed is None
    others[0] = {"appRoleId": DIRECTORY_READ_ALL.id}
    assert directory_checks.directory_role(found, readable=True).passed is True
    assert directory_checks.scope("User.Read", {"openid"}, complete=True).passed is False
    assert directory_checks.scope("User.Read", {"openid"}, complete=False).passed is None
    assert directory_checks.scope("User.Read", {"User.Read"}, complete=False).passed is True
    assert directory_checks.scope("User.Read", None, complete=False).passed is None
