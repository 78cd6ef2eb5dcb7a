"""Microsoft Graph v1.0, limited to applications, their consent and the tenant's policies."""

from __future__ import annotations
