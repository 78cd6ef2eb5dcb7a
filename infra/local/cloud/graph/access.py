"""Access rules: the application permissions of a token, and ownership with the narrowest of them.

https://learn.microsoft.com/graph/permissions-reference. ``Application.ReadWrite.OwnedBy`` may list every
application but change only what its holder owns.
"""

from __future__ import annotations

from typing import Final

from infra.local.cloud.collection import Collection
from infra.local.cloud.directory import Directory
from infra.local.cloud.graph.call import Call, Key
from infra.local.cloud.graph.errors import GraphError, bad_request, denied, not_found
from infra.local.cloud.messages import JsonObject, is_guid

WRITE_ALL: Final = "Application.ReadWrite.All"
WRITE_OWNED: Final = "Application.ReadWrite.OwnedBy"
DIRECTORY_READERS: Final = ("Directory.Read.All", "Directory.ReadWrite.All")
APPLICATION_READERS: Final = ("Application.Read.All", WRITE_OWNED, WRITE_ALL, *DIRECTORY_READERS)
ASSIGNMENT_WRITER: Final = "AppRoleAssignment.ReadWrite.All"
GRANT_WRITERS: Final = ("DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All")
GRANT_READERS: Final = ("Directory.Read.All", *GRANT_WRITERS)
"""https://learn.microsoft.com/graph/api/serviceprincipal-list-oauth2permissiongrants: no others."""
UNLIMITED_READERS: Final = ("Application.Read.All", WRITE_ALL, *DIRECTORY_READERS)
"""Not ``OwnedBy``: for deleted items, which it may purge
(https://learn.microsoft.com/graph/api/directory-deleteditems-list), and together with the permission that
assigns app roles (https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto)."""
POLICY_READERS: Final = (
    "Policy.Read.All",
    "Policy.Read.ApplicationConfiguration",
    "Policy.ReadWrite.ApplicationConfiguration",
)


_QUOTA: Final = (
    "The directory object quota limit for the Principal has been exceeded. Please ask your administrator to"
    " increase the quota limit or delete objects to reduce the used quota."
)


def may_write_all(call: Call) -> bool:
    """Whether the caller can change applications that it does not own."""
    return WRITE_ALL in call.caller.roles


def need_ownership(call: Call, directory: Directory, object_id: str) -> None:
    """Refuse a caller that can change only its own objects and does not own this one."""
    call.need(WRITE_OWNED, WRITE_ALL)
    if not may_write_all(call) and call.caller.object_id not in directory.owners(object_id):
        raise denied()


def new_owners(call: Call, directory: Directory, wanted: JsonObject, *, upsert: bool) -> list[str]:
    """The owners of an object that is created: those in the request, or the caller.

    Whether an upsert makes its caller the owner is not documented, and at times it did not
    (https://github.com/microsoftgraph/msgraph-bicep-types/issues/154).

    Deleted objects count toward the quota. Whether it applies to what an application creates is not clear:
    https://github.com/MicrosoftDocs/azure-docs/issues/63468 confirms it, and
    https://learn.microsoft.com/entra/identity/enterprise-apps/delete-recover-faq denies it.
    """
    limited = directory.quota and not may_write_all(call)
    if limited and len(directory.owned_by(call.caller.object_id)) >= directory.quota:
        raise GraphError(403, "Directory_QuotaExceeded", _QUOTA)
    bound = wanted.get("owners@odata.bind") or []
    owners = [str(each).rstrip("/").rpartition("/")[2].lower() for each in bound]
    for owner in owners:
        if directory.service_principals.seen(owner) is None:
            raise not_found(owner)
    if owners or (upsert and not directory.upsert_owns):
        return owners
    return [call.caller.object_id] if call.caller.object_id else []


def application(call: Call, directory: Directory, *, key: Key | None = None) -> JsonObject:
    """The application that a path names, as a read sees it."""
    return _named(directory.applications, key or call.keys[0], ("appId", "uniqueName"))


def service_principal(call: Call, directory: Directory, *, key: Key | None = None) -> JsonObject:
    """The service principal that a path names, as a read sees it."""
    return _named(directory.service_principals, key or call.keys[0], ("appId",))


def _named(collection: Collection, key: Key, alternates: tuple[str, ...]) -> JsonObject:
    if key.name == "id":
        if not is_guid(key.value):
            raise bad_request(f"Invalid object identifier '{key.value}'.")
        body = collection.seen(key.value.lower())
    elif key.name in alternates:
        if key.name == "appId" and not is_guid(key.value):
            raise bad_request(
                "Invalid value specified for object reference property 'appId'."
                " Please ensure that this value has an appropriate syntax and length."
            )
        body = collection.first(key.name, key.value)
    else:
        raise bad_request(f"The key '{key.name}' is not defined for this resource.")
    if body is None:
        raise not_found(key.value)
    return body


def owners_of(directory: Directory, object_id: str) -> list[JsonObject]:
    """The owners of an application or service principal, as reads see them."""
    found = (directory.service_principals.seen(owner) for owner in directory.owners(object_id))
    typed = {"@odata.type": "#microsoft.graph.servicePrincipal"}
    return [typed | body for body in found if body is not None]
