"""The result of a dry run, compared with what an onboarding then does."""

from __future__ import annotations
