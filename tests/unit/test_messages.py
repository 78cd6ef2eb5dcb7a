from __future__ import annotations

import pytest

from onboarding.notices.message_text import digest, single
from tests.support.notices import item

ALL = ("Contoso CMG", "Tenant 1", "Every service stops", "2. Enter it.", "/l?t=a_b", "renew_secret")


def test_each_form_says_everything():
    """Text, HTML and Markdown have the same facts, steps and links, in the same order."""
    message = single(item(), "id", "Nobody has acknowledged this for 3 days.")
    for form in (message.text, message.html, message.markdown):
        for part in (
            "Contoso CMG",
            "Tenant 1",
            "Every service stops",
            "2. Enter it.",
            "/l?t=a_b",
            "renew_secret",
        ):
            assert part in form
        assert form.index("Nobody has") < form.index("Every service stops")
    assert message.subject == "Contoso CMG: The client secret runs out."


def test_a_digest_is_by_tenant_and_date():
    """Each tenant appears once, with the earliest expiration first."""
    items = [
        item(9, name="late", tenant="1"),
        item(5, name="other", tenant="2"),
        item(3, name="soon", tenant="1"),
    ]
    message = digest(items, "id")
    assert message.subject == "3 notices about 3 connections"
    for form in (message.text, message.html, message.markdown):
        places = [form.index(part) for part in ("Tenant 1", "soon", "late", "Tenant 2", "other")]
        assert places == sorted(places)
        assert form.count("Tenant 1") == 1
        assert "Enter it" not in form
        assert form.count("/l?t=a_b") >= len(items)


@pytest.mark.parametrize("count", [1, 2])
def test_a_digest_counts(count):
    """A digest of one notice uses the singular."""
    notices = [item(days) for days in range(count)]
    expected = {1: "1 notice about 1 connection", 2: "2 notices about 1 connection"}
    assert digest(notices, "id").subject == expected[count]
