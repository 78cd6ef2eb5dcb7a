from __future__ import annotations

import pytest

from tests.expiry.year import simulated


@pytest.mark.soak
async def test_each_warning_of_a_year_arrives_once(tmp_path):
    """Through renewals, manual changes, crashes and an outage, exactly the due warnings arrive."""
    report = await simulated(tmp_path, 16, pauses=(35, 41, 50), calm=1, seed=14)
    assert report.faults == []
    assert len(report.due) > 20
    assert len(report.events) == 4
    assert set(report.people) == {"renewed", "changed by hand", "acknowledged"}
    assert {warned.kind for warned in report.due} == {"secret", "application"}
    assert min(warned.days for warned in report.due) < 0
