"""Port numbers of the local cloud: chosen once for a folder, and used by one local cloud at a time.

They are below those that the system uses for outgoing connections (from 32768 on Linux, 49152 elsewhere).
A client could take one of those while a service is down, even a client that tries to reach it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from infra.local.errors import LocalError

_PORTS: Final = range(20_000, 32_000)
_TRIES: Final = 100


class Reservation:
    """TCP ports that no other local cloud chooses, until they are released or this process ends.

    A service listens on its port only a second after it was chosen, and not while it is down. UDP's
    port numbers are separate, and nobody uses them here: a number that is bound there is reserved
    among local clouds, free for the service, and released by the system however this process ends.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        """Reserve these ports. Raises ``OSError`` when another local cloud has one of them."""
        self.ports: Final = tuple(ports)
        self._marks = contextlib.ExitStack()
        try:
            for port in self.ports:
                mark = self._marks.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                mark.bind(("127.0.0.1", port))
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let others choose these ports; a second time does nothing."""
        self._marks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def choose(count: int) -> Reservation:
    """Reserved ports on which no process listens.

    Raises:
        LocalError: none was found.
        OSError: the check is not possible, perhaps because there are no file descriptors left.
    """
    for _ in range(_TRIES):
        try:
            reservation = Reservation(random.sample(_PORTS, count))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        if free(reservation.ports):
            return reservation
        reservation.release()
    raise LocalError(f"no free port was found from {_PORTS.start} to {_PORTS.stop - 1}")


def free(ports: Iterable[int]) -> bool:
    """Whether no process listens on any of these ports."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def listen(port: int) -> socket.socket:
    """A socket that listens on a port; 0: on any free one. Raises ``LocalError`` if it is in use."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        why = os.strerror(error.errno or 0).lower()
        raise LocalError(
            f"port {port} cannot be used: {why}; choose another with PORT=8080, or PORT=0"
        ) from None
    listener.listen(512)
    return listener
