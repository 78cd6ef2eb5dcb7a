"""The plan of an inspection, which the queue of notices carries, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onboarding.workflow.plan import Plan, Step

INSPECTION: Final = Plan("inspection", [Step(name="inspect", title="Inspect connections in the directory")])

PLANS: Final[Mapping[str, Plan]] = {INSPECTION.name: INSPECTION}
