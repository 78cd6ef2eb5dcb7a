from __future__ import annotations

import json
from dataclasses import replace

import pytest

from onboarding.notices.message_items import Item
from onboarding.notices.message_text import LARGEST_CHAT, digest, single
from onboarding.words.word import Word
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
    (message,) = digest(items, "id")
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
    assert [each.subject for each in digest(notices, "id")] == [expected[count]]


def finding(number: int, tenant: str = "1", code: str = "web-redirect") -> Item:
    """A difference of a connection that equals those of others."""
    made = item(number, name=f"C {number:03}", tenant=tenant)
    details = {"difference": code}
    notice = replace(made.notice, key=(str(number),), expiration="", ends_at=None, details=details)
    return replace(made, notice=notice, links=())


def test_equal_findings_of_a_digest_are_together():
    """A change that affects 72 connections is one entry, which names some of them."""
    (message,) = digest([finding(number) for number in range(72)], "id")
    assert message.subject == "72 notices about 72 connections"
    for form in (message.text, message.html, message.markdown):
        assert "72 connections" in form
        assert "and 67 more" in form
        assert form.count("The client secret runs out.") == 1


def test_no_tenant_uses_up_a_digest():
    """Of one tenant, some findings are shown, then their number and where they are; of others, all are."""
    noisy = [finding(number, code=f"code-{number}") for number in range(500)]
    (message,) = digest([*noisy, finding(1, tenant="2")], "id")
    for form in (message.text, message.html, message.markdown):
        assert "490 more notices about this tenant are not shown" in form
        assert "Tenant 2" in form


def test_a_tenant_with_many_names_has_one_share():
    """A tenant that is renamed every day has one section, although its connections have different names."""
    noisy = [
        replace(each, connection=replace(each.connection, tenant_name=Word(f"Renamed {number:03}")))
        for number in range(120)
        for each in [finding(number, code=f"code-{number}")]
    ]
    (message,) = digest([*noisy, *(finding(number, tenant="2") for number in range(3))], "id")
    for form in (message.text, message.html, message.markdown):
        assert form.count("Renamed") == 1
        assert "110 more notices about this tenant are not shown" in form
        assert form.count("(2)") == 1


@pytest.mark.parametrize("letter", ["\U0001f98a", '"'])
def test_the_longest_names_fit_into_a_message(letter):
    """Equal findings with the longest names of connections, tenants and applications are below the limit."""
    longest = Word(letter * 256)
    items = []
    for number in range(120):
        made = finding(number)
        app = replace(made.connection.server_app, name=longest)
        about = replace(made.connection, name=longest, tenant_name=longest, server_app=app)
        text = f"'{letter * 256}' differs from its profile. Expected: {'x' * 256}."
        items.append(replace(made, connection=about, notice=replace(made.notice, message=text)))
    for message in digest(items, "id", LARGEST_CHAT):
        for form in (message.text, message.html, message.markdown, message.chat):
            assert len(json.dumps(form)) <= LARGEST_CHAT
    assert "and 119 more" in message.text


@pytest.mark.parametrize("largest", [LARGEST_CHAT, 60_000])
def test_a_digest_has_parts_that_a_channel_accepts(largest):
    """However many tenants there are, each part is below the limit, and together they show each tenant."""
    items = [item(number, tenant=str(tenant), name="x" * 200) for tenant in range(20) for number in range(8)]
    messages = digest(items, "id", largest)
    assert len(messages) > 1
    for message in messages:
        for form in (message.text, message.html, message.markdown, message.chat):
            assert len(json.dumps(form)) <= largest
    assert len({message.id for message in messages}) == len(messages)
    assert messages[0].subject.endswith(f"(part 1 of {len(messages)})")
    shown = "".join(message.text for message in messages)
    assert all(f"Tenant {tenant} " in shown for tenant in range(20))
