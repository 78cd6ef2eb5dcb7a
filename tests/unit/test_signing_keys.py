"""The keys of access tokens: known ones are used at once, and failed downloads are remembered."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from onboarding.api.signing_keys import KeysUnavailableError, SigningKeys

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def document(*names: str, **changes: Any) -> dict[str, Any]:
    """A set of keys with these IDs."""
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY))
    return {"keys": [{**key, "kid": name, "use": "sig", **changes} for name in names]}


class Login:
    """Publishes a document and counts the downloads; each download can be made to wait or to fail."""

    def __init__(self, published: Any) -> None:
        self.published = published
        self.downloads = 0
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self) -> Any:
        self.downloads += 1
        self.answers.wait(30)
        if isinstance(self.published, Exception):
            raise self.published
        return self.published


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    """A clock."""
    return Watch()


async def test_keys_are_downloaded_once_for_all_callers(watch):
    """Simultaneous callers share a download, and later ones need none."""
    login = Login(document("a"))
    keys = SigningKeys(login, watch)
    found = await asyncio.gather(*(keys.find("a") for _ in range(50)))
    assert {key.key_id for key in found if key} == {"a"}
    watch.now = 3000
    assert await keys.find("a")
    assert login.downloads == 1


async def test_a_known_key_does_not_wait_for_a_download(watch):
    """While login hangs, a known key is found at once, and unknown ones share one download."""
    login = Login(document("a"))
    keys = SigningKeys(login, watch)
    assert await keys.find("a")
    watch.now = 31
    login.answers.clear()
    unknown = [asyncio.create_task(keys.find(f"u{number}")) for number in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        assert await keys.find("a")
    login.published = document("a", "u7")
    login.answers.set()
    found = await asyncio.gather(*unknown)
    assert [number for number, key in enumerate(found) if key] == [7]
    assert login.downloads == 2


async def test_unknown_keys_cause_no_flood(watch):
    """An unknown key causes at most one download in thirty seconds."""
    login = Login(document("a"))
    keys = SigningKeys(login, watch)
    for second in range(60):
        watch.now = second
        assert await keys.find("unknown") is None
    assert login.downloads == 2


@pytest.mark.parametrize(
    "published",
    [
        OSError("no route"),
        ValueError("no JSON"),
        None,
        [],
        "text",
        {},
        {"keys": []},
        {"keys": None},
        {"keys": [{"kty": "RSA"}]},
        {"keys": [None]},
        document("a", use="enc"),
        document("a", n="!"),
    ],
)
async def test_a_broken_document_is_an_outage_that_is_remembered(watch, published):
    """Without keys, nothing can be verified. A failure is remembered for five seconds, no longer."""
    login = Login(published)
    keys = SigningKeys(login, watch)
    for second in (0, 1, 4):
        watch.now = second
        with pytest.raises(KeysUnavailableError):
            await keys.find("a")
    assert login.downloads == 1
    login.published, watch.now = document("a"), 6
    assert await keys.find("a")
    assert login.downloads == 2


async def test_earlier_keys_stay_in_use_for_a_day(watch):
    """While later downloads fail, known keys are used, but not forever; unknown keys cannot be judged."""
    login = Login(document("a"))
    keys = SigningKeys(login, watch)
    assert await keys.find("a")
    login.published, watch.now = OSError("no route"), 23 * 3600
    assert await keys.find("a")
    with pytest.raises(KeysUnavailableError):
        await keys.find("b")
    watch.now = 24 * 3600
    with pytest.raises(KeysUnavailableError):
        await keys.find("a")
    login.published, watch.now = document("b"), 25 * 3600
    assert await keys.find("a") is None
    assert await keys.find("b")


async def test_a_probe_downloads_the_keys(watch):
    """A probe shows whether the keys can be downloaded now, also while known keys are in use."""
    login = Login(document("a"))
    keys = SigningKeys(login, watch)
    await keys.refresh()
    login.published = OSError("no route")
    with pytest.raises(KeysUnavailableError):
        await keys.refresh()
    assert await keys.find("a")
    assert login.downloads == 2
