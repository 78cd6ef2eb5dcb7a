"""Labels for the requests of a host, which are the same in every run.

A label names the effect without the IDs in it: ``graph PATCH applications(server)``, ``write onboardings
server-secret Succeeded``, ``delete steps connection``. Earlier responses show which object an ID
belongs to.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

QUEUE = "queue"
TABLE = "table"
CLOUD = ("graph", "resourceManager", "keyVault")

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ROLE = re.compile(r"cmg-[0-9a-f-]{36}(-(?P<role>\w+))?")
_ROW = re.compile(r"^\{.*\}$", re.MULTILINE)
_CHANGED_HEAD = "RowKey='head'"  # in the URL of a row that exists; a new row has no key in its URL
_LONG = 3600  # seconds
_MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"


@dataclass(kw_only=True, slots=True)
class Exchange:
    """A request, and its response once there is one."""

    service: str
    method: str
    path: str  # decoded, without the query
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0  # 0: not answered
    answer: bytes = b""
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    label: str = ""

    @classmethod
    def of(cls, service: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Exchange:
        """The exchange that a request starts."""
        path, _, query = target.partition("?")
        return cls(
            service=service,
            method=method,
            path=unquote(path),
            query=parse_qs(query),
            headers=headers,
            body=body,
        )

    @property
    def effect(self) -> bool:
        """Whether it changes something outside the host; a request for the vault's challenge does not.

        Nor does the batch of the app: it only reads.
        """
        if not self.label or "(challenge)" in self.label:
            return False
        if self.path.endswith("/v1.0/$batch"):
            return any(each["method"] != "GET" for each in json.loads(self.body)["requests"])
        return self.method != "GET"


@dataclass(kw_only=True, slots=True)
class Message:
    """A message on a queue."""

    queue: str
    id: str
    receipt: str
    text: str
    hidden: bool = False  # put with a delay and not received yet
    dormant: bool = False  # put with a delay of an hour or more: it is for a step that waits for people
    fresh: bool = False  # put just now

    @property
    def step(self) -> str:
        """The step that it is for."""
        return str(json.loads(base64.b64decode(self.text)).get("step") or "*")


class Labels:
    """Derives the IDs of one onboarding and the messages on the queues from the exchanges."""

    def __init__(self) -> None:
        self._names = {_MICROSOFT_GRAPH: "Graph"}
        self.messages: dict[str, Message] = {}
        """By ID: put and not deleted. When there is none, nothing more will happen."""

    def forget(self) -> None:
        """Start with another onboarding; Microsoft Graph's own principal stays the same."""
        kept = {key: name for key, name in self._names.items() if name == "Graph-principal"}
        self._names = {_MICROSOFT_GRAPH: "Graph", **kept}

    def of(self, exchange: Exchange) -> str:
        """The label of a request; empty where it needs none."""
        if exchange.service == QUEUE:
            return self._of_queue(exchange)
        if exchange.service == TABLE:
            return _of_table(exchange)
        return self._of_cloud(exchange)

    def learn(self, exchange: Exchange) -> None:
        """Record the contents of a response."""
        if exchange.service == QUEUE:
            self._learn_queue(exchange)
        elif exchange.service == "graph" and exchange.status < 300 and exchange.answer:
            self._learn_ids(exchange)

    def _of_queue(self, exchange: Exchange) -> str:
        _, _, queue, *rest = exchange.path.split("/")
        match exchange.method, rest:
            case "POST", ["messages"]:
                text = _document(exchange.body).findtext("MessageText") or ""
                return f"put {queue} {Message(queue=queue, id='', receipt='', text=text).step}"
            case "GET", ["messages"]:
                steps = {each.step.partition("-")[0] for each in _received(queue, exchange)}
                return f"receive {queue} {'+'.join(sorted(steps))}" if steps else ""
            case "DELETE" | "PUT" as method, ["messages", identifier]:
                known = self.messages.get(identifier)
                verb = "delete" if method == "DELETE" else "renew"
                return f"{verb} {queue} {known.step if known else '?'}"
            case _:
                return ""

    def _learn_queue(self, exchange: Exchange) -> None:
        _, _, queue, *rest = exchange.path.split("/")
        match exchange.method, rest:
            case "POST", ["messages"] if exchange.status == 201:
                text = _document(exchange.body).findtext("MessageText") or ""
                delay = int(exchange.query.get("visibilitytimeout", ["0"])[0])
                for each in _received(queue, exchange, text):
                    each.hidden, each.dormant, each.fresh = delay > 0, delay >= _LONG, True
                    self.messages[each.id] = each
            case "GET", ["messages"]:
                self.messages |= {each.id: each for each in _received(queue, exchange)}
            case "DELETE", ["messages", identifier] if exchange.status == 204:
                self.messages.pop(identifier, None)
            case "PUT", ["messages", identifier] if identifier in self.messages:
                receipt = exchange.answer_headers.get("x-ms-popreceipt")
                self.messages[identifier].receipt = receipt or self.messages[identifier].receipt

    def _of_cloud(self, exchange: Exchange) -> str:
        path = exchange.path.removeprefix("/v1.0")
        path = re.sub(r"^/subscriptions/[^/]+", "", path) or "/subscription"
        path = _ROLE.sub(lambda found: found["role"] or "cmg", path)
        path = re.sub(r"uniqueName=|appId=|'", "", path)
        path = _GUID.sub(lambda found: self._names.get(found.group().lower(), "?"), path)
        label = f"{exchange.service} {exchange.method} {path.strip('/')}"
        if exchange.service == "keyVault" and "Authorization" not in exchange.headers:
            return f"{label} (challenge)"
        body = json.loads(exchange.body) if exchange.body else {}
        if resource := body.get("resourceId"):
            return f"{label} on {self._names.get(resource, '?')}"
        if exchange.method == "POST" and (made := _made(path, body)):
            return f"{label}({self._names.get(made, made)})"
        return label

    def _learn_ids(self, exchange: Exchange) -> None:
        document = json.loads(exchange.answer)
        if not isinstance(document, dict) or "id" not in document:
            return
        body = json.loads(exchange.body) if exchange.body else {}
        made = _made(exchange.path.removeprefix("/v1.0"), body) if exchange.method == "POST" else ""
        if found := re.search(r"applications\(uniqueName='cmg-[0-9a-f-]{36}-(\w+)'\)", exchange.path):
            self._names[document["id"]] = found[1]
            self._names[document["appId"]] = found[1]
        elif found := re.search(r"servicePrincipals\(appId='([^']+)'\)", exchange.path):
            self._names[document["id"]] = f"{self._names.get(found[1].lower(), '?')}-principal"
        elif made and "appId" in body:
            self._names[document["id"]] = f"{self._names.get(made, '?')}-principal"
        elif made and "appId" in document:
            self._names[document["id"]] = self._names[document["appId"]] = made


