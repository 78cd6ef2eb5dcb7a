"""Directory objects of one kind: found by ID or by an indexed property, with replication lag.

The real directory answers from replicas. A write is checked against, and applied to, the latest state;
a read may see an older one. Each object therefore keeps its versions, each with the time from which
reads see it.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from infra.local.cloud.database import Database
from infra.local.cloud.messages import JsonObject

Version = tuple[float, JsonObject | None]
"""From when on reads see it, and what they see: None once the object is deleted."""

Index = Callable[[JsonObject], Iterable[str]]
"""The values under which an object is found."""


@dataclass(slots=True)
class Replication:
    """How far reads are behind writes, for every collection of the directory."""

    lag: float = 0.0
    """Seconds until a change shows; 0 shows everything at once, including earlier changes."""
    stale: bool = False
    """While set, reads see each object as it was before its last change."""
    owners: float = 0.0
    """Seconds, after an object is created, until its owners may change it."""
    grants: float = 0.0
    """Seconds until a grant shows, where that is more than ``lag``."""
    passwords: float = 0.0
    """Seconds until an added or removed client secret shows, where that is more than ``lag``."""
    upserts: float = 0.0
    """Seconds, after an object is created, for which an upsert tries to create it again."""
    upsert_owns: bool = False
    """Whether a caller owns what its upsert creates, which Microsoft does not promise."""
    quota: int = 0
    """How many objects an identity can own; 0: any number. Microsoft's pages contradict each other."""


