"""The common parts of the PowerShell scripts for administrators. Windows PowerShell 5.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from onboarding.words import powershell as ps

SITE: Final = (
    (
        "# The site code, three characters.",
        "[Parameter(Mandatory = $true)]",
        "[ValidatePattern('^[A-Za-z0-9]{3}$')]",
        "[string] $SiteCode",
    ),
    (
        "# The computer with the SMS Provider. Used if the session has no drive for the site.",
        "[string] $SiteServer = $env:COMPUTERNAME",
    ),
)
"""The parameters of a script that runs at the site."""


def text(lines: Iterable[str]) -> str:
    """A script's text in ASCII, with the line breaks of Windows.

    Every code page reads it in the same way. Raises ``UnicodeError`` for a word that is not written as a
    literal.
    """
    return "".join(f"{line}\r\n" for line in lines).encode("ascii").decode("ascii")


def head(purpose: Sequence[str], *parameters: Sequence[str]) -> Iterator[str]:
    """The beginning of a script: its purpose, its parameters, and that it stops at the first error."""
    yield "#Requires -Version 5.1"
    yield from (f"# {line}" for line in purpose)
    yield "[CmdletBinding(SupportsShouldProcess = $true)]"
    yield "param("
    for number, parameter in enumerate(parameters, start=1):
        yield from (f"    {line}" for line in parameter[:-1])
        more = number < len(parameters)
        yield f"    {parameter[-1]}{',' if more else ''}"
        if more:
            yield ""
    yield ")"
    yield ""
    yield "Set-StrictMode -Version 2.0"
    yield "$ErrorActionPreference = 'Stop'"
    yield ""


CONSOLE: Final = (
    "if (-not $env:SMS_ADMIN_UI_PATH) {",
    "    throw 'The Configuration Manager console is not installed on this computer. Install it first.'",
    "}",
)
"""Stops on a computer without the console, whose setup defines the variable."""

_DRIVE: Final = (
    "Import-Module (Join-Path (Split-Path $env:SMS_ADMIN_UI_PATH) 'ConfigurationManager.psd1')",
    "if (-not (Get-PSDrive -Name $SiteCode -PSProvider 'CMSite' -ErrorAction SilentlyContinue)) {",
    "    # Also with -WhatIf, which reads the site. PowerShell removes the drive after the script.",
    "    New-PSDrive -Name $SiteCode -PSProvider 'CMSite' -Root $SiteServer -WhatIf:$false | Out-Null",
    "}",
)


def at_the_site(lines: Iterable[str]) -> Iterator[str]:
    """Runs lines in the drive of the site, and leaves the drive in any case.

    Source: https://learn.microsoft.com/powershell/sccm/overview.
    """
    yield from _DRIVE
    yield "Push-Location -Path ($SiteCode + ':')"
    yield "try {"
    yield from (f"    {line}" if line else "" for line in lines)
    yield "}"
    yield "finally {"
    yield "    Pop-Location"
    yield "}"
    yield ""


def by_hand(instructions: Iterable[str]) -> Iterator[str]:
    """Prints the manual steps that remain."""
    yield "Write-Output ''"
    yield "Write-Output 'Complete these steps manually:'"
    for number, instruction in enumerate(instructions, start=1):
        yield f"Write-Output {ps.label(f'{number}. {instruction}')}"