def _made(path: str, body: Any) -> str:
    """What a POST to Graph creates: the role of an application, or the client ID of a service principal."""
    if path == "/applications":
        return str(body.get("uniqueName") or "").rpartition("-")[2]
    return str(body.get("appId") or "").lower() if path == "/servicePrincipals" else ""


def _document(body: bytes) -> ET.Element:
    return ET.fromstring(body.removeprefix(b"\xef\xbb\xbf"))  # noqa: S314 - from this machine


def _received(queue: str, exchange: Exchange, text: str = "") -> Iterator[Message]:
    """The messages in a response of the queue service."""
    if not 200 <= exchange.status < 300 or not exchange.answer:
        return
    for each in _document(exchange.answer).iter("QueueMessage"):
        yield Message(
            queue=queue,
            id=each.findtext("MessageId") or "",
            receipt=each.findtext("PopReceipt") or "",
            text=text or each.findtext("MessageText") or "",
        )


def _of_table(exchange: Exchange) -> str:
    target = exchange.path.split("/", 2)[2]
    if exchange.method == "POST" and target == "$batch":
        return _of_transaction(exchange.body.decode())
    table = target.partition("(")[0]
    if exchange.method == "GET":
        return f"read {table}"
    row: dict[str, Any] = json.loads(exchange.body) if exchange.body else {}
    found = re.search(r"PartitionKey='([^']*)'", target)
    partition = str(row.get("PartitionKey") or (found[1] if found else ""))
    kind = (
        partition.removeprefix("list:").partition(":")[0]
        if table.endswith("index") or partition.startswith("~")
        else ""
    )
    verb = {"POST": "insert", "DELETE": "delete"}.get(exchange.method, "upsert")
    return f"{verb} {table} {kind}".strip()


def _of_transaction(body: str) -> str:
    """Named after the step in the first row: its outcome, or the claim on it, which writes the head, too."""
    rows = [json.loads(line) for line in _ROW.findall(body.replace("\r", ""))]
    found = re.search(r"https?://[^/]+/[^/]+/(\w+)", body)
    table = found[1] if found else "?"
    if any(row["RowKey"] == "head" for row in rows) and _CHANGED_HEAD not in body:
        return f"create {table}"
    first = next((row for row in rows if row["RowKey"].startswith("step:")), None)
    if first is None:
        return f"write {table}"
    status = json.loads(first["document"])["status"]
    return f"write {table} {first['RowKey'].removeprefix('step:')} {status}"
