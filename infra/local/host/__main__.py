"""``python -m infra.local.host``: run an Azure Functions app on this machine."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from infra.local.host.errors import StartError
from infra.local.host.server import Options, serve


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="python -m infra.local.host", description=__doc__)
    parser.add_argument(
        "--app", default="function_app", help="module with the FunctionApp 'app' (function_app)"
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the log, timers and state file go")
    parser.add_argument("--host-json", type=Path, default=Path("host.json"), help="host.json")
    parser.add_argument("--name", default="host", help="of this host among several on one folder (host)")
    parser.add_argument("--port", type=int, default=7071, help="0: any free one (7071)")
    parser.add_argument(
        "--listener", type=int, help="number of an inherited listening socket, in place of a port"
    )
    parser.add_argument("--log", action="store_true", help="log to stderr too")
    given = parser.parse_args(arguments)
    return Options(
        app=given.app,
        folder=given.folder.resolve(),
        host_json=given.host_json,
        name=given.name,
        port=given.port,
        listener=given.listener,
        log_to_stderr=given.log,
    )


def _outlasting() -> bool:
    """Whether a function still runs in a thread; idle threads of the pool end at once."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("function")]
    for thread in threads:
        thread.join(timeout=0.2)
    return any(thread.is_alive() for thread in threads)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the host; return 0 after a clean stop, and 2 when it cannot start."""
    options = _options(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        code = serve(options, os.environ)
    except StartError as error:
        logging.getLogger("host").critical("%s", error)
        print(f"The host cannot start: {error}.", file=sys.stderr)
        return 2
    if _outlasting():
        # A function in a thread runs past its grace period; the interpreter would wait for it forever.
        logging.shutdown()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
