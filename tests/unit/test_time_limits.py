"""What waits for an unresponsive service ends before whatever waits for it."""

from __future__ import annotations

import json

from onboarding.cloud import microsoft_graph
from onboarding.cloud.azure_sdk import Transport
from onboarding.workflow.runtime import Limits
from tests.support.sources import ROOT

LOCK = 600.0
"""Seconds for which a host hides a message that it is handling, before it hides it again.

Source: QueueProcessor of Azure/azure-sdk-for-net, Microsoft.Azure.WebJobs.Extensions.Storage.Queues.
"""


def test_a_call_ends_before_its_step_and_a_step_before_its_message_is_visible_again():
    """No call outlives an attempt of a step; no attempt outlives the lock or the time limit of a function."""
    waits = Transport(None).connection_config
    longest = max(waits.timeout, waits.read_timeout, microsoft_graph._LONGEST)
    step = Limits().step.total_seconds()
    hours, minutes, seconds = map(
        int, json.loads((ROOT / "host.json").read_text())["functionTimeout"].split(":")
    )
    function = hours * 3600 + minutes * 60 + seconds
    assert longest < step < function < LOCK
