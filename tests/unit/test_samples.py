"""Stored documents of every version: the service must read them for as long as a deployment may have them.

``tests/samples/<kind>.v<version>.json`` is a document as that version wrote it. Never change a sample. When a
document changes so that the old form no longer fits, add an upgrade to its codec and a sample of the new
version.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from onboarding.storage.codec import UnknownVersionError
from tests.support.codecs import CODECS, SAMPLES, newest


def kept(old: Any, new: Any) -> bool:
    """Whether the new document has everything of an old one; fields may be added."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and kept(old[name], new[name]) for name in old)
    return bool(old == new)


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.name)
def test_a_document_of_each_version_is_read(sample):
    """After an update the service reads what an earlier version stored."""
    text = sample.read_text()
    codec = CODECS[sample.name.partition(".")[0]]
    record = codec.load(text)
    written = codec.document(record)
    assert codec.read(written) == record
    if written["v"] == json.loads(text)["v"]:
        assert kept(json.loads(text), written), "the format changed: it needs a new version and an upgrade"


@pytest.mark.parametrize("kind", CODECS)
def test_each_kind_has_a_sample_of_its_present_version(kind):
    """A new version of a document needs a sample."""
    versions = {json.loads(sample.read_text())["v"] for sample in SAMPLES.glob(f"{kind}.v*.json")}
    assert versions == set(range(1, max(versions) + 1))
    newest = (SAMPLES / f"{kind}.v{max(versions)}.json").read_text()
    codec = CODECS[kind]
    assert codec.document(codec.load(newest))["v"] == max(versions)


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
