"""Stored documents of every version: the service must read them for as long as a deployment may have them.

``tests/samples/<kind>.v<version>.json`` is a document as that version wrote it; further samples of the
version have a word before ``.json``. Never change a sample. When a document changes so that the old form no
longer fits, add an upgrade to its codec and samples of the new version. A value that gets another name also
gets an entry in ``onboarding/former_values.py``.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from onboarding.connections.handover import ConfirmationWay, HandoverState
from onboarding.connections.records import CODEC as CONNECTIONS
from onboarding.former_values import FORMER
from onboarding.storage.codec import UnknownVersionError
from tests.support.codecs import CODECS, SAMPLES, newest, samples
from tests.support.stored_shapes import holes

NEVER_STORED: Final = {
    ("connection", ".request.serverApp.existing.secret"),  # the request is stored with the name in the vault
    ("connection", ".client_app.created_at"),  # only the age of the server app matters
}
"""Fields without a value in any document, by kind and path."""

RENAMED: Final = {item for values in FORMER.values() for item in values.items()}


def kept(old: Any, new: Any) -> bool:
    """Whether the new document has everything of an old one; fields may be added, and values renamed."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and kept(old[name], new[name]) for name in old)
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(kept, old, new))
    return bool(old == new or (isinstance(old, str) and (old, new) in RENAMED))


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.v*.json")), ids=lambda sample: sample.name)
def test_a_document_of_each_version_is_read(sample):
    """After an update the service reads what an earlier version stored."""
    text = sample.read_text()
    kind, version, *_ = sample.name.split(".")
    assert version == f"v{json.loads(text)['v']}"
    codec = CODECS[kind]
    record = codec.load(text)
    written = codec.document(record)
    assert codec.read(written) == record
    if written["v"] == json.loads(text)["v"]:
        assert kept(json.loads(text), written), "the format changed: it needs a new version and an upgrade"


@pytest.mark.parametrize("kind", CODECS)
def test_each_kind_has_a_sample_of_its_present_version(kind):
    """A new version of a document needs a sample."""
    codec, versions = CODECS[kind], samples(kind)
    assert set(versions) == set(range(1, max(versions) + 1))
    assert codec.document(codec.load(newest(kind)))["v"] == max(versions)


@pytest.mark.parametrize("kind", CODECS)
def test_each_field_has_a_value_in_a_sample_of_the_present_version(kind):
    """A field that no sample holds could get another name, and nobody would notice that old rows lose it."""
    versions = samples(kind)
    found = holes(CODECS[kind], [json.loads(text) for text in versions[max(versions)]])
    assert found == {path for of, path in NEVER_STORED if of == kind}, "add a sample that holds them"


def test_a_handover_that_an_earlier_version_stored_is_kept():
    """The site that somebody confirmed under the former name of the field remains connected."""
    old = json.loads((SAMPLES / "connection.v1.handed-over.json").read_text())["hand_over"]
    connection = CONNECTIONS.load((SAMPLES / "connection.v1.handed-over.json").read_text())
    assert connection.handover_state is HandoverState.CONFIRMED
    assert connection.handover is not None
    confirmation = connection.handover.confirmation
    assert confirmation is not None
    assert (confirmation.by, confirmation.way) == (old["confirmation"]["by"], ConfirmationWay.LINK)
    assert CONNECTIONS.document(connection)["handover"] == old


@pytest.mark.parametrize("kind", CODECS)
def test_the_release_before_reads_what_a_later_one_writes(kind):
    """Unknown later fields are ignored; a document in a later format is refused as a whole."""
    text = newest(kind)
    codec, document = CODECS[kind], json.loads(text)
    later = {**document, "build": "abc123", "addedLater": {"x": [1]}}
    for written in (json.dumps(later), json.dumps(later, separators=(",", ":"))):
        assert codec.load(written) == codec.load(text)
    with pytest.raises(UnknownVersionError):
        codec.load(json.dumps({**later, "v": document["v"] + 1}))
