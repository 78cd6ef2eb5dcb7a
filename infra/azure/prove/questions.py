"""A question about a service, and how a run asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from infra.azure.prove.services import Answer, Services, Waited, wait
from onboarding.cloud.environments import Environment

PREFIX: Final = "cmg-prove-"
"""Begins the name of every object of every run."""


_CLEAN_UP: Final = 120.0
"""Longest wait for one removal, in seconds: what cannot be removed by then is named."""


class Verdict(StrEnum):
    """The answer to a question."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """The service refused to show it, or an earlier call failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The answer to one question."""

    question: str
    verdict: Verdict
    detail: str


def yes(question: str, detail: str) -> Finding:
    """It is so."""
    return Finding(question=question, verdict=Verdict.YES, detail=detail)


def no(question: str, detail: str) -> Finding:
    """It is not so."""
    return Finding(question=question, verdict=Verdict.NO, detail=detail)


def unknown(question: str, detail: str) -> Finding:
    """It cannot be seen."""
    return Finding(question=question, verdict=Verdict.UNKNOWN, detail=detail)


def accepted(question: str, answer: Answer) -> Finding:
    """Whether the service accepted a call."""
    return (yes if answer.succeeded else no)(question, answer.text)


def reached(question: str, waited: Waited) -> Finding:
    """Whether a state was reached in time."""
    return (yes if waited.reached else no)(question, waited.text)


@dataclass(kw_only=True)
class Run:
    """One run: its services, how long it waits, and what it must remove."""

    services: Services
    environment: Environment
    name: str
    """Begins the name of every object of the run."""
    patience: float
    """Longest wait for an effect, in seconds."""
    progress: Callable[[float, Answer], None]
    """Gets the seconds of a wait so far, and the last answer."""
    leaves_orphan: bool = False
    """Whether the run may create what it possibly cannot remove."""
    _leftovers: dict[str, tuple[str, Callable[[], bool]]] = field(default_factory=dict)
    """What exists now by its ID, in the order of creation, with the call that removes it."""

    def graph(self, method: str, path: str, body: dict[str, object] | None = None, **headers: str) -> Answer:
        """A call to Graph v1.0."""
        return self.services.send("graph", method, f"/v1.0{path}", body, headers=headers or None)

    def wait(self, call: Callable[[], Answer], wanted: Callable[[Answer], bool] | None = None) -> Waited:
        """Repeat a call until it succeeds, or until its answer is the wanted one."""
        return wait(
            call,
            wanted or (lambda answer: answer.succeeded),
            patience=self.patience,
            progress=self.progress,
        )

    def must_remove(self, object_id: str, what: str, remove: Callable[[], bool]) -> None:
        """Remember an object before anything else can fail. ``remove`` returns whether it is gone."""
        self._leftovers[object_id] = (what, remove)

    def may_exist(self, key: str, what: str, remove: Callable[[], bool]) -> None:
        """Remember what a call is about to create: its answer can be lost. ``remove`` looks for it."""
        self._leftovers[key] = (what, remove)

    def removed(self, object_id: str) -> None:
        """The object is gone already."""
        self._leftovers.pop(object_id, None)

    def names(self) -> list[str]:
        """What exists now."""
        return [what for what, _ in self._leftovers.values()]

    def clean_up(self) -> list[str]:
        """Remove everything, the newest first; return what is still there."""
        self.patience = min(self.patience, _CLEAN_UP)
        left = []
        for object_id, (what, remove) in reversed(tuple(self._leftovers.items())):
            if remove():
                self.removed(object_id)
            else:
                left.append(what)
        return left


Question = Callable[[Run], Iterator[Finding]]
"""Asks one thing, or a few that need the same objects."""
