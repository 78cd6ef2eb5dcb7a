"""A text in a chat message that has no meaning in any dialect: no link, no mention, no emphasis.

Chat services read Markdown of different dialects, and none has an escape that all others respect: Slack does
not know the backslash, Discord reads Markdown in what is sent as plain text. Therefore a character with a
meaning is replaced with one that looks like it, and an address is broken with a character without width.

Sources: https://spec.commonmark.org/0.31.2/, https://docs.slack.dev/messaging/formatting-message-text,
https://support.discord.com/hc/articles/210298617, https://developers.google.com/workspace/chat/format-messages,
https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features,
https://docs.mattermost.com/end-user-guide/collaborate/format-messages.html.
"""

from __future__ import annotations

import re
from typing import Final

from onboarding.words.line import line

_JOINER: Final = "\u2060"
"""WORD JOINER: no width, and no line break."""

_LOOKALIKES: Final = str.maketrans(
    {
        "@": "\uff20",
        "<": "\u2039",
        ">": "\u203a",
        "[": "\uff3b",
        "]": "\uff3d",
        "*": "\u2217",
        "_": "\uff3f",
        "~": "\u223c",
        "`": "\u02cb",
        "|": "\uff5c",
        "#": "\uff03",
        "\\": "\uff3c",
        "$": "\uff04",
        "^": "\u02c6",
    }
)
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_SCHEME: Final = re.compile(r":(?=[^\s\u2060])")  # an address, an emoji, a time
_DOMAIN: Final = re.compile(r"(?<=[^\W_])[.\u3002\uff0e\uff61](?=[^\W\d_]{2})")  # what looks like a host
_SHARE: Final = re.compile(r"\\(?=\\)")  # \\host\share, which mail programs open
_FUNCTION: Final = re.compile(r"\{(?=\{)")  # {{DATE(...)}} in an adaptive card
_BLOCK: Final = re.compile(r"[-+=/]")  # at the beginning of a line: a list, a heading, a command
_NUMBER: Final = re.compile(r"\d+[.)]")  # at the beginning of a name: a list. The steps of a remedy are one


def quiet(text: str) -> str:
    """A text of several lines without a meaning."""
    shown = "\n".join(_line(line) for line in text.splitlines())
    return f"{_JOINER}{shown}" if _NUMBER.match(shown) else shown


def unlinked(text: str) -> str:
    """A text in which no reader finds an address to open; otherwise unchanged."""
    for address in (_SCHEME, _DOMAIN, _SHARE):
        text = address.sub(rf"\g<0>{_JOINER}", text)
    return text


def _line(text: str) -> str:
    shown = _ENTITY.sub("\uff06", line(text).translate(_LOOKALIKES))
    shown = _FUNCTION.sub(rf"\g<0>{_JOINER}", unlinked(shown))
    return f"{_JOINER}{shown}" if _BLOCK.match(shown) else shown
