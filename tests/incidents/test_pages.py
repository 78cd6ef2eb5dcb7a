"""The page about incidents and the tests that play them are complete."""

from __future__ import annotations

from pathlib import Path

from tests.support import runbook


def test_each_incident_of_the_page_is_played():
    """Each incident on the page has a test."""
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert len(runbook.headings()) >= 11
    for heading in runbook.headings():
        assert any(f'"{heading}"' in text for text in texts), heading
