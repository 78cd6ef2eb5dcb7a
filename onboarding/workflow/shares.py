"""A share of the workers for each owner and each tenant, so that one of them cannot keep the others waiting.

A queue is in order. Without shares, a hundred runs of one requester, or of a tenant that answers slowly, take
all workers of a process, and a run of somebody else waits until they end. These shares are of one process:
each instance of the app that Azure adds has workers of its own, and its own shares of them.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

_OTHERS: Final = 2
"""The share of any other list as a multiple of an owner's, so that no owner uses up the share of a tenant."""


class Shares:
    """How many runs of each list of the index a process works on now."""

    def __init__(self, most: int, owner: str) -> None:
        """``most`` is the share of each owner; ``owner`` is the kind of list that names it."""
        self._most = most
        self._owner = owner
        self._working: Counter[tuple[str, str]] = Counter()

    def free(self, lists: Mapping[str, str]) -> bool:
        """Whether each list that contains a run has a part of its share left."""
        return all(
            self._working[kind, value] < self._most * (1 if kind == self._owner else _OTHERS)
            for kind, value in lists.items()
        )

    @contextlib.contextmanager
    def taken(self, lists: Mapping[str, str]) -> Iterator[None]:
        """Counts a run while a worker works on it."""
        self._working.update(lists.items())
        try:
            yield
        finally:
            self._working.subtract(lists.items())
            self._working += Counter()  # forgets what is zero
