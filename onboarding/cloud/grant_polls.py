"""The requests of all runs that wait for consent in one tenant, combined instead of one for each run.

Each wait repeatedly reads the grants of two service principals. One batch answers the waits of a tenant that
poll at about the same time. What the service may not see in the tenant is requested only once. So the calls
in a period do not grow with the number of runs that wait: one for each 20 lists. If many runs wait, each of
them polls in some of the periods only (``lifecycle/consent_polls.py``).

This is kept in the process. Another process makes its own requests, and one that has just started makes a
request for each wait when it is due.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from onboarding.cloud import shapes
from onboarding.cloud.ports import Graph
from onboarding.cloud.replies import GraphResponse
from onboarding.errors import OnboardingError, PermanentError

_BATCH: Final = 20
"""Requests of one batch (https://learn.microsoft.com/graph/json-batching)."""

_EARLY: Final = 5
"""An answer can be older than the poll that uses it, by up to this fraction of the time since the previous
poll.
"""

_LATE: Final = timedelta(minutes=2)
"""How late the poll of a run can be and still use an answer that others requested."""

_QUIET: Final = timedelta(seconds=30)
"""After a failure, no poll in the tenant calls Graph for this time."""

_MOST: Final = 20_000
"""The number of lists that are remembered. Further waits make their own requests."""

SCOPES: Final = "oauth2PermissionGrants"
ROLES: Final = "appRoleAssignments"


def path(principal: str, kind: str) -> str:
    """The path of the grants of a service principal."""
    return f"/servicePrincipals/{principal}/{kind}"


@dataclass(slots=True)
class _Expected:
    """A list that a run will request."""

    since: datetime
    due: datetime
    reply: GraphResponse | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether others that make a request now may also request this list."""
        return self.due - (self.due - self.since) / _EARLY <= now <= self.due + _LATE


class GrantPolls:
    """The polls of the grants in one tenant."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._expected: dict[str, _Expected] = {}
        self._asking: dict[str, asyncio.Task[Mapping[str, GraphResponse]]] = {}
        self._refusal: GraphResponse | None = None  # of all lists of scopes: the service lacks the permission
        self._refused_at: datetime | None = None
        self._failure: OnboardingError | None = None
        self._failed_at: datetime | None = None

    @property
    def waiting(self) -> int:
        """The number of lists for which runs wait."""
        return len(self._expected)

    def expect(self, paths: Iterable[str], now: datetime, due: datetime) -> None:
        """Notes when a run requests its lists again."""
        for path in [path for path, known in self._expected.items() if known.due + _LATE < now]:
            del self._expected[path]
        for path in paths:
            if path in self._expected or len(self._expected) < _MOST:
                self._expected[path] = _Expected(since=now, due=due)

    async def replies(self, paths: Sequence[str], now: datetime, *, alone: bool) -> dict[str, GraphResponse]:
        """The answers for some lists. Raises this app's errors.

        Args:
            paths: The lists.
            now: The current time.
            alone: Whether a person asks who has just consented, so that no earlier answer may be used.
        """
        if alone and paths:
            return dict(await self._ask(paths, now))
        await self._probed(paths)
        found = {path: reply for path in paths if (reply := self._known(path, now))}
        missing = [path for path in paths if path not in found]
        if missing and self._failure and _within(self._failed_at, now, _QUIET):
            raise self._failure
        own = [path for path in missing if path not in self._asking]
        if own:
            self._begin(own, now)
        for task in {self._asking[path] for path in missing}:
            try:
                found |= await asyncio.shield(task)
            except PermanentError:
                if any(self._asking.get(path, task) is task for path in own):
                    raise
        if left := [path for path in paths if path not in found]:  # others got only a part
            found |= await self._ask(left, now)
        for path in paths:
            self._expected.pop(path, None)
        return {path: found[path] for path in paths}

    async def _probed(self, paths: Sequence[str]) -> None:
        """Waits for what another run requests, if its answer can be the answer for all runs.

        The refusal of a list of scopes is the refusal of all such lists. After a failure, one run tries again
        for all.
        """
        if self._failure and (task := next(iter(self._asking.values()), None)):
            with contextlib.suppress(OnboardingError):
                await asyncio.shield(task)
        probe = next((task for path, task in self._asking.items() if path.endswith(SCOPES)), None)
        asks = any(path.endswith(SCOPES) and path not in self._asking for path in paths)
        if self._refusal and probe and asks:
            with contextlib.suppress(OnboardingError):
                await asyncio.shield(probe)

    def _known(self, wanted: str, now: datetime) -> GraphResponse | None:
        """The answer that others requested, if it is new enough."""
        if wanted.endswith(SCOPES) and self._refusal and _within(self._refused_at, now, _LATE):
            return self._refusal
        expected = self._expected.get(wanted)
        return expected.reply if expected and expected.due <= now <= expected.due + _LATE else None

    def _begin(self, paths: Sequence[str], now: datetime) -> None:
        """Requests lists, and those of others that poll at about this time."""
        refused = self._refusal is not None
        others = [
            path
            for path, expected in self._expected.items()
            if path not in self._asking
            and path not in paths
            and expected.reply is None
            and expected.is_due(now)
            and not (refused and path.endswith(SCOPES))
        ][: _BATCH - len(paths)]
        task = asyncio.create_task(self._together(paths, others, now))
        self._asking |= dict.fromkeys([*paths, *others], task)
        task.add_done_callback(lambda done: self._end([*paths, *others], done))

    def _end(self, paths: Sequence[str], done: asyncio.Task[Mapping[str, GraphResponse]]) -> None:
        for path in paths:
            del self._asking[path]
        if not done.cancelled():
            done.exception()  # those who wait for it raise it, if there are any left

    async def _together(
        self, paths: Sequence[str], others: Sequence[str], now: datetime
    ) -> Mapping[str, GraphResponse]:
        try:
            found = await self._ask([*paths, *others], now, first=others)
        except PermanentError:
            if not others:
                raise
            found = await self._ask(paths, now)  # the fault can be in a list of another run
        except OnboardingError as error:
            self._failure, self._failed_at = error, now
            raise
        whole = {path: reply for path, reply in found.items() if path in paths or not _goes_on(reply)}
        for path in others:
            if path in whole and path in self._expected:
                self._expected[path].reply = whole[path]
        return whole

    async def _ask(
        self, paths: Sequence[str], now: datetime, *, first: Sequence[str] = ()
    ) -> Mapping[str, GraphResponse]:
        """The answers. For the lists in ``first``, nobody here waits for more than one page."""
        found = await self._graph.batch({path: (path, {}) for path in paths}, first=first)
        self._failure = None
        for path, reply in found.items():
            if path.endswith(SCOPES):
                refused = reply.status == HTTPStatus.FORBIDDEN
                self._refusal, self._refused_at = (reply, now) if refused else (None, None)
        return found


def _goes_on(reply: GraphResponse) -> bool:
    """Whether a list has more pages. The run that needs them reads them."""
    return isinstance(reply.document, Mapping) and shapes.NEXT in reply.document


def _within(moment: datetime | None, now: datetime, limit: timedelta) -> bool:
    return moment is not None and moment <= now < moment + limit
