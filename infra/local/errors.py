from __future__ import annotations


class LocalError(Exception):
    """Why the local cloud cannot continue, as one sentence for the person at the terminal."""
