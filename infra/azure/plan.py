"""The plan of a script: shown first, and applied only after a confirmation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One desired state."""

    #: The state, in a few words.
    what: str
    #: Why it is needed, in a sentence.
    why: str
    #: Applies the change. ``None`` if nothing has to change.
    apply: Callable[[], None] | None


def show(changes: list[Change]) -> None:
    """Print the plan, every change with its reason."""
    for change in changes:
        print(f"  {'will do' if change.apply else 'exists '}  {change.what}")
        print(f"           {change.why}")
    missing = sum(change.apply is not None for change in changes)
    print(f"\n{missing} to do, {len(changes) - missing} in place already. Nothing else is changed.")


def carry_out(changes: list[Change], *, what_if: bool, yes: bool, keyboard: TextIO) -> bool:
    """Show the plan, ask, and apply what is missing, in order.

    Args:
        changes: The plan.
        what_if: Stop after showing it.
        yes: Do not ask. Without it and without a terminal to ask on, nothing is done.
        keyboard: where a person answers; the script asks only at a terminal.

    Returns:
        Whether everything in the plan is now applied.
    """
    show(changes)
    missing = [change for change in changes if change.apply]
    if not missing:
        return True
    if what_if:
        print("Nothing was changed (--what-if).")
        return False
    if not yes and not _confirmed(keyboard):
        print("Nothing was changed.")
        return False
    for change in missing:
        if change.apply:
            change.apply()
            print(f"  done     {change.what}", flush=True)
    return True


def _confirmed(keyboard: TextIO) -> bool:
    if not keyboard.isatty():
        print("There is no terminal for the confirmation; pass --yes to continue.")
        return False
    print("Go ahead? [y/N] ", end="", flush=True)
    return keyboard.readline().strip().lower() in {"y", "yes"}
