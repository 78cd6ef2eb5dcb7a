"""Grant the app's managed identity the permissions that it needs in Microsoft Graph.

    python -m infra.azure.grant_permissions --principal-id "$(azd env get-value IDENTITY_PRINCIPAL_ID)"

Shows first what it will do, and asks; ``--what-if`` stops there. It adds application permissions to this one
identity and changes nothing else; granted permissions stay. You can run it again at any time.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from infra.azure import directory as graph
from infra.azure.grants import assigned, grant
from infra.azure.permissions import GRAPH_APP_ID, GRAPH_BASE, GRAPH_CONSENT, GRAPH_SEE, AppRole
from infra.azure.plan import Change, carry_out

_ROLE_NEEDED = (
    "To grant permissions in Microsoft Graph you need the role Privileged Role Administrator (or Global "
    "Administrator). If your role is eligible, activate it, sign in again (az login) and run this again."
)


class WrongTargetError(Exception):
    """The arguments point to an object that this script is not for; the message contains the remedy."""


def main(
    argv: list[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    keyboard: TextIO = sys.stdin,
) -> int:
    """Run the script. Returns 0 after success or ``--what-if``, and 1 after an error or a refusal."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.azure.grant_permissions",
        description="Grant the app's managed identity its application permissions in Microsoft Graph.",
    )
    parser.add_argument(
        "--principal-id", required=True, type=graph.object_id, help="object ID of the managed identity"
    )
    parser.add_argument(
        "--consent",
        action="store_true",
        help="also grant the permissions to consent without an administrator. Tier 0: a person who controls "
        "the app can then grant any permission in this tenant. Without it, an administrator must consent "
        "each time",
    )
    parser.add_argument(
        "--see-consent",
        action="store_true",
        help="also grant the permission to see that an administrator has consented. Without it, a person "
        "confirms the consent, and the onboarding continues then",
    )
    graph.add_arguments(parser, environ)
    arguments = parser.parse_args(argv)
    wanted: tuple[AppRole, ...] = GRAPH_BASE
    wanted += GRAPH_SEE if arguments.see_consent else ()
    wanted += GRAPH_CONSENT if arguments.consent else ()
    with graph.connected(parser, arguments) as directory:
        try:
            changes = _plan(directory, arguments.principal_id, wanted)
            complete = carry_out(changes, what_if=arguments.what_if, yes=arguments.yes, keyboard=keyboard)
        except (WrongTargetError, *graph.FAILURES) as error:
            print(error, file=sys.stderr)
            if isinstance(error, graph.DirectoryError) and error.is_refusal:
                print(_ROLE_NEEDED, file=sys.stderr)
            return 1
    if complete:
        print("All granted. Azure caches tokens of identities: a new permission can take a day to apply.")
    return 0 if complete or arguments.what_if else 1


def _plan(directory: graph.Directory, principal_id: str, wanted: tuple[AppRole, ...]) -> list[Change]:
    identity = directory.find(
        f"/servicePrincipals/{principal_id}?$select=id,displayName,servicePrincipalType"
    )
    if identity is None:
        raise WrongTargetError(
            f"This tenant has no service principal with object id {principal_id}. Check "
            "that it is the identity's principal id (not its client id), and that you are signed in to its "
            "tenant. If the identity is new, wait a minute."
        )
    if identity.get("servicePrincipalType") != "ManagedIdentity":
        raise WrongTargetError(
            f"{identity['displayName']} ({principal_id}) is not a managed identity. An app registration gets "
            "its permissions from its manifest and an administrator's consent, not from this script."
        )
    resource = directory.get(f"/servicePrincipals(appId='{GRAPH_APP_ID}')?$select=id,appRoles")
    offered = {role["id"]: role["value"] for role in resource["appRoles"]}
    for role in wanted:
        if offered.get(role.id) != role.value:
            raise WrongTargetError(f"Microsoft Graph here does not offer {role.value} as {role.id}.")
    held = assigned(directory, principal_id, resource["id"])
    print(f"Permissions in Microsoft Graph ({directory.graph})")
    print(f"for {identity['displayName']} ({principal_id}):\n")
    return [
        grant(directory, role=role, principal_id=principal_id, resource_id=resource["id"], held=held)
        for role in wanted
    ]


if __name__ == "__main__":
    sys.exit(main())
