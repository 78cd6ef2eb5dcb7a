"""What is imported once for all processes of the local cloud; see :mod:`infra.local.forks`.

A module that can't be imported is none of this process's business: whoever needs it says so.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import Final

_MODULES: Final = (
    "infra.local.cloud.__main__",
    "infra.local.host.__main__",
    "infra.local.host.queues",
    "azure.storage.queue.aio",
    "function_app",
    # What the app imports when it first needs it:
    "onboarding.lifecycle.handlers",
    "onboarding.cloud.identity",
    "onboarding.expiry.deliveries",
    # What these import late:
    "anyio._backends._asyncio",
    "azure.core.rest._aiohttp",
    "azure.identity._internal.msal_managed_identity_client",
    "email.generator",
    "httpcore",
)

# Away from the terminal's own signals: with this process the forks could no longer be told to stop.
os.setsid()

for _module in _MODULES:
    with contextlib.suppress(Exception):
        importlib.import_module(_module)
