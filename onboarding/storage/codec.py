"""Records as JSON: one codec for everything that is stored in a row or sent in a message.

A document is the record's fields and ``v``, the version of its format. A change that does
not fit older documents needs a new version, and an upgrade that converts documents of the previous version.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

Record = TypeVar("Record")
Document = dict[str, Any]
VERSION: Final = "v"
"""The member of a document that has its version."""


class UnreadableError(ValueError):
    """The document is damaged, or it is not of this kind."""


class UnknownVersionError(UnreadableError):
    """The document has a version that this release cannot read: a newer release wrote it."""


class Codec(Generic[Record]):
    """Reads and writes the records of one class, a frozen dataclass or a model."""

    def __init__(
        self, record: type[Record], *, upgrades: Mapping[int, Callable[[Document], Document]] | None = None
    ) -> None:
        """``upgrades`` turn a document of version n into one of version n + 1, by n."""
        self._record = record
        self._upgrades = dict(upgrades or {})
        self._version = max(self._upgrades, default=0) + 1
        self._begin = f'{{"{VERSION}":{self._version},'

    @functools.cached_property
    def _adapter(self) -> TypeAdapter[Record]:
        # Created when the first record is read or written, so that importing a module stays fast.
        return TypeAdapter(self._record)

    def prepare(self) -> None:
        """Creates now what reading and writing need, which takes some milliseconds."""
        _ = self._adapter

    def dump(self, record: Record) -> str:
        """The record as JSON text, which starts with its version."""
        fields = self._adapter.dump_json(record, by_alias=True).decode()
        return f"{self._begin}{fields[1:]}" if fields != "{}" else f"{self._begin[:-1]}}}"

    def document(self, record: Record) -> Document:
        """The record as a JSON document, with its version."""
        return {VERSION: self._version, **self._adapter.dump_python(record, mode="json", by_alias=True)}

    def load(self, text: str | bytes) -> Record:
        """The record in a JSON text. Raises ``UnreadableError``."""
        try:
            if isinstance(text, bytes):
                text = text.decode()
            if text.startswith(self._begin):  # written by this version: twice as fast as ``read``
                with contextlib.suppress(ValidationError):
                    return self._adapter.validate_json(f"{{{text.removeprefix(self._begin)}")
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnreadableError("not JSON") from error
        return self.read(document)

    def read(self, document: Any) -> Record:
        """The record in a JSON document. Raises ``UnreadableError``."""
        name = self._record.__name__
        if not isinstance(document, Mapping):
            raise UnreadableError(f"not a JSON object, so not a {name}")
        version, fields = document.get(VERSION), {k: v for k, v in document.items() if k != VERSION}
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise UnreadableError(f"not a {name}: its version is {json.dumps(version)}")
        if version > self._version:
            raise UnknownVersionError(
                f"a {name} of version {version}; this release reads up to version {self._version}"
            )
        for number in range(version, self._version):
            try:
                fields = self._upgrades[number](fields)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise UnreadableError(f"not a {name} of version {number}") from error
        try:
            return self._adapter.validate_json(json.dumps(fields))
        except ValidationError as error:
            places = ", ".join(".".join(map(str, fault["loc"])) or "the document" for fault in error.errors())
            raise UnreadableError(f"not a {name}: {places}") from error
