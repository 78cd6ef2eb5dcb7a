from __future__ import annotations

import asyncio
import secrets
import time
from datetime import timedelta

import pytest

from onboarding.notices import consent_states
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.consent_states import ConsentStates
from tests.support.vault import Safe

TENANT = "8B1F6C70-2d94-4e3a-a5c1-6f7e0d9b3a21"
DAY = timedelta(days=1)


class Silent(Safe):
    """A vault that accepts a call and does not answer."""

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:
        """Nothing, for an hour."""
        self.reads += 1
        await asyncio.sleep(3600)
        return await super().read(name, versions=versions)


def states(safe: Safe, key: str = "link-key") -> ConsentStates:
    """The states of a deployment."""
    return ConsentStates(secrets=ChannelSecrets(lambda: safe, safe), key=key, clock=safe)


@pytest.fixture
def safe():
    safe = Safe()
    safe.values["link-key"] = (secrets.token_urlsafe(64),)
    return safe


async def test_a_state_names_its_tenant_as_long_as_an_onboarding_waits(safe):
    """It is valid for 30 to 60 days, and answers show the same one for up to 30 days."""
    known = states(safe)
    seen = []
    for _ in range(90):
        state = await known.of(TENANT)
        seen.append(state)
        safe.time += 30 * DAY - timedelta(seconds=1)
        assert await known.tenant(state) == TENANT.casefold()
        safe.time += 30 * DAY + timedelta(seconds=2)
        assert await known.tenant(state) is None
        safe.time -= 59 * DAY + timedelta(seconds=1)
    assert len(set(seen)) == 4


async def test_a_state_outlives_one_replacement_of_the_key(safe):
    """Links that were sent before an operator replaced the key are valid until it is replaced again."""
    state = await states(safe).of(TENANT)
    for keys, valid in ((1, True), (2, False)):
        safe.values["link-key"] = (secrets.token_urlsafe(64), *safe.values["link-key"])[:2]
        assert (await states(safe).tenant(state) is not None) == valid, keys


async def test_without_a_key_there_is_no_state(safe):
    """A deployment without links, a missing secret and a key that is too short only lose the quick check."""
    assert await states(safe, "").of(TENANT) == ""
    assert await states(safe, "link-gone").of(TENANT) == ""
    assert await states(safe, "").tenant(await states(safe).of(TENANT)) is None
    assert await states(safe).tenant("") is None
    safe.values["link-key"] = ("short",)
    assert await states(safe).of(TENANT) == ""


async def test_a_silent_vault_delays_an_error_only_for_a_moment(monkeypatch):
    """An error that names the page does not wait for the vault as a step would, and the next ones not at all.

    The same is true of the page after the consent.
    """
    monkeypatch.setattr(consent_states, "_LONGEST", 0.05)
    silent = Silent()
    known = states(silent)
    began = time.monotonic()
    assert [await known.of(TENANT) for _ in range(100)] == [""] * 100
    with pytest.raises(TimeoutError):
        await known.tenant("a.b.c")
    assert time.monotonic() - began < 2
    assert silent.reads == 1


async def test_a_vault_that_was_silent_is_asked_again(monkeypatch, safe):
    """After a minute, errors name the page with its state."""
    monkeypatch.setattr(consent_states, "_LONGEST", 0.05)
    monkeypatch.setattr(consent_states, "_SILENCE", 0)
    vaults = [Silent(), safe]
    known = ConsentStates(secrets=ChannelSecrets(lambda: vaults.pop(0), safe), key="link-key", clock=safe)
    assert await known.of(TENANT) == ""
    assert await known.of(TENANT) == await states(safe).of(TENANT)
