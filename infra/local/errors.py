from __future__ import annotations


class LocalError(Exception):
    """Why the local cloud can't go on, as one sentence for the person at the terminal."""
