"""Counts the words and the doors that they go through: ``python -m tests.words``."""

from __future__ import annotations

import sys

from tests.support import corpus
from tests.words import doors

words = len(corpus.words()) + len(corpus.directory_names())
places = len(doors.ENDPOINTS) + len(doors.MESSAGES) + len(doors.OTHERS)
sys.stdout.write(f"{words} words, {places} doors with {len(doors.tests())} tests, {words * places} pairs\n")
