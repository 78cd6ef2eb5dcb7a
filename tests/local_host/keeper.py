"""Keeps a local cloud with the sample app running, for tests that kill the process that holds one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from infra.local.stack import Stack
from tests.local_host.hosts import sample_settings


async def _main(folder: Path) -> None:
    async with Stack(folder, app="tests.local_host.sample_app", environment=sample_settings(folder)) as stack:
        parts = (stack.storage, stack.cloud, *stack.hosts)
        sys.stdout.write(json.dumps([part.pid for part in parts]) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
