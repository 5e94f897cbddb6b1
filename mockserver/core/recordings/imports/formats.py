"""Which format a file has, told by what stands in it: names and suffixes lie.

This room decides that, and what to say where it is none. It must not know what a format means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mockserver.core.errors import Problem
from mockserver.core.messages import Json
from mockserver.core.recordings.imports import aimock, har, vcr
from mockserver.core.recordings.imports.documents import document
from mockserver.core.recordings.imports.taken import Taking, UnknownFormatError

KNOWN: Final = "a vcrpy cassette (`interactions`), a HAR file (`log.entries`) or aimock fixtures (`fixtures`)"


def take(data: bytes, file: str, base: str = "") -> Taking:
    """Return what a file's bytes hold; `file` is its name for messages, `base` selects as `urls.place` says.

    Raises `UnreadableError`, with the lines at fault, for what is no text, no YAML or JSON, and `UnknownFormatError` for what
    is of no known format.
    """
    read = document(data, file)
    if har.is_har(read.value):
        return har.take(read, base)
    if vcr.is_cassette(read.value):
        return vcr.take(read, base)
    if aimock.is_fixtures(read.value):
        return aimock.take(read)
    raise UnknownFormatError(Problem(f"not {KNOWN}: {_seen(read.value)}", file, hint=_hint(read.value)))


def _seen(value: Json) -> str:
    match value:
        case None:
            return "the file is empty"
        case Mapping():
            names = ", ".join(f"`{name}`" for name in list(value)[:5])
            return f"its keys are {names}" if names else "the mapping is empty"
        case list():
            return "a list"
        case _:
            return "a single value"


def _hint(value: Json) -> str:
    if isinstance(value, Mapping) and "rules" in value:
        return "this is a rule file already; serve it as it is"
    return ""
