"""The connection string that a trigger's ``connection`` names, looked up as the Functions host does.

``AzureWebJobs<name>`` comes before ``<name>``. Upper and lower case are the same, and ``__`` separates the
parts of a name. So a connection that an app calls ``Storage``, or ``STORAGE``, is the host's own account.

Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections,
and ``GetWebJobsConnectionStringSection`` in https://github.com/Azure/azure-webjobs-sdk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from infra.local.host.errors import StartError

USUAL: Final = "AzureWebJobsStorage"
"""The connection of a trigger that names none."""


def connection_string(function: str, connection: str, environment: Mapping[str, str]) -> str:
    """The connection string for a function.

    Raises:
        StartError: there is none, or it has parts, which name an identity; this host has none.
    """
    settings = {name.replace("__", ":").casefold(): value for name, value in environment.items()}
    for name in _names(connection):
        key = name.casefold()
        if settings.get(key):
            return settings[key]
        if any(other.startswith(f"{key}:") for other in settings):
            raise StartError(
                f"the function {function!r} needs the connection {name!r} as one connection string: this host"
                " has no identity"
            )
        if key in settings:
            break  # empty; the host looks no further
    raise StartError(
        f"the function {function!r} needs the setting {connection!r}, which is not in the environment"
    )


def _names(connection: str) -> Iterable[str]:
    for name in (f"AzureWebJobs{connection}", connection):
        yield f"ConnectionStrings:{name}"
        yield name
