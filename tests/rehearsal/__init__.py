"""What a dry run tells, compared with what an onboarding then does."""

from __future__ import annotations
