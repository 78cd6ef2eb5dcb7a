from __future__ import annotations


class StartError(Exception):
    """Why the host cannot start, as one sentence for the person who started it."""
