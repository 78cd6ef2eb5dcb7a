"""The PowerShell script that brings a connection to its site, read as PowerShell reads it."""

from __future__ import annotations
