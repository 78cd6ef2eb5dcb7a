"""An address from the service itself or from Microsoft, which a reader may follow."""

from __future__ import annotations


class Address(str):
    """A URL that is written as a link. Every other text is a word, even one that begins like a URL."""

    __slots__ = ()
