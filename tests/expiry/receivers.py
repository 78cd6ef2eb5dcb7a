"""Where notices arrive: a web server and a mail server of the tests' own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A request that came."""

    path: str
    headers: Mapping[str, str]  # by name in lower case
    body: str


@dataclass(kw_only=True, slots=True)
class WebServer:
    """Takes any POST, and answers as it is told."""

    posts: list[Post] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)  # paths that answer 503
    url: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.casefold(): value for name, value in request.headers.items()}
        self.posts.append(Post(path=request.path, headers=headers, body=await request.text()))
        await asyncio.sleep(0)
        return web.Response(status=503 if request.path in self.refuses else 202)

    def about(self, path: str, text: str) -> list[Post]:
        """What came to a path and has a text in its body."""
        return [post for post in self.posts if post.path == path and text in post.body]
