"""A line of the log: no value in it begins another line or controls a terminal.

Log lines are read one by one, by people in a terminal and by queries. A line break in a name would forge a
line (https://owasp.org/www-community/attacks/Log_Injection), and an escape sequence would hide others.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any, Final

from onboarding.words.word import Word, read

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Record(logging.LogRecord):
    """A log record with a message of one line. The lines of an exception are indented."""

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        if self.exc_info:
            lines = "".join(traceback.format_exception(*self.exc_info)).splitlines()
            self.exc_text = "\n".join(f"  {shown(line)}" for line in lines)

    def getMessage(self) -> str:  # noqa: N802 - the name in the library
        """The message with its values, in which a word is text."""
        if isinstance(self.args, tuple):
            self.args = tuple(map(_text, self.args))
        elif self.args:
            self.args = {name: _text(value) for name, value in self.args.items()}
        return shown(super().getMessage())


def shown(text: str) -> str:
    r"""A text in one line: a line break or another control character is written as ``\u000a``."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _text(value: Any) -> Any:
    return read(value) if isinstance(value, Word) else value


def install() -> None:
    """Lets all log records of this process be such records; safe to repeat."""
    logging.setLogRecordFactory(Record)
