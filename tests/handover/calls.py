"""Compares the calls of a script with the documentation of the cmdlets."""

from __future__ import annotations

from tests.support.powershell.cmdlets import Cmdlet
from tests.support.powershell.grammar import Command


def faults(found: Command, cmdlet: Cmdlet) -> list[str]:
    """The faults of a call of a cmdlet."""
    known = {**cmdlet.required, **cmdlet.optional}
    found_faults = [f"{name} is missing" for name in cmdlet.required if name not in found.parameters]
    if found.positional:
        found_faults.append("an argument without a name")
    for name, value in found.parameters.items():
        kind = known.get(name)
        if isinstance(kind, tuple):
            right = value.type == "String" and value.text.strip("'") in kind
        else:
            right = value.type == kind
        if not right:
            found_faults.append(f"{name} is {value}, not {kind}")
    return found_faults
