from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onboarding.workflow.messages import InvalidMessageError, StepMessage

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["run", "step", "attempt", "key", "traceparent", "other"])


def test_a_message_is_read_as_it_was_sent():
    """A message survives the queue, and two messages never look the same."""
    message = StepMessage(run="r", step="s", attempt=3, traceparent="00-x")
    assert StepMessage.from_bytes(json.dumps(message.as_json()).encode()) == message
    assert StepMessage(run="r").key != StepMessage(run="r").key


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xff\xfe{}")
@example(b"null")
@example(b"[1]")
@example(b'{"run": 1e999}')
@example(b'{"run": ' + b"9" * 5000 + b"}")
@example(b"[" * 100_000)
@example(b'{"run": {}}')
@example(b'{"run": ""}')
@example(b'{"run": "x", "attempt": "1"}')
@example(b'{"run": "x", "key": null}')
def test_bytes_are_a_message_or_invalid(body):
    """Whatever stands in the queue, reading it fails in one known way."""
    with contextlib.suppress(InvalidMessageError):
        StepMessage.from_bytes(body)


@given(st.dictionaries(FIELDS, JSON, max_size=5))
def test_json_is_a_message_or_invalid(document):
    """A message that was made elsewhere is recognised by its fields and their types."""
    try:
        message = StepMessage.from_bytes(json.dumps(document).encode())
    except InvalidMessageError:
        return
    assert message.run
    assert isinstance(message.step, str)
    assert isinstance(message.attempt, int)
    assert isinstance(message.key, str)


def test_an_invalid_message_says_why():
    """Whoever reads the log finds out what was wrong."""
    with pytest.raises(InvalidMessageError, match="names its run"):
        StepMessage.from_bytes(b'{"run": ""}')
