"""What chat and mail services would receive: no links, mentions or formatting from a requester.

The services have fixed addresses, so the test intercepts the HTTP library's request and reads its payload.
"""

from __future__ import annotations

import asyncio
import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from markdown_it import MarkdownIt

from onboarding.clock import SystemClock
from onboarding.notices.channels.channel_secrets import ChannelSecrets
from onboarding.notices.channels.people import People
from onboarding.notices.message_text import digest, single
from tests.support import corpus
from tests.support.notices import item

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "a1B2c3D4e5F6g7H8i9J0k1L2"
CHAT = {
    "slack": f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN}/#general",
    "discord": f"discord://{'1' * 18}/{'a' * 64}/",
    "mattermost": f"mmosts://chat.example/{TOKEN}",
    "gchat": f"gchat://AAAAAAAAAAA/{TOKEN}/{TOKEN}",
    "workflows": f"workflow://prod.example:443/{'b' * 32}/{TOKEN}/",
    "rocketchat": f"rockets://{TOKEN}/{TOKEN}@chat.example/#general",
    "webex": f"wxteams://{'w' * 80}/",
    "zulip": f"zulip://bot@acme/{'z' * 32}/general",
    "telegram": f"tgram://123456789:{'A' * 35}/12345/",
    "ntfy": "ntfys://ntfy.example/topic",
    "guilded": f"guilded://{'1' * 8}-1111-1111-1111-{'1' * 12}/{'a' * 40}",
    "lark": f"feishu://{'c' * 36}/",
}
NAME = (
    "https://a [Renew here](https://evil.example) <https://evil.example|Renew> @everyone <!channel> "
    "**x** __y__ ~~z~~ `c` ||s|| <b>t</b> www.evil.example"
)
HARMFUL = (
    "https://evil",
    "evil.example",
    "https://a ",
    "here](",
    "@everyone",
    "<!channel",
    "&lt;!channel",
    "|Renew",
    "**x",
    "__y",
    "~~z",
    "`c",
    "||s",
    "<b>t",
)

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
LONG = 200
"""The number of letters above which a service gets a message in parts."""


class Elements(HTMLParser):
    """The elements of an HTML text with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements.append(f"{tag} {attrs}")


class Vault:
    """A vault with the address of one channel."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def read(self, name: str, *, versions: int = 1) -> tuple[str, ...]:  # noqa: ARG002
        """The address."""
        return (self._address,)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The payloads of the requests that a service would receive; each is answered with success."""
    payloads: list[str] = []

    def send(_: requests.Session, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        body = request.body or b""
        payloads.append(body.decode() if isinstance(body, bytes) else str(body))
        answer = requests.Response()
        answer.status_code = 200
        slack = b"ok"
        answer._content = (
            slack if "slack" in str(request.url) else b'{"ok": true, "StatusCode": 0, "code": 0}'
        )
        return answer

    monkeypatch.setattr(requests.Session, "send", send)
    return payloads


def words(payload: str) -> str:
    """All text in a payload, decoded as the service decodes it."""
    try:
        document = json.loads(payload)
    except ValueError:
        fields = parse_qs(payload)
        return "\n".join(value for values in fields.values() for value in values) or payload
    found: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for each in value.values():
                collect(each)
        elif isinstance(value, list):
            for each in value:
                collect(each)

    collect(document)
    return "\n".join(found)


@pytest.mark.parametrize("service", CHAT)
@pytest.mark.parametrize("form", ["notice", "digest"])
def test_a_name_is_only_text_in_each_service(sent, service, form):
    """Title and body contain no part of a name that the service could read as more than text."""
    hostile = item(name=NAME, tenant_name=NAME)
    message = single(hostile, "id", "") if form == "notice" else digest([hostile], "id")[0]
    people = People(ChannelSecrets(lambda: Vault(CHAT[service]), SystemClock()))
    asyncio.run(people.send("ops", "", message))
    text = "\n".join(map(words, sent))
    assert "Renew here" in text
    assert [part for part in HARMFUL if part in text] == []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        for child in token.children or ():
            if child.type == "link_open":
                assert str(child.attrs["href"]).startswith(("https://x/l?", "https://learn.microsoft.com/"))


def shape(service: str, text: str) -> list[str]:
    """What a service reads in a text besides text: links, mentions, emphasis, elements, emoji, blocks."""
    found = re.findall(r":\w+:(?!\d)|@\w+|&(?:lt|gt|quot|#\d+);|\w+://[^\s|>)\"]+|\{\{|\|\|", text)
    if service in {"slack", "gchat"}:
        marks = re.sub(r"<([^<>|]*)(\|[^<>]*)?>", "", text)
        return [*found, *re.findall(r"<[^<>]*>", text), *re.findall("[*_~`<>]", marks)]
    if service == "telegram":
        reader = Elements()
        reader.feed(text)
        return [*found, *reader.elements]
    for token in MARKDOWN.parse(text):
        found += [token.type, *(child.type for child in token.children or ())]
    return [kind for kind in found if kind not in {"text", "softbreak", "text_special"}]


@pytest.mark.soak
@pytest.mark.parametrize("service", CHAT)
def test_no_word_changes_what_a_service_reads(sent, service):
    """Each word of the corpus, as connection and as tenant, is only text in the service's dialect."""
    people = People(ChannelSecrets(lambda: Vault(CHAT[service]), SystemClock()))

    def read(name: str) -> list[str]:
        sent.clear()
        asyncio.run(people.send("ops", "", single(item(name=name, tenant_name=name), "id", "")))
        return [shape(service, words(payload)) for payload in sent][-1]

    usual = read("x")
    names = [name for name in (*corpus.words(), *corpus.directory_names()) if len(name) < LONG]
    assert [name for name in names if read(name) != usual] == []
