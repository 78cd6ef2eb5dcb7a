"""The PowerShell script that sets up a connection at its site, parsed as PowerShell parses it."""

from __future__ import annotations
