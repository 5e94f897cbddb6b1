"""Secrets in a body: which of its bytes are to be replaced, be it JSON, a stream of events or any other text.

This room decides where in a body texts are looked at, alone and joined, and what a change drags along with it. It must not
know whose body it is, nor what looks secret.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from mockserver.core.messages import Json
from mockserver.core.recordings.secrets import streamparts
from mockserver.core.recordings.secrets.edits import Edit, settled
from mockserver.core.recordings.secrets.finder import Finder, Span, placeholder
from mockserver.core.recordings.secrets.jsonplaces import Place, places
from mockserver.core.recordings.secrets.spellings import byte_offsets, from_bytes, from_json, json_offsets
from mockserver.core.rules.jsonpath import Location, Path, spell

FIELD: Final = "field"
"""The kind of what a user's JSONPath selects."""


class Cut(NamedTuple):
    """A stretch of a text and what takes its place."""

    start: int
    end: int
    by: str
    kind: str


def edits(body: bytes, finder: Finder, fields: Sequence[Path] = (), *, stream: bool = False) -> list[Edit]:
    """Return what must change in a body: a stream of events, a JSON document, or any other text. None overlap."""
    if not body:
        return []
    if stream:
        return settled(_of_stream(body, finder, fields))
    if body.lstrip()[:1] not in (b"{", b"[", b'"'):
        return settled(_of_text(body, finder))
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Cut off, malformed or several documents: what looks like JSON is read as such, and all of it as text.
        return settled([*_of_json(body, finder, frozenset()), *_of_text(body, finder)])
    chosen = locations(document, fields)
    return settled(_of_json(body, finder, chosen)) if chosen or finder.may_hold(from_bytes(body)) else []


def locations(document: Json, fields: Sequence[Path]) -> frozenset[Location]:
    """Return where the values stand that the user's paths select; those of an event also below its `response`."""
    found = {location for field in fields for location in field.locations(document)}
    if isinstance(document, dict) and isinstance(document.get("response"), dict):
        for field in fields:
            found |= {("response", *location) for location in field.locations(document["response"])}
    return frozenset(found)


def is_kept(location: Location, value: Json) -> bool:
    """Say whether a value stays although a user's path selects it: null, and numbers and booleans that count something."""
    if value is None:
        return True
    names = [step for step in location if isinstance(step, str)]
    counts = "usage" in names or (bool(names) and names[-1].endswith(("tokens", "_count")))
    return counts and isinstance(value, bool | int | float)


def _of_text(body: bytes, finder: Finder, place: str = "", *, start: int = 0) -> Iterator[Edit]:
    text = from_bytes(body)
    spans = finder.find(text, cut=True) if finder.may_hold(text) or finder.own else []
    if spans:
        offsets = range(len(body) + 1) if text.isascii() else byte_offsets(text)
        for at, end, kind in spans:
            yield Edit(start + offsets[at], start + offsets[end], placeholder(kind).encode(), kind, place)


def _of_json(
    source: bytes,
    finder: Finder,
    chosen: Collection[Location],
    cuts: Callable[[Location, str], Sequence[Cut] | None] = lambda location, text: None,
) -> Iterator[Edit]:
    """Yield what must change in a JSON document. `cuts` knows better about some of its strings."""
    lists: dict[Location, Place] = {}
    touched: set[Location] = set()
    for place in places(source):
        raw = source[place.start : place.end]
        if place.location in chosen and place.sort != "key":
            yield from _of_field(place, raw)
        elif place.sort == "container":
            if place.location and place.location[-1] == "logprobs" and raw.startswith(b"[") and raw != b"[]":
                lists[place.location[:-1]] = place
        elif place.sort != "scalar":
            text = from_json(raw)
            known = cuts(place.location, text) if place.sort == "string" else None
            if known is None:
                spans = finder.find(text) if place.sort == "key" else finder.find_value(place.location, text)
                known = cuts_of(spans)
            if known:
                touched.add(place.location[:-1])
                offsets = json_offsets(raw)
                where = spell(place.location)
                for cut in known:
                    start, end = place.start + offsets[cut.start], place.start + offsets[cut.end]
                    yield Edit(start, end, cut.by.encode(), cut.kind, where)
    # The tokens beside a text spell it once more.
    for owner in touched & lists.keys():
        yield Edit(lists[owner].start, lists[owner].end, b"[]", "", spell((*owner, "logprobs")))


