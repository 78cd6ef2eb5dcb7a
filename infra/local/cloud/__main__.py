"""The command that runs the simulated cloud until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.cloud.cloud import Cloud, StartError, open_cloud
from infra.local.cloud.environments import ENVIRONMENTS
from infra.local.cloud.tenant import PERMISSION_SETS


def main(given: Sequence[str] | None = None) -> int:
    """Run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.cloud", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where state, keys and cloud.json are kept"
    )
    parser.add_argument("--environment", choices=sorted(ENVIRONMENTS), default="AzurePublicCloud")
    parser.add_argument("--reply-to", default="", help="where the service's consent pages return to")
    parser.add_argument(
        "--permissions",
        choices=sorted(PERMISSION_SETS),
        default="base",
        help="permissions of the service's identity in Microsoft Graph at the first start",
    )
    arguments = parser.parse_args(given)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # aiohttp logs what it cannot parse, with headers; front.py logs the failures of the services.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    # The folder contains keys and secrets, if only invented ones.
    os.umask(0o077)
    try:
        cloud = open_cloud(
            arguments.folder.absolute(),
            arguments.environment,
            reply_to=arguments.reply_to,
            permissions=arguments.permissions,
        )
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    asyncio.run(_run(cloud))
    return 0


async def _run(cloud: Cloud) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runners = await cloud.start()
    print(f"The simulated cloud is ready: {cloud.folder / 'cloud.json'}", flush=True)
    await stopped.wait()
    await asyncio.gather(*(runner.cleanup() for runner in runners))
    cloud.database.close()


if __name__ == "__main__":
    sys.exit(main())
