"""What a directory returns is read one value at a time, whatever it is."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.cloud import rbac, shapes
from onboarding.cloud.applications import created
from onboarding.cmg import identifiers, profiles
from onboarding.drift import directory_snapshot
from onboarding.drift.comparison import compare, unreadable
from onboarding.drift.directory_snapshot import DirectorySnapshot, Pair
from onboarding.drift.inspection import InspectedConnection, inspection
from onboarding.errors import OnboardingError
from onboarding.lifecycle import policies
from onboarding.lifecycle.provided_secrets import newest
from tests.support.connections import connection

NOW = datetime(2026, 11, 28, tzinfo=UTC)
GOOD: Mapping[str, Any] = MappingProxyType(
    {
        "id": "o",
        "appId": "s",
        "displayName": "Contoso",
        "uniqueName": None,
        "createdDateTime": "2026-01-01T00:00:00Z",
        "signInAudience": "AzureADMyOrg",
        "identifierUris": ["api://t/s"],
        "isFallbackPublicClient": None,
        "isDeviceOnlyAuthSupported": True,
        "web": {
            "redirectUris": ["http://localhost"],
            "implicitGrantSettings": {"enableIdTokenIssuance": True},
        },
        "publicClient": {"redirectUris": []},
        "api": {
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [
                {"id": "i", "value": "user_impersonation", "type": "User", "isEnabled": True}
            ],
        },
        "passwordCredentials": [
            {
                "keyId": "k",
                "hint": "abc",
                "displayName": "n",
                "startDateTime": "2026-01-01T00:00:00Z",
                "endDateTime": "2027-01-01T00:00:00.1234567Z",
            }
        ],
        "requiredResourceAccess": [{"resourceAppId": "g", "resourceAccess": [{"id": "r", "type": "Role"}]}],
    }
)
POLICY: Mapping[str, Any] = MappingProxyType(
    {
        "id": "p",
        "isEnabled": True,
        "applicationRestrictions": {
            "passwordCredentials": [
                {
                    "restrictionType": "passwordLifetime",
                    "state": "enabled",
                    "maxLifetime": "P180D",
                    "restrictForAppsCreatedAfterDateTime": "2025-01-01T00:00:00Z",
                    "excludeActors": {"customSecurityAttributes": []},
                }
            ],
            "identifierUris": {"nonDefaultUriAddition": {"state": "enabled"}},
        },
    }
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *("", "garbage", "P9999Y", "P99999999999Y", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        *(
            "2026-01-01",
            "2026-01-01T00:00:00",
            "api://[x/y",
            "https://[x/y",
            "api://\u2100/x",
            "\ud800",
            "x" * 5000,
        ),
        *(None, True, 0, -1, 10**400, 1.5, [], {}, [None], [[]], [{}], {"id": None}),
        *([{"keyId": "k"}] * 1600, ["x"] * 1600, {"web": {"web": {"web": {}}}}),
    ]
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a document."""
    found = [path] if path else []
    inner = (
        document.items()
        if isinstance(document, Mapping)
        else enumerate(document if isinstance(document, list) else ())
    )
    return found + [each for name, value in inner for each in places(value, (*path, name))]


def changed(document: Mapping[str, Any], changes: list[tuple[int, Any]]) -> Any:
    """A copy of a document with other values in some places."""
    copy = json.loads(json.dumps(dict(document)))
    known = places(copy)
    for number, value in changes:
        *path, last = known[number % len(known)]
        target = copy
        with contextlib.suppress(LookupError, TypeError):  # an earlier change has replaced it
            for name in path:
                target = target[name]
            if value == "missing" and isinstance(target, dict):
                del target[last]
            else:
                target[last] = json.loads(json.dumps(value))
    return copy


CHANGES = st.lists(st.tuples(st.integers(0, 1000), ODD | st.just("missing")), min_size=1, max_size=3)


