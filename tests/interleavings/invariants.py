"""What must be true of a deployment once it is idle, whatever met before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onboarding.connections import pointers
from onboarding.connections.records import Connection, SecretRecord
from onboarding.lifecycle.removal_steps import REMOVE
from onboarding.storage import names
from onboarding.words.line import isolated
from onboarding.workflow.index_entry import Entry
from onboarding.workflow.run import HEAD, Run, RunStatus, StepStatus
from onboarding.workflow.run_index import MARKED, NEW, OPEN, _list, _owned, _with_status
from onboarding.workflow.runtime import Runtime
from tests.interleavings import agreement
from tests.interleavings.world import World

_UNDONE = {RunStatus.CANCELLED, RunStatus.ROLLED_BACK}
_OVER = {StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELLED}


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """All that is stored, read at once."""

    world: World
    connections: dict[str, Connection]
    onboardings: dict[str, tuple[Run, RunStatus]]
    operations: dict[str, tuple[Run, RunStatus]]

    @classmethod
    async def of(cls, world: World) -> State:
        """The state of a deployment."""
        rows = world.tables._rows[names.CONNECTIONS].values()
        found = [Connection.from_row(row) for row in rows if not row.partition.startswith("~")]
        return cls(
            world=world,
            connections={connection.id: connection for connection in found},
            onboardings=await _runs(world.parts.onboarding_runs, world, names.ONBOARDINGS),
            operations=await _runs(world.parts.operation_runs, world, names.OPERATIONS),
        )

    def uses(self, onboarding: str) -> bool:
        """Whether an onboarding has, or may still get, what it created."""
        if any(connection.onboarding == onboarding for connection in self.connections.values()):
            return True
        for run, status in self.operations.values():
            removes = run.head.plan == REMOVE.name and REMOVE.request_of(run.head).onboarding == onboarding
            if removes and status is not RunStatus.SUCCEEDED:
                return True  # in progress, or shown as failed
        _, status = self.onboardings.get(onboarding, (None, RunStatus.CANCELLED))
        return status not in {*_UNDONE, RunStatus.SUCCEEDED}


async def violations(world: World) -> list[str]:
    """The rules that are broken; empty if all is well."""
    state = await State.of(world)
    checks = (_ends, _objects, _grants, _secrets, _marks, _vault, _rows, _pointed, _calendar, _index, _poison)
    found = [text for check in checks for text in check(state)]
    runs = {**state.onboardings, **state.operations}
    found += [*agreement.calls(world), *agreement.quiet(world, runs)]
    found += await agreement.reserved(world, state.onboardings, set(state.connections))
    return found + await agreement.overview(world, state.onboardings, state.operations)


async def _runs(runtime: Runtime, world: World, table: str) -> dict[str, tuple[Run, RunStatus]]:
    found = {}
    for partition, key in list(world.tables._rows[table]):
        if key == HEAD and (run := await runtime.store.load(partition)):
            found[partition] = (run, runtime.status(run))
    return found


def _ends(state: State) -> Iterator[str]:
    """Each run ends, or waits for something that it names."""
    for identifier, (run, status) in {**state.onboardings, **state.operations}.items():
        what = f"{run.head.plan} {identifier[:8]}"
        waits = any(step.waiting_for for step in run.steps.values())
        stopping = run.head.stop_as is not None and state.uses(identifier)
        if not status.final and not waits and not stopping:
            steps = {name: (step.status.value, step.error) for name, step in run.steps.items()}
            yield f"{what} is {status} and waits for nothing: {steps}"
        if status in _UNDONE:
            idle = [step.name for step in run.steps.values() if step.status not in _OVER]
            if idle:
                yield f"{what} is {status}, and its steps {idle} are not"


def _owner(name: object) -> str:
    """The onboarding that a unique name or the name of a secret contains; empty for other names."""
    text = str(name or "")
    return text[4:40] if text.startswith("cmg-") else ""


def _objects(state: State) -> Iterator[str]:
    """Each application and service principal belongs to a connection or to a run that has not ended."""
    cloud, known = state.world.cloud, state.world.known
    apps = cloud.graph("/applications?$top=999")["value"]
    for app in apps:
        owner = _owner(app.get("uniqueName"))
        if owner and app["id"] not in known and not state.uses(owner):
            yield f"application {app['uniqueName']} belongs to nobody"
    for kind in ("application", "servicePrincipal"):
        for gone in cloud.graph(f"/directory/deletedItems/microsoft.graph.{kind}?$top=999")["value"]:
            if gone["id"] not in known and not _purging(state):
                yield f"{kind} {gone['displayName']} is deleted, and not purged"
    existing = {app["appId"] for app in apps}
    for principal in cloud.graph("/servicePrincipals?$top=999")["value"]:
        if principal["id"] not in known and principal["appId"] not in existing:
            yield f"service principal {principal['displayName']} has no application"


def _grants(state: State) -> Iterator[str]:
    """What the service granted to an imported application is revoked with its last user."""
    cloud, known = state.world.cloud, state.world.known
    if any(not status.final or status is RunStatus.FAILED for _, status in state.onboardings.values()):
        return  # one of them may use it
    used = {app.app_id for connection in state.connections.values() for app in connection.apps}
    for app in state.world.imports - used:
        principal = cloud.graph(f"/servicePrincipals(appId='{app}')")
        for path in ("oauth2PermissionGrants", "appRoleAssignments"):
            for grant in cloud.graph(f"/servicePrincipals/{principal['id']}/{path}")["value"]:
                if f"{grant['id']} {grant.get('scope')}" not in known:
                    yield f"a grant of {principal['displayName']} belongs to nobody: {grant.get('scope')}"


def _purging(state: State) -> bool:
    return any(
        run.head.plan == REMOVE.name and status is not RunStatus.SUCCEEDED
        for run, status in state.operations.values()
    )


def _name(connection: Connection) -> str:
    return isolated(connection.name)


def _secrets(state: State) -> Iterator[str]:
    """The recorded secrets exist, login accepts them, and their dates are correct; there are no others."""
    cloud = state.world.cloud
    for connection in state.connections.values():
        app = cloud.graph(f"/applications(appId='{connection.server_app.app_id}')")
        if app is None:
            yield f"{_name(connection)}: its server app is gone"
            continue
        listed = {each["keyId"]: each for each in app["passwordCredentials"]}
        for what, secret in (("secret", connection.secret), ("pending secret", connection.pending)):
            if secret:
                yield from (f"{_name(connection)}: its {what} {text}" for text in _wrong(state, app, secret))
        siblings = [each for each in state.connections.values() if connection.id in {each.id, each.shares}]
        recorded = {
            secret.key_id for each in siblings for secret in (each.secret, each.pending) if secret
        } | {connection.secret.key_id}
        for each in listed.values():
            ours = _owner(each.get("displayName")) == connection.onboarding
            if ours and each["keyId"] not in recorded:
                yield f"{_name(connection)}: the secret {each['displayName'][41:]} is recorded nowhere"
        if _owner(connection.secret.vault_name) == connection.onboarding and not connection.renewal:
            current = cloud.vault("GET", f"/secrets/{connection.secret.vault_name}")
            newest = connection.pending or connection.secret
            version = cloud.vault("GET", "/secrets/" + newest.vault_id.split("/secrets/")[1])
            if current and version and current["value"] != version["value"]:
                yield f"{_name(connection)}: the current version in the vault is not the recorded one"


def _wrong(state: State, app: dict[str, Any], secret: SecretRecord) -> Iterator[str]:
    found = next((each for each in app["passwordCredentials"] if each["keyId"] == secret.key_id), None)
    if found is None:
        yield "is not on the app"
    elif datetime.fromisoformat(found["endDateTime"]) != secret.ends_at:
        yield "ends at another time"
    stored = state.world.cloud.vault("GET", "/secrets/" + secret.vault_id.split("/secrets/")[1])
    if stored is None:
        yield "is not in the vault"
    elif not state.world.cloud.signs_in(app["appId"], stored["value"]):
        yield "is refused by login"


def _marks(state: State) -> Iterator[str]:
    """A connection names only a renewal that has not ended, and has a pending secret only with one."""
    for connection in state.connections.values():
        run, status = state.operations.get(connection.renewal, (None, None))
        if connection.renewal and (run is None or status in {RunStatus.SUCCEEDED, *_UNDONE}):
            yield f"{_name(connection)}: it names a renewal that is {status}"
        if connection.pending and not connection.renewal:
            yield f"{_name(connection)}: it has a pending secret without a renewal"


def _vault(state: State) -> Iterator[str]:
    """Each secret of the service in the vault belongs to a connection or to a run that has not ended."""
    for entry in state.world.cloud.vault("GET", "/secrets")["value"]:
        name, owner = entry["id"].rpartition("/")[2], (entry.get("tags") or {}).get("onboarding", "")
        if not owner or entry["id"] in state.world.known:
            continue  # a person put it there, or another deployment
        recorded = {
            secret.vault_name
            for connection in state.connections.values()
            for secret in (connection.secret, connection.pending)
            if secret
        }
        runs = {**state.onboardings, **state.operations}
        wanted = any(
            name in run.head.request for run, status in runs.values() if _pending(state, run, status)
        )
        made = name.startswith(("cmg-", "record-"))
        if name not in recorded and not wanted and not (made and state.uses(owner)):
            yield f"the vault's secret {name} belongs to nobody"


def _pending(state: State, run: Run, status: RunStatus) -> bool:
    if status is RunStatus.FAILED:
        if run.head.plan == "renewal":
            return any(connection.renewal == run.head.id for connection in state.connections.values())
        return True
    return not status.final


def _rows(state: State) -> Iterator[str]:
    """Pointers and the users of applications belong to something that exists."""
    for row in state.world.tables._rows[names.CONNECTIONS].values():
        kind = row.partition.partition(":")[0]
        if kind in {"~requester", "~inspection", "~drift"}:
            connection = state.connections.get(row.key)
            if connection is None:
                yield f"a pointer {row.partition} of a connection that is gone"
            elif kind == "~drift" and not connection.differences:
                yield f"{_name(connection)} does not drift, and is in the list"
        if kind == "~app" and not state.uses(row.key):
            yield f"{row.partition[:5]} has a user that is gone"


def _pointed(state: State) -> Iterator[str]:
    """Each connection is in the list of its requester, and in the schedule of the inspections."""
    for connection in state.connections.values():
        wanted = {(pointers.of_requester(connection.requester), connection.id)}
        place = pointers.inspection(connection.id)
        wanted.add((place.partition, place.key))
        for partition, _ in wanted - set(state.world.tables._rows[names.CONNECTIONS]):
            yield f"{_name(connection)}: its pointer {partition} is missing"


def _calendar(state: State) -> Iterator[str]:
    """The calendar has the expirations of the connections."""
    expected = set()
    for connection in state.connections.values():
        for kind, at in connection.expirations.items():
            expected.add((connection.id, kind, at.isoformat()))
    entered = set()
    for row in state.world.tables._rows[names.CALENDAR].values():
        if row.partition.startswith("all:"):
            document = json.loads(row.columns["document"])
            at = datetime.fromisoformat(document["ends_at"])
            entered.add((document["connection"], document["kind"], at.isoformat()))
    yield from (f"the calendar lacks {each}" for each in expected - entered)
    yield from (f"the calendar has {each}" for each in entered - expected)


def _index(state: State) -> Iterator[str]:
    """The lists, the open runs and the status rows agree with the runs."""
    for table, runs in (
        (names.ONBOARDING_INDEX, state.onboardings),
        (names.OPERATION_INDEX, state.operations),
    ):
        others = {"blocked", "sweep"}
        rows = [row for row in state.world.tables._rows[table].values() if row.partition not in others]
        found = {(row.partition, row.key) for row in rows}
        wanted: set[tuple[str, str]] = set()
        for run, status in runs.values():
            head, entry = run.head, Entry.of(run.head, "")
            month = _with_status(status, head).rpartition(":")[2]
            partitions = [f"all:{month}", *(f"{_list(k, v)}{month}" for k, v in head.lists.items())]
            if status.final:
                partitions.append(_with_status(status, head))
                partitions += [MARKED] if status is RunStatus.FAILED else []
            else:
                name = NEW if status is RunStatus.NOT_STARTED else OPEN
                partitions = partitions if name == OPEN else []
                partitions += [name, _owned(name, head.lists["requester"])]
            wanted |= {(partition, entry.key) for partition in partitions}
        yield from (f"{table} lacks {partition}" for partition, _ in wanted - found)
        yield from (f"{table} has {partition}" for partition, _ in found - wanted)


def _poison(state: State) -> Iterator[str]:
    for row in state.world.tables._rows[names.POISON_MESSAGES].values():
        yield f"a poison message: {row.columns['document']}"
