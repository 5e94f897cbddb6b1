"""A stream's events as documents, and the texts that arrive in pieces over several of them.

This room decides which strings of which events belong together: the deltas of one content part. It must not know what is
looked for in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from mockserver.core import sse
from mockserver.core.messages import ABSENT, Json
from mockserver.core.recordings.secrets.jsonplaces import places
from mockserver.core.recordings.secrets.spellings import Extract, from_json
from mockserver.core.rules.jsonpath import Location

_LINE: Final = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
_BOM: Final = b"\xef\xbb\xbf"
_OWNERS: Final = (
    "type",
    "item_id",
    "output_index",
    "content_index",
    "summary_index",
    "command_index",
    "index",
    "object",
)

Run: TypeAlias = tuple[Json, ...]
"""What the pieces of one text have in common: event type, item and part, and where in the event they stand."""


@dataclass(frozen=True, slots=True)
class Part:
    """One event: its `number` counts from 1, `start` is where its frame begins in the stream.

    `document` is its data as JSON; of data that is cut off the strings and numbers at its top; ABSENT for other data.
    """

    number: int
    start: int
    frame: sse.Frame
    document: Json
    whole: bool

    @property
    def label(self) -> str:
        """The event as people know it."""
        name = self.document.get("type") if isinstance(self.document, dict) else None
        name = name if isinstance(name, str) else self.frame.event
        return f"event {self.number}" + (f" ({name})" if name != "message" else "")


def parts(stream: bytes) -> Iterator[Part]:
    """Yield the events of a stream in order, comments among them."""
    start = 0
    for number, frame in enumerate(sse.decode(stream), 1):
        document, whole = _document(frame)
        yield Part(number, start, frame, document, whole)
        start += len(frame.raw)


def _document(frame: sse.Frame) -> tuple[Json, bool]:
    if frame.data is None:
        return ABSENT, True
    if "\ufffd" not in frame.data:  # bytes that are no UTF-8 are counted otherwise by those who edit them
        try:
            return orjson.loads(frame.data), True
        except orjson.JSONDecodeError:
            pass
    if not frame.data.lstrip().startswith("{"):
        return ABSENT, True
    source = data_of(frame).data
    found: dict[str, Json] = {}
    for place in places(source):
        if place.sort == "string" and len(place.location) == 1:
            found[str(place.location[0])] = from_json(source[place.start : place.end])
        elif place.sort == "scalar" and len(place.location) == 1 and source[place.start : place.end].isdigit():
            found[str(place.location[0])] = int(source[place.start : place.end])
    return found, False


def data_of(frame: sse.Frame) -> Extract:
    """Return the data of a frame, its lines joined by LF, and where they stand in the frame."""
    data, starts, origins = bytearray(), [], []
    for start, line in _lines(frame.raw):
        name, colon, value = line.partition(b":")
        if name == b"data":
            blank = value.startswith(b" ")
            starts.append(len(data))
            origins.append(start + len(name) + len(colon) + blank)
            data += value[blank:] + b"\n"
    return Extract(bytes(data[:-1]), starts or [0], origins or [0])


def other_lines(frame: sse.Frame) -> Iterator[tuple[int, bytes]]:
    """Yield where each line that is no data starts in the frame, and the line."""
    for start, line in _lines(frame.raw):
        if line and line.partition(b":")[0] != b"data":
            yield start, line


def _lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where each line starts and the line without its end and without a byte order mark."""
    for found in _LINE.finditer(raw):
        skipped = len(_BOM) if found.start() == 0 and found[1].startswith(_BOM) else 0
        yield found.start() + skipped, found[1][skipped:]


def pieces(document: Json) -> Iterator[tuple[Run, Location, str]]:
    """Yield the strings of an event that are pieces of longer texts: to which text they belong, where they stand."""
    if not isinstance(document, dict):
        return
    owner = tuple([_plain(document.get(name)) for name in _OWNERS])
    kind = document.get("type")
    if (isinstance(kind, str) and kind.endswith(".delta")) or isinstance(document.get("delta"), str | dict):
        for location, text in strings(document.get("delta"), ("delta",)):
            yield (owner, location), location, text
    choices = document.get("choices")
    for at, choice in enumerate(choices if isinstance(choices, list) else ()):
        if isinstance(choice, Mapping):
            index = _plain(choice.get("index"))
            for name in ("delta", "text"):
                for location, text in strings(choice.get(name), (name,)):
                    yield (owner, index, location), ("choices", at, *location), text


def _plain(value: Json) -> Json:
    return value if isinstance(value, str | int) else None


def strings(value: Json, location: Location) -> Iterator[tuple[Location, str]]:
    """Yield the strings of a document that stands at a location, and where they stand; not its names."""
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from strings(child, (*location, name))
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from strings(child, (*location, at))
