"""A plan: the steps of a run and what each waits for. A small graph, checked when it is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a plan."""

    name: str  # stable: part of the API and of storage keys
    title: str  # what it does, for a person
    after: tuple[str, ...] = ()  # the steps whose results it needs


class Plan:
    """The steps of one kind of run, in an order in which each comes after what it needs."""

    def __init__(self, name: str, steps: Iterable[Step]) -> None:
        """Raises ``ValueError`` for an unknown or repeated step, ``graphlib.CycleError`` for a circle."""
        self.name = name
        steps = tuple(steps)
        known = {step.name: step for step in steps}
        if len(known) != len(steps):
            raise ValueError(f"plan {name}: a step is named twice")
        for step in steps:
            if unknown := set(step.after) - set(known):
                raise ValueError(f"plan {name}: step {step.name} waits for unknown {sorted(unknown)}")
        order = TopologicalSorter({step.name: step.after for step in steps}).static_order()
        self.steps: Mapping[str, Step] = {each: known[each] for each in order}
        self.first = next(iter(self.steps))

    def successors(self, name: str) -> tuple[str, ...]:
        """The steps that wait for this one directly."""
        return tuple(step.name for step in self.steps.values() if name in step.after)
