from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from onboarding.drift.comparison import compare
from onboarding.drift.directory_snapshot import DirectorySnapshot
from onboarding.drift.inspection import InspectedConnection, Inspection, inspection
from tests.support.connections import connection

NOW = datetime(2027, 3, 1, tzinfo=UTC)
END = NOW + timedelta(days=100)
CERTIFICATE = {"keyId": "c", "endDateTime": END.isoformat()}


@pytest.mark.parametrize(
    ("of_app", "of_principal", "codes"),
    [
        ([], [], set()),
        ([], None, {"kept"}),  # the principal may still have it
        ([CERTIFICATE], None, {"c"}),
        ([], [CERTIFICATE], {"c"}),
        ([CERTIFICATE], [{**CERTIFICATE, "keyId": "d"}], {"c", "d"}),
        ([{**CERTIFICATE, "endDateTime": NOW.isoformat()}], [], set()),
    ],
)
def test_a_credential_stays_reported_until_the_service_sees_that_it_is_gone(of_app, of_principal, codes):
    """What the service cannot read is reported neither as added nor as resolved."""
    known = connection(END)
    server, client = (app.app_id for app in known.apps)

    def found(of_app: list[dict[str, str]], of_principal: list[dict[str, str]] | None) -> Inspection:
        principal = {"id": "p", "keyCredentials": of_principal}
        snapshot = DirectorySnapshot(
            applications={server: {"appId": server, "keyCredentials": of_app}},
            principals=None if of_principal is None else {server: principal},
            grants={client: None},
            domains=None,
            tenant=None,
            deleted={},
        )
        result = inspection(InspectedConnection.of(known), snapshot, NOW)
        assert isinstance(result, Inspection)
        return result

    before = compare(known, found([{**CERTIFICATE, "keyId": "kept"}], []), NOW)
    known = known.evolve(differences=before.differences)
    after = compare(known, found(of_app, of_principal), NOW).differences.get("serverApp/own-credentials")
    assert (set(after.subjects) if after else set()) == codes
