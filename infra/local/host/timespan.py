"""Durations as .NET writes them in ``host.json``: ``[days.]hours:minutes:seconds[.fraction]``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_SHAPE: Final = re.compile(
    r"(?:(?P<days>\d+)\.)?(?P<hours>\d+):(?P<minutes>[0-5]?\d)(?::(?P<seconds>[0-5]?\d)(?P<fraction>\.\d{1,7})?)?"
)
_HOURS_OF_A_DAY: Final = 24


def parse(text: str) -> timedelta:
    """Read a duration.

    Hours from 24 up count as days, as in .NET: ``24:00:00`` is 24 days. The documentation of the timer
    trigger warns of this, so it behaves the same here.

    Raises:
        ValueError: the text is not a duration.
    """
    found = _SHAPE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration; write it as hh:mm:ss, such as 00:05:00")
    part = {name: int(value or 0) for name, value in found.groupdict().items() if name != "fraction"}
    if part["hours"] >= _HOURS_OF_A_DAY and found["days"] is None:
        return timedelta(days=part["hours"], hours=part["minutes"], minutes=part["seconds"])
    fraction = float(f"0{found['fraction'] or '.0'}")
    return timedelta(
        days=part["days"], hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"] + fraction
    )
