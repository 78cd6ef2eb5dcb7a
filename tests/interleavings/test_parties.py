"""Two requesters in two tenants: nobody changes what another one has, in whatever order they act."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, currently_in_test_context, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from onboarding.connections.records import Connection
from onboarding.lifecycle.context import unique_name
from onboarding.storage.keys import derived_id
from onboarding.words.line import isolated
from onboarding.words.word import read
from tests.interleavings.cloud import InProcessCloud
from tests.interleavings.parties import REQUESTERS, Parties
from tests.interleavings.world import World
from tests.support.portal import unique

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in the SDK of Graph

WAYS: Final = ("new", "discovery", "old-profile", "by-service", "own-import")
"""How somebody requests an onboarding of its own."""

ATTACKS: Final = (
    "secret-of-another",
    "app-of-another",
    "client-of-another",
    "share",
    "purge",
    "same-uri",
    "same-name",
    "unique-name",
)
"""How somebody requests an onboarding with what another requester has."""

VERBS: Final = (
    "renew_secret",
    "remove_connection",
    "confirm_renewal",
    "acknowledge_connection",
    "snooze_connection",
    "revoke_links",
    "inspect_connection",
    "get_connection",
    "encrypt_secret",
)
"""What somebody can do to a connection."""

RUN_VERBS: Final = (
    "cancel_onboarding",
    "roll_back_onboarding",
    "retry_onboarding",
    "resume_onboarding",
    "confirm_consent",
    "get_onboarding",
    "list_onboarding_events",
)
"""What somebody can do to an onboarding."""

_CALLERS = st.sampled_from(sorted(REQUESTERS))
_PICKS = st.integers(min_value=0, max_value=11)
_SOON: Final = timedelta(minutes=3)
_LATER: Final = timedelta(minutes=9)
"""Until all that wait for a consent have checked for it."""

_OLD: Final = "2023-11"
"""A profile whose client app does not request permission for the server app."""

_HONEST: Final[dict[str, dict[str, Any]]] = {
    "new": {},
    "discovery": {"userDiscovery": {"enabled": True}},
    "old-profile": {"profile": _OLD},
}


class PartiesMachine(RuleBasedStateMachine):
    """Each rule is one call of a requester; the hosts work at once, or later together with other work."""

    def __init__(self, runner: asyncio.Runner, cloud: InProcessCloud) -> None:
        super().__init__()
        self.runner = runner
        self.world = World(cloud)
        self.parties = Parties(self.world)
        self.acted: set[str] = set()
        """The requesters that have asked for something that is not done."""
        self.had = self._run(self.parties.look())
        self.permissions = self.parties.permissions()

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        """End what still waits."""
        self._run(self.world.close())

    @initialize(
        tenant=st.integers(0, 1), way=st.sampled_from(("new", "discovery", "old-profile", "own-import"))
    )
    def begin(self, tenant: int, way: str) -> None:
        """One requester has a connection that an attacker could target."""
        self.onboard("requester", tenant=tenant, name="One", way=way, pick=1, now=True)

    @rule(
        caller=_CALLERS,
        tenant=st.integers(0, 1),
        name=st.sampled_from(("One", "Two", "Three")),
        way=st.sampled_from(WAYS),
        pick=_PICKS,
        now=st.booleans(),
    )
    def onboard(self, caller: str, *, tenant: int, name: str, way: str, pick: int, now: bool) -> None:
        """Somebody asks for an onboarding, honestly or not."""
        place = self.parties.tenants[tenant]
        body = self._run(self._wanted(caller, place, way, pick))
        self._call(caller, "create_onboarding", {"name": name, "tenantId": place, **body}, now=now)

    async def _wanted(self, caller: str, tenant: str, way: str, pick: int) -> dict[str, Any]:
        """An honest request."""
        if way in _HONEST:
            return _HONEST[way]
        mine = await self.parties.registered(caller, tenant, discovery=pick % 2 == 0)
        discovery = {"userDiscovery": {"enabled": pick % 2 == 0}}
        consent = {"adminConsent": "ByService"} if way == "by-service" else {}
        return {**mine.request(), **discovery, **consent}

    @rule(caller=_CALLERS, way=st.sampled_from(ATTACKS), pick=_PICKS, now=st.booleans())
    def attack(self, caller: str, way: str, pick: int, now: bool) -> None:
        """Somebody requests an onboarding with what another requester has."""
        mine = REQUESTERS[caller]
        if others := [each for each in self.parties.connections() if each.requester != mine]:
            target = others[pick % len(others)]
            body = self._run(self._greedy(caller, way, target))
            body = {"name": f"Mine {pick}", "tenantId": target.tenant, **body}
            key = {}
            if way == "unique-name":
                key = {"key": unique(way)}
                self._run(self._be_first(mine, key["key"], target.tenant))
            self._call(caller, "create_onboarding", body, now=now, **key)

    async def _be_first(self, requester: str, key: str, tenant: str) -> None:
        """Register applications before the service does. The key of a request decides the ID of its run."""
        onboarding = derived_id("onboarding", requester, key)
        for role in ("server", "client"):
            await self.parties.registered_first(tenant, unique_name(onboarding, role))

    async def _greedy(self, caller: str, way: str, target: Connection) -> dict[str, Any]:
        """A request. Client IDs, URIs and hints are values that any member of the tenant can read."""
        match way:
            case "secret-of-another":
                mine = await self.parties.registered(caller, target.tenant, discovery=False)
                return mine.request(vaultSecret=target.secret.vault_name)
            case "app-of-another":
                app = self.parties.app(target)
                hints = [each["hint"] for each in (app or {}).get("passwordCredentials", ())]
                guess = f"{(hints or ['abc'])[0]}-this-is-no-secret"
                existing = {"clientId": target.server_app.app_id, "secret": guess}
                return {"profile": target.profile, "serverApp": {"existing": existing}}
            case "client-of-another" if target.client_app:
                mine = await self.parties.registered(caller, target.tenant, discovery=False, revision=_OLD)
                client = {"existing": {"clientId": target.client_app.app_id}}
                return {"profile": _OLD, "serverApp": mine.request()["serverApp"], "clientApp": client}
            case "share":
                return {"serverApp": {"existing": {"connectionId": target.id}}}
            case "purge" | "same-uri":
                purge = {"onDeleted": "Purge"} if way == "purge" else {}
                return {"serverApp": {"appIdUri": target.app_id_uri, **purge}}
            case _:
                own = {"userDiscovery": {"enabled": True}}
                return own if way == "unique-name" else {"name": read(target.name)}

    @rule(caller=_CALLERS, verb=st.sampled_from(VERBS), pick=_PICKS, now=st.booleans())
    def use(self, caller: str, verb: str, pick: int, now: bool) -> None:
        """Somebody does something to a connection, whoever owns it."""
        if not (found := self.parties.connections()):
            return
        chosen = found[pick % len(found)]
        path = {"id": chosen.id}
        if verb == "confirm_renewal":
            path["renewal"] = chosen.renewal or chosen.onboarding
        bodies: dict[str, Any] = {
            "renew_secret": {},
            "acknowledge_connection": {},
            "snooze_connection": {"days": 3},
            "encrypt_secret": {"certificate": "none"},
        }
        self._call(caller, verb, bodies.get(verb), now=now, owner=chosen.requester, **path)

    @rule(caller=_CALLERS, verb=st.sampled_from(RUN_VERBS), pick=_PICKS, now=st.booleans())
    def steer(self, caller: str, verb: str, pick: int, now: bool) -> None:
        """Somebody does something to an onboarding, whoever owns it."""
        owners = self._run(self.parties.requesters())
        if owners:
            chosen = sorted(owners)[pick % len(owners)]
            self._call(caller, verb, None, now=now, owner=owners[chosen], id=chosen)

    @rule(tenant=st.integers(0, 1), pick=_PICKS)
    def consent(self, tenant: int, pick: int) -> None:
        """The administrator of a tenant consents to applications that somebody has registered by hand."""
        place, known = self.parties.tenants[tenant], self.parties.by_hand
        if apps := [app["appId"] for app in self.parties.apps(place) if app["appId"] in known]:
            note(f"consent in {place}")
            self._run(self.parties.consent(place, apps[pick % len(apps)]))
            self.permissions = self.parties.permissions()
            self._run(self._settled(administrator=True))

    @rule()
    def settle(self) -> None:
        """The hosts do all waiting work, and the timers run."""
        self._run(self._settled())

    def _call(self, caller: str, route: str, body: Any, *, now: bool, owner: str = "", **path: str) -> None:
        status, answer = self._run(self._answer(caller, route, body, **path))
        if currently_in_test_context():
            note(f"{caller}: {route} {body or ''} {path} -> {status}")
        assert status < 500, answer
        mine = REQUESTERS[caller]
        if owner not in {"", mine}:
            assert status in {403, 404}, f"{caller} may {route} what belongs to another one: {answer}"
        self.acted.add(mine)
        if now:
            self._run(self._settled())

    async def _answer(self, caller: str, route: str, body: Any, **path: Any) -> tuple[int, Any]:
        return await self.world.call(route, body, caller=caller, **path)

    async def _settled(self, *, administrator: bool = False) -> None:
        await self.world.settle(patience=_LATER if administrator else _SOON)
        had, self.had = self.had, await self.parties.look()
        for connection, before in had.items():
            if before.requester in self.acted or administrator:
                continue
            now = self.had.get(connection)
            assert now is not None, f"{connection} of {before.requester} is gone"
            changed = {name for name in before.has if before.has[name] != now.has.get(name)}
            assert not changed, f"{self.acted} changed {changed} of {connection}"
        self.acted = set()

    @invariant()
    def no_other_application_gains_a_permission(self) -> None:
        """Nobody here is an administrator or an operator."""
        before, self.permissions = self.permissions, self.parties.permissions()
        for app, granted in self.permissions.items():
            gained = granted - before.get(app, set())
            assert not gained, f"{app} has gained {gained}"

    @invariant()
    def what_one_has_is_of_its_own(self) -> None:
        """No connection uses an application or a secret of somebody else."""
        owners = self._run(self.parties.requesters())
        for connection in self.parties.connections():
            for secret in filter(None, (connection.secret, connection.pending)):
                name = secret.vault_name
                maker = name.removeprefix("cmg-").removeprefix("import-")[:36]
                assert owners.get(maker, connection.requester) == connection.requester, name
            for app in connection.apps:
                by, _ = self.parties.by_hand.get(app.app_id, ("", None))
                found = self.world.cloud.graph(f"/applications(appId='{app.app_id}')", connection.tenant)
                unique = str((found or {}).get("uniqueName") or "")
                maker = owners.get(unique[4:40], REQUESTERS.get(by, connection.requester))
                assert maker == connection.requester, f"{connection.id} uses {isolated(app.name)} of {maker}"


def explore(cloud: InProcessCloud, *, examples: int, steps: int) -> None:
    """Look for an order of calls that breaks a rule."""
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: PartiesMachine(runner, cloud),  # type: ignore[arg-type] # any factory
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                derandomize=examples < 10,
                database=None,
                phases=(Phase.generate,),  # an example takes seconds, and shows its calls
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.mark.parametrize("way", sorted(_HONEST))
def test_each_attack_alone_changes_nothing(simulated, way):
    """No way to use what another requester has takes it away, also when both continue afterwards."""
    with asyncio.Runner() as runner:
        machine = PartiesMachine(runner, simulated)
        machine.begin(tenant=len(way) % 2, way=way)
        for number, attack in enumerate(ATTACKS):
            machine.attack("other", attack, number, now=number % 2 == 0)
            machine.no_other_application_gains_a_permission()
            machine.what_one_has_is_of_its_own()
        for verb in VERBS:
            machine.use("other", verb, 0, now=False)
        machine.settle()
        machine.no_other_application_gains_a_permission()
        machine.use("requester", "renew_secret", 0, now=True)
        machine.use("requester", "remove_connection", 0, now=True)
        machine.what_one_has_is_of_its_own()
        machine.teardown()


def test_nobody_changes_what_another_one_has(simulated):
    """Whatever two requesters do in two tenants, each keeps what it has."""
    explore(simulated, examples=3, steps=6)


@pytest.mark.soak
@pytest.mark.parametrize("steps", range(16, 40, 4))
def test_nobody_changes_what_another_one_has_in_long(tmp_path, steps):
    """The same, for many and longer orders."""
    cloud = InProcessCloud(tmp_path)
    explore(cloud, examples=20, steps=steps)
    cloud.close()
