from __future__ import annotations

import base64
import json
import secrets
from datetime import timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.expiry.site import SWEEP
from tests.support.portal import until
from tests.support.receivers import WebServer

SECRET = "notice-webhook-signing"


@pytest.fixture(scope="module")
async def receiver():
    async with WebServer() as server:
        yield server


@pytest.fixture(scope="module")
async def signing_keys(shared_site):
    """Three versions of the signing secret, the oldest first."""
    keys = [f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}" for _ in range(3)]
    for key in keys:
        await shared_site.look("keyVault", "PUT", f"/secrets/{SECRET}?api-version=7.5", {"value": key})
    return keys


@pytest.fixture(scope="module", autouse=True)
async def _signs(shared_site, receiver, signing_keys):  # noqa: ARG001 - they have to be there first
    """The deployment signs what it posts to the receiver."""
    settings = {"NOTICE_WEBHOOK_URL": f"http://{receiver.host}/hook", "NOTICE_WEBHOOK_SECRET": SECRET}
    async with shared_site.set(settings):
        yield


async def test_the_webhook_is_signed_with_the_current_secret_and_the_one_before(site, receiver, signing_keys):
    """A receiver can verify with the current or the previous secret; an older one fails."""
    connection = await site.connection(days=20)
    await site.sweep()
    (post,) = receiver.about("/hook", connection["id"])
    oldest, previous, current = signing_keys
    for key in (current, previous):
        assert Webhook(key).verify(post.body, dict(post.headers)) == json.loads(post.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(oldest).verify(post.body, dict(post.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(current).verify(post.body.replace("secret", "Secret", 1), dict(post.headers))
    assert post.headers["webhook-id"] == json.loads(post.body)["id"]
    assert post.headers["content-type"] == "application/cloudevents+json"


async def test_a_repeated_message_has_its_id_and_a_signature_of_its_own_time(site, receiver):
    """A repeated message has the same ID for the receiver, and a signature with a current time."""
    connection = await site.connection(days=20)
    receiver.refuses.add("/hook")
    await site.fire(SWEEP)
    await until(lambda: site.waits(connection), "the wait for the second try")
    receiver.refuses.clear()
    await site.advance(timedelta(hours=1))
    await site.fire("sweep_onboardings")
    await site.settled()
    first, second = receiver.about("/hook", connection["id"])
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    waited = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert waited >= 3600
