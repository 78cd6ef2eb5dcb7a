"""What the fork server does before its first fork; see :mod:`infra.local.forks`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os

from infra.local.forks import PRELOADED

# Away from the terminal's own signals: with this process gone the forks could no longer be told to stop.
os.setsid()

for _module in PRELOADED:
    # One that can't be imported, such as an app with a slip in it, is its fork's business: that says so.
    with contextlib.suppress(Exception):
        importlib.import_module(_module)

# What is imported stays: no fork has to look through it for garbage, or copy it.
gc.collect()
gc.freeze()
