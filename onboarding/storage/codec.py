"""Records as JSON: one codec for everything that is stored in a row or sent in a message.

A document is the record's fields, ``v``, the version of its format, and ``build``, the commit of the code
that wrote it. A change that does not fit older documents needs a new version, and an upgrade that converts
documents of the previous version. Fields that a later release has added are ignored, so that one can go back
to the release before. A document with a later ``v`` is refused.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from onboarding import version
from onboarding.texts import reasons
from onboarding.texts.phrases import Said

Record = TypeVar("Record")
Document = dict[str, Any]
VERSION: Final = "v"
"""The member of a document that has its version."""

WRITER: Final = "build"
"""The member that has the commit of the code that wrote the document; missing if that is unknown."""

_BEGIN: Final = re.compile(rf'\{{"{VERSION}":(\d+)(?:,"{WRITER}":"[0-9A-Za-z]*")?(?:,|(?=\}}$))')


LONGEST_COLUMN: Final = 64_000
"""Bytes in UTF-16. Table Storage allows 64 KiB
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model)."""


def fits(text: str) -> bool:
    """Whether a text fits into a column, with some space for what an update adds."""
    return len(text.encode("utf-16-le")) <= LONGEST_COLUMN


class UnreadableError(ValueError):
    """The document is damaged, or it is not of this kind."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.text)
        self.said = said


class UnknownVersionError(UnreadableError):
    """The document has a version that this release cannot read: another release wrote it."""

    def __init__(self, said: Said, version: Any, newest: int) -> None:
        super().__init__(said)
        self.version, self.newest = version, newest


class FieldsError(UnreadableError):
    """Fields of the document are missing or not valid."""

    def __init__(self, said: Said, wrong: Collection[str], unknown: Collection[str]) -> None:
        super().__init__(said)
        self.wrong, self.unknown = wrong, unknown


def renamed(**fields: str) -> Callable[[Document], Document]:
    """An upgrade that gives fields other names; a field that has its present name keeps it."""
    return lambda document: {fields.get(name, name): value for name, value in document.items()}


class Codec(Generic[Record]):
    """Reads and writes the records of one class, a frozen dataclass or a model."""

    def __init__(
        self, record: type[Record], *, upgrades: Mapping[int, Callable[[Document], Document]] | None = None
    ) -> None:
        """``upgrades`` turn a document of version n into one of version n + 1, by n."""
        self._record = record
        self._upgrades = dict(upgrades or {})
        self._version = max(self._upgrades, default=0) + 1

    @functools.cached_property
    def _adapter(self) -> TypeAdapter[Record]:
        # Created when the first record is read or written, so that importing a module stays fast.
        return TypeAdapter(self._record)

    @functools.cached_property
    def _begin(self) -> str:
        writer = version.current().commit
        return f'{{"{VERSION}":{self._version}' + (f',"{WRITER}":"{writer}"' if writer else "")

    def prepare(self) -> None:
        """Creates now what reading and writing need, which takes some milliseconds."""
        _ = self._adapter

    def dump(self, record: Record) -> str:
        """The record as JSON text, which starts with its version and its writer."""
        fields = self._adapter.dump_json(record, by_alias=True).decode()
        return f"{self._begin},{fields[1:]}" if fields != "{}" else f"{self._begin}}}"

    def document(self, record: Record) -> Document:
        """The record as a JSON document, with its version."""
        writer = version.current().commit
        by = {WRITER: writer} if writer else {}
        fields = self._adapter.dump_python(record, mode="json", by_alias=True)
        return {VERSION: self._version, **by, **fields}

    def load(self, text: str | bytes) -> Record:
        """The record in a JSON text. Raises ``UnreadableError``."""
        try:
            if isinstance(text, bytes):
                text = text.decode()
            begin = _BEGIN.match(text)
            if begin and int(begin[1]) == self._version:  # of this version: twice as fast as ``read``
                with contextlib.suppress(ValidationError):
                    return self._adapter.validate_json(f"{{{text[begin.end() :]}")
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(reasons.ROW_NO_JSON.of()) from error
        return self.read(document)

    def read(self, document: Any) -> Record:
        """The record in a JSON document. Raises ``UnreadableError``."""
        name = self._record.__name__
        if not isinstance(document, Mapping):
            raise UnreadableError(reasons.ROW_NO_OBJECT.of(record=name))
        found = document.get(VERSION)
        fields = {k: v for k, v in document.items() if k not in {VERSION, WRITER}}
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            said = reasons.ROW_NO_VERSION.of(record=name, version=json.dumps(found))
            raise UnknownVersionError(said, found, self._version)
        if found > self._version:
            said = reasons.ROW_NEWER.of(record=name, version=found, newest=self._version)
            raise UnknownVersionError(said, found, self._version)
        for number in range(found, self._version):
            try:
                fields = self._upgrades[number](fields)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise UnreadableError(reasons.ROW_OLDER.of(record=name, version=number)) from error
        try:
            return self._adapter.validate_json(json.dumps(fields), extra="ignore")
        except ValidationError as error:
            wrong = [".".join(map(str, fault["loc"])) or "the document" for fault in error.errors()]
            known = getattr(self._record, "__dataclass_fields__", None) or self._record.model_fields  # type: ignore[attr-defined]
            said = reasons.ROW_FIELDS.of(record=name, fields=wrong)
            raise FieldsError(said, wrong, sorted(set(fields) - set(known))) from error
