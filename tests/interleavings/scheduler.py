"""Decides which call takes effect next, so that one order of two operations can be repeated exactly.

One call at a time takes effect, and then everybody runs until their next call. An order names who begins, and
after how many calls the other one takes over, at most twice (a preemption-bounded search; most defects
need few preemptions, https://doi.org/10.1145/1250734.1250785). Three operations have ranks instead, and at
some calls the first in rank becomes the last one (probabilistic concurrency testing, PCT,
https://doi.org/10.1145/1736020.1736040).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.interleavings.pins import ACTOR
from tests.interleavings.world import World
from tests.support.memory import Call

Operation = Callable[[], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Who begins, and after how many calls of each the other one takes over."""

    first: str = ""
    switches: tuple[int, ...] = ()
    rank: tuple[str, ...] = ()
    """The ranks, if there are more than two operations; then ``switches`` count all calls."""


@dataclass(kw_only=True, slots=True)
class _Arrival:
    actor: str
    call: Call
    future: asyncio.Future[None]


class Scheduler:
    """Runs operations in one order, and keeps their calls."""

    def __init__(self, world: World, order: Order) -> None:
        self._world = world
        self._order = order
        self._waiting: list[_Arrival] = []
        self.calls: dict[str, list[Call]] = {}

    async def run(self, operations: Mapping[str, Operation]) -> None:
        """Run the operations to their ends. Raises what they raise."""
        self.calls = {actor: [] for actor in operations}
        self._world.arrive = self._arrive
        tasks = [self._world.go(actor, work()) for actor, work in operations.items()]
        rank = list(self._order.rank)
        turn = rank[0] if rank else self._order.first
        others = [actor for actor in operations if actor != turn]
        left = list(self._order.switches)
        taken = 0
        try:
            while not all(task.done() for task in tasks):
                await _quiet()
                if rank and left and taken >= left[0]:
                    left.pop(0)
                    rank.append(rank.pop(0))
                elif left and taken >= left[0]:
                    left.pop(0)
                    taken = 0
                    turn, others = others[0], [turn, *others[1:]]
                chosen = self._choose(rank or [turn])
                if chosen is None:
                    break
                taken += bool(rank) or chosen.actor == turn
                self.calls[chosen.actor].append(chosen.call)
                chosen.future.set_result(None)
        finally:
            self._world.arrive = None
        for arrival in self._waiting:
            arrival.future.set_result(None)
        await asyncio.gather(*tasks)

    def _choose(self, rank: list[str]) -> _Arrival | None:
        """The oldest call of the first in rank; if it makes none, the oldest call of another."""
        places = {actor: place for place, actor in enumerate(rank)}
        arrivals = sorted(self._waiting, key=lambda arrival: places.get(arrival.actor, len(rank)))
        if not arrivals:
            return None
        self._waiting.remove(arrivals[0])
        return arrivals[0]

    async def _arrive(self, call: Call) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(_Arrival(actor=ACTOR.get(), call=call, future=future))
        await future


async def _quiet() -> None:
    """Return when nobody can continue until a call takes effect."""
    loop: Any = asyncio.get_running_loop()
    await asyncio.sleep(0)
    while loop._ready:  # noqa: ASYNC110 - there is no event for that
        await asyncio.sleep(0)


def meeting_points(mine: list[Call], others: list[Call]) -> Iterator[int]:
    """The calls before which an operation must be interrupted: those that do not commute with the other's.

    An interruption before any other call has the same effect as one before the next of these.
    """
    touched: dict[tuple[str, str], bool] = {}
    for call in others:
        for place in _places(call):
            touched[place] = touched.get(place, False) or call.writes
    for number, call in enumerate(mine):
        if any(place in touched and (call.writes or touched[place]) for place in _places(call)):
            yield number


def _places(call: Call) -> Iterator[tuple[str, str]]:
    """What a call touches: partitions of tables, and objects of the cloud."""
    for partition, _ in call.rows or (("", ""),):
        yield call.place, partition
