from __future__ import annotations

import pytest

from onboarding.connections.records import key_of
from onboarding.words.word import Word
from tests.unit.wizard import faults, read


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
def test_any_visible_name_is_accepted(name):
    """A name can have quotes, dollar signs and any script, and is kept unchanged."""
    assert read(name=name, serverApp={"name": name}).server_app.name == Word(name)


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
    """A name that looks like another one or breaks a line is refused."""
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
    """Names in Persian and in Indic scripts contain zero-width joiners, which are kept."""
    request = read(name=name, labels={name: name}, groupDiscovery={"groupNames": [name]})
    assert (request.name, request.labels) == (Word(name), {name: Word(name)})


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
def test_an_invisible_joiner_is_refused(name, joiner):
    """Elsewhere a joiner is invisible: the name would look like another one."""
    found = faults(name=name.format(joiner), clientApp={"name": name.format(joiner)})
    assert set(found) == {"name", "clientApp.name"}
    assert "invisible character U+200" in found["name"]


def test_joiners_do_not_make_another_name():
    """Two names that differ only in joiners, which can be invisible, are the same."""
    plain, joined = "\u062f\u0627\u062f\u0647\u0627", "\u062f\u0627\u062f\u200c\u0647\u0627"
    assert key_of(read(name=joined).name) == key_of(read(name=plain).name)


def test_the_place_of_an_invisible_character_is_reported():
    """The error shows the position of an invisible character."""
    assert "U+202E (at position 1, counted from 0)" in faults(name="a\u202eb")["name"]


@pytest.mark.parametrize("name", ["a\nb", "a\u202eb", " a"])
def test_labels_and_groups_cannot_deceive(name):
    """Labels, owners and groups follow the rules for names: nothing invisible, no line breaks."""
    found = faults(
        labels={name: "x", "y": name},
        owners=[{"name": name, "email": "kim@contoso.com"}],
        groupDiscovery={"groupNames": [name]},
    )
    assert set(found) == {f"labels.{name}.[key]", "labels.y", "owners.0.name", "groupDiscovery.groupNames.0"}


@pytest.mark.parametrize(
    "email",
    [
        "kim",
        "kim@",
        "@contoso.com",
        "kim@contoso",
        "k im@contoso.com",
        "kim@contoso.com\n",
        "a@b,c.d",
        "a@b@contoso.com",
        '"a b"@contoso.com',
        "kim(x)@contoso.com",
        "kim:x@contoso.com",
        "kim.@contoso.com",
        "Kim <kim@contoso.com>",
        "k\u00fcm@contoso.com",
        "kim@contoso.com.",
        "kim@b\u00fccher.example",
    ],
)
def test_an_owner_has_a_valid_address(email):
    """An owner must have an email address that can receive mail."""
    assert set(faults(owners=[{"email": email}])) == {"owners.0.email"}


@pytest.mark.parametrize(
    "url", ["javascript:x", "https://", "https://a b", "https://x'", "https://" + "x" * 260, "https://a\x01b"]
)
def test_a_home_page_must_be_a_url(url):
    """The home page is a link in the portal; it cannot run or hide anything."""
    assert set(faults(serverApp={"homePageUrl": url})) == {"serverApp.homePageUrl"}
