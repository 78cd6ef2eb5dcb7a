"""Register the app's API in Microsoft Entra, so that callers can get tokens for it.

    python -m infra.azure.register_api --requester OBJECT_ID --operator OBJECT_ID

Creates one app registration with the roles that the app checks, and its service principal, or updates those
of an earlier run; assigns the roles to the named callers. Shows first what it will do, and asks;
``--what-if`` stops there. It removes nothing and changes no other object. You can run it again at any time.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from infra.azure import directory as graph
from infra.azure.api_registration import Registration
from infra.azure.plan import carry_out

_ROLE_NEEDED = (
    "To register an application and assign its roles you need the role Cloud Application Administrator (or "
    "Application Administrator). If your role is eligible, activate it, sign in again (az login) and "
    "run this again."
)
_NAME_TAKEN = (
    "A deleted app registration keeps its unique name for 30 days. Restore it or delete it permanently "
    "(portal: App registrations, Deleted applications), or choose another --unique-name."
)


def main(
    argv: list[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    keyboard: TextIO = sys.stdin,
) -> int:
    """Run the script. Returns 0 after success or ``--what-if``, and 1 after an error or a refusal."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.azure.register_api",
        description="Register the app's API in Microsoft Entra, with the roles its callers can have.",
    )
    parser.add_argument("--name", default="CMG Onboarding API", help="display name (default: %(default)s)")
    parser.add_argument(
        "--unique-name",
        default="cmg-onboarding-api",
        type=_unique_name,
        help="unique name of the app registration, one for each deployment (default: %(default)s)",
    )
    for role, who in (
        ("requester", "may request onboardings"),
        ("operator", "may see and manage all of them"),
    ):
        parser.add_argument(
            f"--{role}",
            action="append",
            type=graph.object_id,
            default=[],
            metavar="OBJECT_ID",
            help=f"user, group or service principal that {who}; may be repeated",
        )
    graph.add_arguments(parser, environ)
    arguments = parser.parse_args(argv)
    with graph.connected(parser, arguments) as directory:
        registration = Registration(directory, display_name=arguments.name, unique_name=arguments.unique_name)
        try:
            changes = registration.plan(requesters=arguments.requester, operators=arguments.operator)
            complete = carry_out(changes, what_if=arguments.what_if, yes=arguments.yes, keyboard=keyboard)
        except graph.FAILURES as error:
            print(error, file=sys.stderr)
            if isinstance(error, graph.DirectoryError):
                _advise(error)
            return 1
        if complete:
            _report(registration.application)
    return 0 if complete or arguments.what_if else 1


def _unique_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        raise argparse.ArgumentTypeError(
            f"{value!r} contains characters other than letters, digits, '.', '_' and '-'"
        )
    return value


def _advise(error: graph.DirectoryError) -> None:
    if error.is_refusal:
        print(_ROLE_NEEDED, file=sys.stderr)
    elif error.already_exists and "uniqueName" in error.message:
        print(_NAME_TAKEN, file=sys.stderr)


def _report(application: dict[str, Any]) -> None:
    client_id = application["appId"]
    print(f"\n{application['displayName']} is registered as {client_id}.")
    print(f"Callers request the scope api://{client_id}/.default.")
    print("Set the audiences that the deployment accepts:\n")
    print(f"  azd env set API_AUDIENCE api://{client_id},{client_id}")


if __name__ == "__main__":
    sys.exit(main())