@given(CHANGES, CHANGES, st.booleans())
def test_whatever_an_application_contains_its_inspection_has_a_result(server, client, domains):
    """Checks, the state of the secret and dates are computed, or the object is unreadable with a reason."""
    page = shapes.conform({"value": [changed(GOOD, server), {**changed(GOOD, client), "appId": "c"}]})
    apps = {str(each.get("appId")): each for each in shapes.entries(page)}
    principal = shapes.conform({"id": "p", "appId": "s", "accountEnabled": None, "appRoleAssignments": []})
    snapshot = DirectorySnapshot(
        applications=apps,
        principals={"s": principal},
        grants={"c": None},
        domains=("contoso.com",) if domains else None,
        tenant=None,
        deleted=None,
    )
    record = connection(NOW + timedelta(days=30))
    subject = InspectedConnection(
        pair=Pair(server="s", client="c"),
        profile=profiles.PROFILES[record.profile],
        user_discovery=True,
        reads_directory=True,
        key_id="k",
        app_id_uri="api://t/s",
    )
    found = inspection(subject, snapshot, NOW)
    if isinstance(found, OnboardingError):
        assert found.detail
        comparison = unreadable(record, found, NOW)
    else:
        comparison = compare(record, found, NOW)
        newest(list(found.passwords), "abc")
    assert comparison.ends_at - timedelta(days=400) < comparison.ends_at + timedelta(days=400)
    for each in apps.values():
        made = created(each)
        assert made is None or made + timedelta(days=800)
        json.dumps(each, default=str).encode()


@given(CHANGES, st.integers(1, 1000))
def test_whatever_a_policy_contains_there_are_findings_or_none(changes, days):
    """An unreadable policy is not checked; a readable one is compared, whatever its numbers."""
    policy = shapes.conform(changed(POLICY, changes))
    counting = policies.Policies(tenant=None if shapes.fault_of(policy) else policy, created_at=NOW)
    for finding in (
        *policies.of_secret(counting, NOW + timedelta(days=days), NOW),
        *policies.of_uri(counting, "api://t/s"),
    ):
        assert finding.detail


@given(
    st.recursive(ODD, lambda inner: st.dictionaries(st.sampled_from(sorted(GOOD)), inner) | st.lists(inner))
)
def test_whatever_a_response_is_it_can_be_read(document):
    """Reading raises nothing, can be repeated, and returns something that can be stored."""
    once = shapes.conform(document)
    if isinstance(once, Mapping):
        assert shapes.conform(once).keys() >= once.keys() - {"@onboarding.unreadable"}
    shapes.entries(once)
    directory_snapshot._domains(once)


@pytest.mark.parametrize("text", ["P9999Y", "P180D"])
def test_a_duration_of_any_length_is_compared(text):
    """The longest duration that a policy can have restricts nothing."""
    policy = shapes.conform(json.loads(json.dumps(dict(POLICY)).replace("P180D", text)))
    assert not shapes.fault_of(policy)
    counting = policies.Policies(tenant=policy, created_at=NOW)
    codes = [each.code for each in policies.of_secret(counting, NOW + timedelta(days=365), NOW)]
    assert codes == ([] if text == "P9999Y" else ["secret-lives-too-long"])


def test_the_object_with_the_odd_value_is_marked_and_no_other():
    """Only that entry of a page is unreadable; the reason names the location."""
    odd = changed(GOOD, []) | {
        "passwordCredentials": [{"keyId": "k", "startDateTime": None, "endDateTime": 7}]
    }
    page = shapes.conform({"value": [dict(GOOD), odd]})
    assert not shapes.fault_of(page)
    good, bad = shapes.entries(page)
    assert not shapes.fault_of(good)
    fault = shapes.fault_of(bad)
    assert fault
    assert (fault.code, str(fault)) == ("fault-null", "passwordCredentials[0].startDateTime is null")


def test_no_one_else_marks_an_object():
    """A member with this name in a response means nothing."""
    assert not shapes.fault_of(shapes.conform({"id": "x", "@onboarding.unreadable": "boo"}))


@pytest.mark.parametrize("uri", ["https://[x/y", "https://\u2100/x", "HTTPS://[::1"])
def test_a_uri_that_cannot_be_parsed_is_on_no_domain(uri):
    """The directory accepts more forms of URIs than Python's parser."""
    assert not identifiers.on_verified_domain(uri, ["contoso.com"])


@given(st.lists(st.sampled_from(["*", "a", "b", "/"]), max_size=12).map("".join), st.text("ab/", max_size=10))
def test_a_pattern_of_actions_fits_as_its_expression(pattern, action):
    """A role's action with asterisks matches like the regular expression, without its cost."""
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action) is not None
    assert rbac.allows([{"actions": [pattern]}], action) is expected


def test_a_role_of_asterisks_costs_nothing():
    """The author of a custom role cannot keep a worker busy."""
    assert not rbac.allows([{"actions": ["*a" * 10_000 + "b"]}], "a" * 200)
    for odd in (None, 7, "x", [None, 7], {"a": 1}):
        assert not rbac.allows([{"actions": odd}], "a")
