"""The simulated cloud, tested as its users see it: over HTTP and with Microsoft's own SDKs."""

from __future__ import annotations
