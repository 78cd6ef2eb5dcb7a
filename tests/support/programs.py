"""Programs that a test runs to their end, as in a developer's terminal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

_LIMIT: Final = 180  # seconds


async def output(*command: str | Path, folder: Path, **environment: str) -> str:
    """What a program prints; it fails the test if the program fails or takes too long.

    The environment has no proxy variables, because a proxy would intercept calls to the loopback address.
    """
    inherited = {key: value for key, value in os.environ.items() if not key.casefold().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=folder,
        env={**inherited, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_LIMIT):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, (out + errors).decode()
    return out.decode()
