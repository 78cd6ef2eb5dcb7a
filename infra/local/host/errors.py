from __future__ import annotations


class StartError(Exception):
    """Why the host can't start, as one sentence for the person who started it."""
