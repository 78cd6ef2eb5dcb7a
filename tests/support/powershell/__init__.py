"""Reads PowerShell as far as the handover needs it: words, grammar, the cmdlets and their parameters."""
