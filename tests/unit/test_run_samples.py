"""Every later version can read what an earlier one stored or sent: each kind has samples.

Each file in ``tests/samples/runs`` has the documents of one kind as versions of the app wrote them. The last
one is the record of ``run_records`` as this version writes it. Samples are added, and neither changed nor
removed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from onboarding.lifecycle import plans
from tests.support.stored_shapes import holes
from tests.unit.run_records import KINDS, RESULTS

FOLDER: Final = Path(__file__).parents[1] / "samples" / "runs"
NEVER_STORED: Final = ".serverApp.existing.secret"
"""The secret of a request: the request is stored with its name in the vault."""


def samples(name: str) -> list[Any]:
    """The documents of a kind, the newest last."""
    found: list[Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_every_sample_is_read(name):
    """A later version reads what any earlier version has stored or sent."""
    kind = KINDS[name]
    for sample in samples(name):
        assert isinstance(kind.read(sample), type(kind.record))


@pytest.mark.parametrize("name", KINDS)
def test_the_newest_sample_is_what_is_written_now(name):
    """A change of a format needs a new sample: append to the file what this version writes."""
    kind = KINDS[name]
    assert samples(name)[-1] == kind.write(kind.record)
    assert kind.read(samples(name)[-1]) == kind.record


@pytest.mark.parametrize("name", KINDS)
def test_each_field_has_a_value_in_a_sample_of_the_present_version(name):
    """A field that no sample holds could get another name, and nobody would notice that old rows lose it."""
    codec, found = KINDS[name].codec, []
    for sample in samples(name):
        text = sample if isinstance(sample, str) else sample["columns"]["document"]
        found.append(json.loads(text))
    present = [each for each in found if each["v"] == codec._version]
    missing = {path for path in holes(codec, present) if not path.endswith(NEVER_STORED)}
    assert not missing, "add a sample that holds them"


def test_each_result_has_a_sample():
    """Each result of a step has a sample."""
    onboard = plans.PLANS["onboard"].steps.values()
    wanted = {step.name for step in onboard if step.result and not step.name.startswith("provider-")}
    wanted |= {"provider-storage"}
    for plan in plans.OPERATIONS.values():
        wanted |= {f"{plan.name}/{step.name}" for step in plan.steps.values() if step.result}
    assert set(RESULTS) == wanted


def test_no_sample_is_left_over():
    """Each file of samples has a kind that reads it."""
    assert {file.stem for file in FOLDER.glob("*.json")} == set(KINDS)
