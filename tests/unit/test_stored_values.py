"""What is stored keeps its meaning if its name changes: values of enumerations, codes, and IDs of receivers.

``tests/samples/values.json`` has each value that a version could store, by enumeration. Values are added, and
never removed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

import onboarding
from onboarding.api.attention_cases import CaseCode
from onboarding.audit.audit_event import AuditEvent, hash_of
from onboarding.errors.base import ErrorType
from onboarding.former_values import FORMER, StoredEnum
from onboarding.notices import event_keys
from onboarding.storage.codec import Codec
from onboarding.workflow.plan import Plan, Step
from tests.support.codecs import CODECS, SAMPLES
from tests.support.stored_shapes import enumerations
from tests.unit.run_records import KINDS

FILE: Final = SAMPLES / "values.json"
STORED: Final[Mapping[str, list[str]]] = json.loads(FILE.read_text())
SAMPLED: Final = [*CODECS.values(), *(kind.codec for kind in KINDS.values())]


def members() -> Iterator[Any]:
    """What the modules of the product declare."""
    for module in pkgutil.walk_packages(onboarding.__path__, "onboarding."):
        for member in vars(importlib.import_module(module.name)).values():
            yield from member.values() if isinstance(member, dict) else (member,)


def codecs(member: Any) -> list[Codec[Any]]:
    """The codecs of a declaration."""
    if isinstance(member, Plan):
        return [member._request, *(codec for step in member.steps.values() for codec in codecs(step))]
    found = member.result if isinstance(member, Step) else member
    return [found] if isinstance(found, Codec) else []


def former(name: str) -> Any:
    """A sample with former values; among those of runs, the one with a former code."""
    found = json.loads((SAMPLES / f"{name}.json").read_text())
    if isinstance(found, dict):
        return found
    texts = [sample["columns"]["document"] for sample in found]
    return json.loads(next(text for text in texts if '"timed-out"' in text))


def now() -> dict[str, set[str]]:
    """The values that this version stores."""
    found: dict[str, set[str]] = {}
    for codec in SAMPLED:
        for name, values in enumerations(codec).items():
            assert found.setdefault(name, values) == values, f"two enumerations have the name {name}"
    errors = {kind.code for kind in members() if isinstance(kind, ErrorType)}
    return {**found, "CaseCode": set(CaseCode), "ErrorCode": errors}


NOW: Final = now()


def test_each_stored_record_has_samples():
    """A kind of records without samples could change, and nobody would notice that old rows are lost."""
    declared = {codec._record for member in members() for codec in codecs(member)}
    assert declared == {codec._record for codec in SAMPLED}


@pytest.mark.parametrize("name", sorted(NOW))
def test_each_value_is_in_the_file(name):
    """A new value is stored from now on: add it to ``tests/samples/values.json``."""
    assert sorted(NOW[name]) == sorted(set(STORED.get(name, ())) - set(FORMER.get(name, ())))


@pytest.mark.parametrize("name", sorted(STORED))
def test_each_value_that_was_stored_has_a_present_one(name):
    """A value that is no longer declared needs its present value in ``onboarding/former_values.py``."""
    former = FORMER.get(name, {})
    assert {former.get(value, value) for value in STORED[name]} <= NOW[name]
    assert set(former) <= set(STORED[name])


@pytest.mark.parametrize("enumeration", StoredEnum.__subclasses__(), ids=lambda found: found.__name__)
def test_former_values_of_an_enumeration_are_read(enumeration):
    """A row with a former value is read with the present one; other values are refused."""
    for value, later in FORMER[enumeration.__name__].items():
        assert enumeration(value) == later
    with pytest.raises(ValueError, match="unheard-of"):
        enumeration("unheard-of")


def test_texts_with_former_values_are_read():
    """Codes and kinds that are stored as text are read with their present values, too."""
    failed = KINDS["step"].codec.read(former("runs/step"))
    assert (failed.error.code, failed.actions[0].kind) == ("wait-timed-out", "ConfirmHandover")
    assert KINDS["index-entry"].codec.read(former("runs/index-entry")).cause == "wait-timed-out"
    subscriber = CODECS["subscriber"].read(former("subscriber.v1.former-kind"))
    assert subscriber.kinds == ("HandoverWaits", "SecretNearExpiry")
    assert CODECS["dismissed"].read(former("dismissed.v1.former-code")).code == CaseCode.HANDOVER_WAITS
    channel = CODECS["channel-state"].read(former("channel-state.v1.own-trouble"))
    assert (channel.fault, channel.error.code) == ("service-error", "channels-not-set-up")


def test_audit_events_keep_what_they_were_written_with():
    """Events are never changed, so their hashes remain: former kinds and codes are shown as they are."""
    line = json.dumps(former("audit-event.v1.former-kind"), separators=(",", ":"))
    event = AuditEvent.of_line(line)
    assert (event.kind, event.error) == ("handed-over", "timed-out")
    assert hash_of(event.line) == hash_of(line)


def test_receivers_recognize_notices_and_keys_from_before_a_kind_was_renamed():
    """IDs of notices and keys of events stay: nobody gets a notice twice, and tickets are closed."""
    notice = CODECS["notice"].read(former("notice.v1.former-kind"))
    assert notice.kind == "HandoverWaits"
    assert notice.id == "884573dd-a6c1-5009-991e-2c70e3d2d912"
    key = event_keys.of_handover("1e0d4b3c-6a5f-4e2d-9c8b-7a6f5e4d3c2b")
    assert key == "39798033-dd88-52b2-83b6-7c4cd46472d7"
