"""What the fork server does before its first fork; see :mod:`infra.local.forks`."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os

from infra.local.forks import PRELOADED

# Ignores the terminal's own signals: without this process the forks could no longer be stopped.
os.setsid()

for _module in PRELOADED:
    # If one cannot be imported, such as an app with an error in it, its fork reports that.
    with contextlib.suppress(Exception):
        importlib.import_module(_module)

# Nor does each fork have to create what the first record of each kind needs.
with contextlib.suppress(Exception):
    _kind = importlib.import_module("onboarding.storage.codec").Codec
    for _codec in [kept for kept in gc.get_objects() if type(kept) is _kind]:
        _codec.prepare()

# Imports stay: no fork has to search them for garbage, or copy them.
gc.collect()
gc.freeze()
