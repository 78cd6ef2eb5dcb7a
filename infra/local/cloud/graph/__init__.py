"""Microsoft Graph v1.0, as far as applications, their consent and the tenant's policies go."""

from __future__ import annotations
