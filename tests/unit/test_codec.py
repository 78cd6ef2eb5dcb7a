from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import pytest

from onboarding import version
from onboarding.storage.codec import Codec, UnknownVersionError, UnreadableError


class Colour(StrEnum):
    """A field with few values."""

    RED = "Red"
    BLUE = "Blue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    """A record inside another one."""

    at: datetime
    colour: Colour | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    """What is stored."""

    name: str
    inner: Inner
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    names: tuple[str, ...] = ()


CODEC = Codec(Outer)
INNER = Inner(at=datetime(2028, 2, 29, 12, tzinfo=UTC), colour=Colour.BLUE)
RECORD = Outer(name="Süd ☂", inner=INNER, by_name={"a": INNER}, names=("x", "y"))


def test_a_record_comes_back_as_it_was():
    """Dates, enumerations, tuples and nested records survive storage."""
    assert CODEC.load(CODEC.dump(RECORD)) == RECORD
    assert CODEC.read(CODEC.document(RECORD)) == RECORD


def test_a_text_that_is_not_utf_8_is_refused():
    """Bytes that no version has written are damage."""
    with pytest.raises(UnreadableError, match="not JSON"):
        CODEC.load(CODEC.dump(RECORD).encode("latin-1", errors="replace"))


def test_every_document_carries_its_version():
    """A later release can see which format a document has."""
    assert json.loads(CODEC.dump(RECORD))["v"] == 1


def test_a_new_field_has_its_default_in_old_documents():
    """A field with a default can be added without a new version."""
    document = CODEC.document(RECORD)
    del document["names"], document["by_name"]
    assert CODEC.read(document) == Outer(name="Süd ☂", inner=INNER)


def test_an_old_document_is_upgraded_step_by_step():
    """A document of an older version is upgraded to the current one."""
    upgrades = {
        1: lambda old: {**old, "title": old["name"]},
        2: lambda old: {**old, "name": f"{old['title']}!"},
    }
    codec = Codec(Outer, upgrades=upgrades)
    assert codec.read(CODEC.document(RECORD)).name == "Süd ☂!"
    assert codec.document(RECORD)["v"] == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not a JSON object"),
        ('{"name": "x"}', "version is null"),
        ('{"v": 2}', "version 2; this release reads up to version 1"),
        ('{"v": "1"}', 'version is "1"'),
        ('{"v": 1, "name": 7, "inner": {"at": "yesterday"}}', "not a Outer: name, inner.at"),
    ],
)
def test_a_damaged_document_is_refused_with_its_reason(text, reason):
    """The error contains the location, and never the content."""
    with pytest.raises(UnreadableError, match=reason):
        CODEC.load(text)


@pytest.fixture
def packaged(monkeypatch):
    """A process whose code was packaged."""
    monkeypatch.setenv(version.LOCAL, '{"commit":"abc123x","builtAt":"2026-11-28T13:00:00+01:00"}')
    version.current.cache_clear()
    yield
    version.current.cache_clear()


@pytest.mark.usefixtures("packaged")
def test_each_document_names_the_code_that_wrote_it():
    """Rows and messages show the version that wrote them; each version reads what the other one writes."""
    written = Codec(Outer).dump(RECORD)
    assert json.loads(written)["build"] == "abc123x"
    assert Codec(Outer).document(RECORD)["build"] == "abc123x"
    assert Codec(Outer).load(written) == Codec(Outer).load(CODEC.dump(RECORD)) == RECORD
    assert Codec(dict).load(Codec(dict).dump({})) == {}
    assert version.current().built_at == datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["{", "[]", '{"commit":"a b","builtAt":"2026-11-28"}', '{"commit":"a"}'])
def test_a_damaged_version_file_is_an_unknown_version(text):
    """A damaged file stops nothing."""
    assert version.read(text) == version.Version()


def test_a_later_format_is_refused():
    """The service does not guess at a document with a later format."""
    with pytest.raises(UnknownVersionError, match="version 2; this release reads up to version 1"):
        CODEC.read({**CODEC.document(RECORD), "v": 2})
