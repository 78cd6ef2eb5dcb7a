"""Client secrets are searched for everywhere except in the vault, after runs with faults."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Final
from urllib.parse import quote

import httpx
import pytest

from onboarding.storage import names
from tests.durability.labels import ADD_PASSWORD
from tests.durability.outcome import problems
from tests.support.lanes.lane import Lane
from tests.support.lanes.points import Point
from tests.support.lanes.proxy import AFTER, BEFORE, Drop, Refusal

STORE: Final = "keyVault PUT secrets/cmg"
TROUBLES: Final[tuple[tuple[Point, ...], ...]] = (
    (),
    (Point(label=ADD_PASSWORD, when=AFTER),),
    (Point(label=STORE, when=BEFORE),),
    (Point(label=STORE, when=AFTER),),
    (Point(label=ADD_PASSWORD, when=AFTER, interference=Drop()),),
    (Point(label=STORE, when=BEFORE, interference=Refusal(status=400)),),
    (Point(label=STORE, when=AFTER, interference=Drop()),),
    (
        Point(
            label="write onboardings server-secret Succeeded", when=BEFORE, interference=Refusal(status=500)
        ),
    ),
)


@pytest.mark.soak
async def test_the_secret_is_nowhere_but_in_the_vault(lane):
    """No row, message, file, log line, answer or record of a call contains a secret."""
    answers: list[str] = []
    made: list[str] = []

    async def keep(answer: httpx.Response) -> None:
        await answer.aread()
        if str(answer.url).startswith(lane.address):
            answers.append(answer.text)

    lane.portal.http.event_hooks["response"].append(keep)
    onboardings: list[str] = []
    try:
        for points in TROUBLES:
            onboarding = await lane.run(points)
            assert all(point.met for point in points)
            document = await lane.get(f"/api/onboardings/{onboarding.id}")
            await lane.all(f"/api/onboardings/{onboarding.id}/events")
            if document["status"] == "Succeeded":
                assert await problems(lane, onboarding) == []
            onboardings.append(onboarding.id)
            made += [
                json.loads(exchange.answer)["secretText"]
                for exchange in onboarding.exchanges
                if exchange.label.endswith("addPassword") and exchange.status == 200
            ]
        await lane.all("/api/onboardings")
        await lane.all("/api/connections")
    finally:
        lane.portal.http.event_hooks["response"].remove(keep)
    assert len(made) >= len(TROUBLES)

    first = onboardings[0]
    places: dict[str, tuple[str, list[str]]] = {
        # Each place has text that must be found there, so a search in the wrong place fails.
        "answers": (first, answers),
        "what was written": (first, [body.decode(errors="replace") for body in lane.written]),
        "rows": (first, [str(row) for table in names.TABLES for row in await lane.rows(table)]),
        "messages": ("", [text async for text in _messages(lane)]),
        "files of storage": (first, list(_files(lane, "storage"))),
        "logs and outputs": ("run_step", list(_files(lane, "host.log", "host.out"))),
        "calls": (first, [json.dumps((await lane.portal.control("GET", "/calls")).json())]),
    }
    for name, (known, texts) in places.items():
        found = [text for text in texts if any(form in text for secret in made for form in _forms(secret))]
        assert found == [], f"a secret is in the {name}"
        assert not known or any(known in text for text in texts), f"{known} is not in the {name}"


async def _messages(lane: Lane) -> AsyncIterator[str]:
    for queue in names.QUEUES:
        for message in await lane.queues.get_queue_client(queue).peek_messages(max_messages=32):
            yield base64.b64decode(message.content).decode()


def _files(lane: Lane, *parts: str) -> Iterator[str]:
    for part in parts:
        path = lane.stack.folder / part
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.is_file():
                yield file.read_text(errors="replace")


def _forms(secret: str) -> set[str]:
    """The forms that a secret can have in a text: plain, escaped, encoded."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], encoded}