def _of_field(place: Place, raw: bytes) -> Iterator[Edit]:
    by = placeholder(FIELD)
    if place.sort == "string":
        yield Edit(place.start, place.end, by.encode(), FIELD, spell(place.location))
        return
    try:
        value = orjson.loads(raw) if place.sort == "scalar" else raw
    except orjson.JSONDecodeError:
        value = raw
    if not is_kept(place.location, value):
        yield Edit(place.start, place.end, f'"{by}"'.encode(), FIELD, spell(place.location))


def cuts_of(spans: Sequence[Span]) -> list[Cut]:
    """Return spans as what is to be done about them."""
    return [Cut(span.start, span.end, placeholder(span.kind), span.kind) for span in spans]


def _of_stream(body: bytes, finder: Finder, fields: Sequence[Path]) -> Iterator[Edit]:
    all_parts = list(streamparts.parts(body))
    joined = _joined(all_parts, finder)
    whole = from_bytes(body)
    needs = finder.needs_of(whole)
    suspicious = finder.may_hold(whole, needs)
    for part in all_parts:
        chosen = locations(part.document, fields) if fields and part.whole else frozenset()
        cut = joined.get(part.number, {})
        if chosen or cut or (suspicious and finder.may_hold(from_bytes(part.frame.raw), needs)):
            yield from _of_part(part, finder, chosen, cut)


class _Piece(NamedTuple):
    """What becomes of one piece of a longer text."""

    text: str
    cuts: list[Cut]


def _joined(all_parts: Sequence[streamparts.Part], finder: Finder) -> dict[int, dict[Location, _Piece]]:
    """Return what becomes of the pieces of each text of which something is secret, by event number and place."""
    runs: defaultdict[streamparts.Run, list[tuple[int, Location, str]]] = defaultdict(list)
    for part in all_parts:
        for run, location, text in streamparts.pieces(part.document):
            runs[run].append((part.number, location, text))
    found: defaultdict[int, dict[Location, _Piece]] = defaultdict(dict)
    for pieces in runs.values():
        spans = finder.find("".join([text for _, _, text in pieces]), cut=True)
        for number, location, piece in _shared_out(pieces, spans) if spans else ():
            found[number][location] = piece
    return found


def _shared_out(
    pieces: Sequence[tuple[int, Location, str]], spans: Sequence[Span]
) -> Iterator[tuple[int, Location, _Piece]]:
    """Yield the cuts of each piece: what stands for a secret goes where its first character stood."""
    start = 0
    for number, location, text in pieces:
        end = start + len(text)
        cuts = [
            Cut(
                max(span.start, start) - start,
                min(span.end, end) - start,
                placeholder(span.kind) if span.start >= start else "",
                span.kind,
            )
            for span in spans
            if span.start < end and span.end > start
        ]
        yield number, location, _Piece(text, cuts)
        start = end


def _of_part(
    part: streamparts.Part, finder: Finder, chosen: Collection[Location], cut: dict[Location, _Piece]
) -> Iterator[Edit]:
    """Yield what must change in one event: in its data, and in its other lines."""
    # A piece is judged by the whole text: alone it may look like a secret that it is not.
    known = {location: _Piece(text, []) for _, location, text in streamparts.pieces(part.document)} | cut

    def cuts(location: Location, text: str) -> Sequence[Cut] | None:
        piece = known.get(location)
        return piece.cuts if piece is not None and piece.text == text else None

    for at, line in streamparts.other_lines(part.frame):
        yield from _of_text(line, finder, part.label, start=part.start + at)
    data = streamparts.data_of(part.frame)
    if isinstance(part.document, dict | list):
        found: Iterator[Edit] = _of_json(data.data, finder, chosen, cuts)
    else:
        found = _of_text(data.data, finder)
    for edit in found:
        start, end = part.start + data.origin(edit.start), part.start + data.origin_end(edit.end)
        where = ", ".join(each for each in (part.label, edit.place) if each)
        yield Edit(start, end, edit.by, edit.kind, where)