class Collection:
    """Objects by ID, in the order of their IDs. Writes and lookups cost the same at any size."""

    def __init__(
        self,
        database: Database,
        kind: str,
        replication: Replication,
        indexes: Mapping[str, Index],
        *,
        is_grant: bool = False,
    ) -> None:
        """Load this kind from the database; ``is_grant``: it can lag more than others."""
        self._is_grant = is_grant
        self._database = database
        self._kind = kind
        self._replication = replication
        self._keys = dict(indexes)
        self._versions: dict[str, list[Version]] = {}
        self._order: list[str] = []
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in indexes}
        self._deleted: deque[tuple[float, str]] = deque()
        self._created: dict[str, float] = {}  # since the start
        for object_id, rows in database.rows(kind):
            versions: list[Version] = [(at, body) for at, body in rows]
            if versions[-1][1] is not None:
                self._versions[object_id] = versions
                self._order.append(object_id)
                self._index(object_id, versions)

    @property
    def _lag(self) -> float:
        lag = self._replication.lag
        return max(lag, self._replication.grants) if self._is_grant else lag

    def indexed(self, name: str) -> bool:
        """Whether objects can be looked up by this property."""
        return name in self._keys

    def latest(self, object_id: str) -> JsonObject | None:
        """The object after the last write; None if it does not exist."""
        versions = self._versions.get(object_id)
        return versions[-1][1] if versions else None

    def seen(self, object_id: str) -> JsonObject | None:
        """The object as a read sees it now; None if it is not visible."""
        versions = self._versions.get(object_id)
        if not versions:
            return None
        if self._replication.stale:
            return versions[-2][1] if len(versions) > 1 else None
        if not self._lag and not self._replication.passwords:
            return versions[-1][1]
        now = time.time()
        return next((body for at, body in reversed(versions) if at <= now), None)

    def waited(self, object_id: str) -> float:
        """The part of an object's delay that has passed: 0.0 just created, 1.0 visible."""
        versions = self._versions.get(object_id)
        if not versions or not self._lag:
            return 1.0
        return min(1.0, max(0.0, 1.0 - (versions[0][0] - time.time()) / self._lag))

    def upserted(self, index: str, value: str) -> JsonObject | None:
        """The one object with this value as an upsert sees it: like a read, or later."""
        found = self.first(index, value)
        return None if found is not None and self.age(found["id"]) < self._replication.upserts else found

    def age(self, object_id: str) -> float:
        """The seconds since an object was created; those from before the last start are old enough."""
        return time.time() - self._created.get(object_id, 0.0)

    def holder(self, index: str, value: str) -> JsonObject | None:
        """The object with this value after the last write, whether reads see it or not."""
        return next(iter(self.holders(index, value)), None)

    def holders(self, index: str, value: str) -> list[JsonObject]:
        """All objects with this value after the last write."""
        latest = [self.latest(object_id) for object_id in self._indexes[index].get(value.casefold(), ())]
        return [body for body in latest if body is not None and self._has(index, body, value)]

    def find(self, index: str, value: str) -> list[JsonObject]:
        """The objects in which a read sees this value, by ID."""
        found = []
        for object_id in sorted(self._indexes[index].get(value.casefold(), ())):
            body = self.seen(object_id)
            if body is not None and self._has(index, body, value):
                found.append(body)
        return found

    def first(self, index: str, value: str) -> JsonObject | None:
        """The one object in which a read sees this value."""
        return next(iter(self.find(index, value)), None)

    def after(self, object_id: str) -> Iterator[JsonObject]:
        """The objects that a read sees, by ID, after the given one ("" starts at the beginning)."""
        for position in range(bisect_right(self._order, object_id), len(self._order)):
            body = self.seen(self._order[position])
            if body is not None:
                yield body

    def put(self, object_id: str, body: JsonObject, *, settled: bool = False, lag: float = 0.0) -> None:
        """Write one object. ``settled`` ones are visible at once, also to stale reads.

        ``lag``: the seconds until it shows, where that is more than for others.
        """
        self._expire()
        if object_id not in self._versions:
            insort(self._order, object_id)
            self._versions[object_id] = []
            self._created[object_id] = time.time()
        at = 0.0 if settled else time.time() + max(self._lag, lag)
        self._append(object_id, [(at, body), (at, body)] if settled else [(at, body)])

    def remove(self, object_id: str) -> None:
        """Delete one object; reads see it until the lag has passed."""
        self._expire()
        if not self._lag:
            self._drop(object_id)
            return
        at = time.time() + self._lag
        self._append(object_id, [(at, None)])
        self._deleted.append((at, object_id))

    def _append(self, object_id: str, added: list[Version]) -> None:
        versions = self._versions[object_id]
        shown = self._shown(versions)
        kept = versions[shown:] + added
        self._unindex(object_id, versions[:shown], kept)
        self._index(object_id, added)
        self._versions[object_id] = kept
        self._database.put(self._kind, object_id, kept)

    @staticmethod
    def _shown(versions: list[Version]) -> int:
        """The position of the version that reads see now: earlier versions are never seen again."""
        now = time.time()
        return max((position for position, (at, _) in enumerate(versions) if at <= now), default=0)

    def _index(self, object_id: str, versions: Iterable[Version]) -> None:
        for _, body in versions:
            if body is None:
                continue
            for name, values in self._keys.items():
                for value in values(body):
                    self._indexes[name].setdefault(value.casefold(), {})[object_id] = None

    def _unindex(self, object_id: str, gone: Iterable[Version], kept: Iterable[Version]) -> None:
        for name, values in self._keys.items():
            still = {value.casefold() for _, body in kept if body is not None for value in values(body)}
            for _, body in gone:
                for value in values(body) if body is not None else ():
                    folded = value.casefold()
                    holders = self._indexes[name].get(folded)
                    if folded in still or holders is None:
                        continue
                    holders.pop(object_id, None)
                    if not holders:
                        del self._indexes[name][folded]

    def _expire(self) -> None:
        now = time.time()
        while self._deleted and (self._deleted[0][0] <= now or not self._lag):
            _, object_id = self._deleted.popleft()
            if self.latest(object_id) is None and object_id in self._versions:
                self._drop(object_id)

    def _drop(self, object_id: str) -> None:
        self._unindex(object_id, self._versions.pop(object_id), ())
        self._created.pop(object_id, None)
        self._order.pop(bisect_right(self._order, object_id) - 1)
        self._database.delete(self._kind, object_id)

    def _has(self, index: str, body: JsonObject, value: str) -> bool:
        folded = value.casefold()
        return any(each.casefold() == folded for each in self._keys[index](body))
