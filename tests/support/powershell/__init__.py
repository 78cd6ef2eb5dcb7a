"""Reads PowerShell as far as the hand-over needs it: words, grammar, the cmdlets and their parameters."""
