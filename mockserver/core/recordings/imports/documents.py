"""A file's bytes as a plain value: compressed or not, JSON or YAML, with the line of what stands in YAML.

This room decides what may be read at all: data, never objects that a file asks to be made. It must not know what the data
means.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mockserver.core.errors import Problem
from mockserver.core.forwarding.encodings import Unpacker
from mockserver.core.messages import Json
from mockserver.core.recordings.imports.taken import UnreadableError
from mockserver.core.rulefiles.yamlplaces import Path
from mockserver.core.rulefiles.yamlscalars import CONTAINERS, TAGS
from mockserver.core.rulefiles.yamlsource import Source, read

MOST_BYTES: Final = 512 * 1024 * 1024
"""More than this is not unpacked: a small file can stand for any number of bytes."""

GZIP: Final = b"\x1f\x8b"

_YAML: Final = "tag:yaml.org,2002:"


def _binary(word: str) -> bytes:
    try:
        return base64.b64decode("".join(word.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this is no base64, as `!!binary` says it is") from None


def _text(word: str) -> str:
    return word


_TAGS: Final[Mapping[str, Callable[[str], Any]]] = {
    **TAGS,
    f"{_YAML}binary": _binary,
    f"{_YAML}timestamp": _text,
    # What Python 2 wrote, and what serializers that keep Python's types write, of values that are plain.
    f"{_YAML}python/bytes": _binary,
    f"{_YAML}python/unicode": _text,
    f"{_YAML}python/str": _text,
    f"{_YAML}python/int": TAGS[f"{_YAML}int"],
    f"{_YAML}python/long": TAGS[f"{_YAML}int"],
    f"{_YAML}python/float": TAGS[f"{_YAML}float"],
    f"{_YAML}python/bool": TAGS[f"{_YAML}bool"],
    f"{_YAML}python/none": TAGS[f"{_YAML}null"],
}

_CONTAINERS: Final = CONTAINERS | {f"{_YAML}python/{name}" for name in ("dict", "list", "tuple")}


@dataclass(frozen=True, slots=True)
class Document:
    """A file as data. `value` may hold bytes beside what JSON has, where YAML says `!!binary`."""

    file: str
    value: Json
    source: Source | None = None

    def line(self, *path: str | int) -> int:
        """Return the line, from 1, of what `path` leads to; 0 in JSON, whose values have no known line."""
        return self.source.place(path)[0] if self.source is not None and self._leads(path) else 0

    def _leads(self, path: Path) -> bool:
        return self.source is not None and len(self.source.known(path)) == len(path)


def document(data: bytes, file: str) -> Document:
    """Read a file's bytes; `file` is its name for messages. Raises `UnreadableError` with every mistake and its line."""
    if data.startswith(GZIP):  # its first bytes tell, not its name
        try:
            data = unpacked(data)
        except ValueError as error:
            raise UnreadableError(Problem(f"broken gzip data: {error}", file)) from None
    text = _decoded(data, file)
    begins = text.lstrip()[:1]
    if begins in ("{", "["):
        try:
            return Document(file, json.loads(text))
        except json.JSONDecodeError as error:
            if begins == "{" and re.match(r'\s*\{\s*(?:"|\})', text):  # flow-style YAML seldom looks like this
                raise UnreadableError(Problem(f"not JSON: {error.msg}", file, error.lineno, error.colno)) from None
        except RecursionError:
            raise UnreadableError(Problem("nested too deeply", file)) from None
    source = read(text, file, tags=_TAGS, containers=_CONTAINERS)
    if source.problems:
        raise UnreadableError(*source.problems)
    return Document(file, source.value, source)


def unpacked(data: bytes, encoding: str = "gzip") -> bytes:
    """Undo one content encoding. Raises `ValueError` for what is broken, ends early or is too big."""
    unpacker = Unpacker([encoding])
    whole = bytearray()
    for piece in unpacker.feed(data):
        whole += piece
        if len(whole) > MOST_BYTES:
            raise ValueError(f"unpacked it is bigger than {MOST_BYTES >> 20} MB")
    unpacker.close()
    return bytes(whole)


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(Problem(f"not UTF-8 text (byte {error.start + 1})", file, line)) from None
