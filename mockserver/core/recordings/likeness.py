"""When a request is the recorded one: conditions made from what was sent, less what may differ.

This room decides what is compared, and how a request is made comparable. It must not know rule files, replies or how often
a recording answers. Whole requests are compared by a digest that is computed once a request for all recordings with the
same customs, so that a thousand of them cost one look-up.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

from mockserver.core import endpoints
from mockserver.core.messages import ABSENT, EMPTY, Json, Request
from mockserver.core.recordings.customs import Match
from mockserver.core.recordings.remedies import line, remedy
from mockserver.core.recordings.writing.sketches import Sketch, closeness, sketch
from mockserver.core.rules import target_values as values
from mockserver.core.rules.conditions import ENDPOINT, HOLDS, Condition, Mismatch, Mismatches
from mockserver.core.rules.equality import differences, digest
from mockserver.core.rules.jsonpath import Location, Path, compile_path, spell, walker
from mockserver.core.rules.masks import Mask, compile_masks, masked
from mockserver.core.rules.target_body import MAX_DIFFERENCES, pruned
from mockserver.core.rules.target_draft import words

Clean = Callable[[Json], Json]
"""Puts placeholders in place of secrets, as was done with what is recorded."""

EVERYBODY: Final = Match()
"""What may differ where nobody wrote any customs: nothing."""

_BOUNDARY: Final = re.compile(rb"--([0-9A-Za-z'()+_,./:=? -]{1,70})\r\n")
_PLACEHOLDER: Final = re.compile(r"<redacted:[^<>]*>\Z")
_STREAMING: Final = ("stream", "stream_options")
"""Fields that say in which encoding the answer is wanted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent, to be compared with others and to be sent again. `query` has the name of each parameter."""

    method: str = "POST"
    path: str = endpoints.RESPONSES
    query: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    body: bytes = b""

    @property
    def request(self) -> Request:
        """The same as a request of ours."""
        return Request(self.method, self.path, query=self.query, body=self.body)


@dataclass(frozen=True, slots=True)
class Likeness:
    """The conditions of a recording, and a digest that recordings have in common when a request cannot tell them apart."""

    conditions: tuple[Condition, ...]
    alike: str
    stream: bool = False
    """Whether a stream was asked for."""


def likeness(sent: Sent, own: Match, below: Match = EVERYBODY, clean: Clean | None = None) -> Likeness:
    """Return what a request must be to be answered by the recording of `sent`.

    Method, path, the whole query and the whole body are compared, less what its file's `own` match lets differ and what
    lets the customs `below`. `stream` always counts, absent as false, unless either encoding will do. A body that is no
    JSON is compared byte by byte, whatever boundary its parts have. `clean` is applied to requests, not to what was sent:
    that is clean. Raises `TypeError` for text that is no Unicode.
    """
    request = sent.request
    body = _body(request, own, below, clean)
    conditions = [*_endpoint(sent, clean), _query(sent, clean), body]
    spec = "\0".join([sent.method, sent.path, *(each.spec for each in conditions)])
    return Likeness(
        tuple(conditions), blake2b(spec.encode("utf-8", "replace"), digest_size=16).hexdigest(), request.stream
    )


def _endpoint(sent: Sent, clean: Clean | None) -> list[Condition]:
    if not ENDPOINT.test(sent.request):
        return [ENDPOINT]
    path = _plain("path", sent.path, values.path)
    if clean is not None and "<redacted:" in sent.path:
        # It is not looked up by what was asked: that has the secret in it.
        path = replace(_plain("path", sent.path, lambda request: clean(request.path)), equality=None)
    return [_plain("method", sent.method, values.method), path]


def _plain(target: str, wanted: str, read: values.Read) -> Condition:
    def test(request: Request) -> Mismatches:
        found = read(request)
        return HOLDS if found == wanted else (Mismatch(target, wanted, found),)

    return Condition(
        target,
        test,
        equality=(target, wanted),
        read=read,
        holds=lambda request: bool(read(request) == wanted),
        spec=words(target, wanted),
    )


def _query(sent: Sent, clean: Clean | None) -> Condition:
    wanted = dict(sent.query)

    def found(request: Request) -> Mapping[str, str]:
        given = dict(request.query)
        if clean is None or not given:
            return given
        cleaned: dict[str, str] = clean(given)
        hidden = {name: text for name, text in wanted.items() if name in given and _PLACEHOLDER.match(text)}
        return {**cleaned, **hidden}  # a parameter that is secret by its name may say anything

    def test(request: Request) -> Mismatches:
        return tuple(
            Mismatch(".".join(["request.query", *map(str, at)]), expected, value)
            for at, expected, value in differences(wanted, found(request))
        )

    return Condition(
        "request.query", test, holds=lambda request: bool(found(request) == wanted), spec=words("query", wanted)
    )


def _body(sent: Request, own: Match, below: Match, clean: Clean | None) -> Condition:
    match = own.over(below)
    comparison = _comparison(match.ignore, match.mask, match.either_encoding is True, clean)
    document = sent.json
    if document is ABSENT:
        return _bytes(sent.body, clean)
    expected = comparison.made(document, cleaned=True)
    wanted = digest(expected)

    def test(request: Request) -> Mismatches:
        if request.json is ABSENT:
            return (
                Mismatch("request.body", expected, request.body.decode("utf-8", "replace") or ABSENT, _why(request)),
            )
        found = differences(expected, comparison.made(request.json))
        return tuple(
            Mismatch(f"request.body.{spell(at)}", left, right) for at, left, right in islice(found, MAX_DIFFERENCES)
        )

    features: list[Sketch] = []  # made when a miss first asks for it

    def near(request: Request, seen: dict[str, Any]) -> float:
        if request.json is ABSENT:
            return 0.0
        place = f"sketch of {comparison.name}"
        if place not in seen:
            seen[place] = sketch(comparison.made(request.json))
        if not features:
            features.append(sketch(expected))
        return closeness(features[0], seen[place])

    def remedied(request: Request) -> str:
        more = None if request.json is ABSENT else remedy(expected, comparison.made(request.json))
        if more is None:
            return ""
        told = line(more.over(own))
        return f"add `{told}` at the top" if own == EVERYBODY else f"change its `match` to `{told}`"

    return Condition(
        "request.body",
        test,
        equality=(comparison.name, wanted),
        read=comparison.read,
        holds=lambda request: comparison.read(request) == wanted,
        spec=f"{comparison.name} {wanted}",
        near=near,
        remedy=remedied,
    )


def _why(request: Request) -> str:
    return f"not JSON: {request.malformed}" if request.malformed else "no body where JSON was recorded"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How bodies are made comparable. One for all recordings with the same customs: the index knows readers by identity."""

    name: str
    paths: tuple[Path, ...]
    masks: tuple[Mask, ...]
    either_encoding: bool
    clean: Clean | None
    read: Callable[[Request], Json]
    """The digest of a request's body, ABSENT where it is no JSON."""

    def made(self, document: Json, *, cleaned: bool = False) -> Json:
        """Return what of a body counts."""
        # Cleaned first: what is secret is known by its place in the whole body.
        whole = document if self.clean is None or cleaned else self.clean(document)
        found = _less(whole, self.paths)
        if isinstance(document, dict):
            found = {name: value for name, value in found.items() if name not in _STREAMING[: 1 + self.either_encoding]}
        if self.masks:
            found = masked(found, self.masks)
        if isinstance(document, dict) and not self.either_encoding:
            found = {**found, "stream": document.get("stream") is True}
        return found


def _less(document: Json, paths: Sequence[Path]) -> Json:
    """Return the document without what is ignored, and without objects that held nothing else.

    A client that puts nothing but a run's id into `metadata` sends none where it has no id.
    """
    found = pruned(document, paths)
    for path in paths if found is not document else ():
        for location in path.locations(document):
            _drop_emptied(found, location)
    return found


def _drop_emptied(document: Json, location: Location) -> None:
    """Take out the objects above a place that was left out, as far as nothing is left in them."""
    if not all(isinstance(step, str) for step in location):
        return  # what stands in a list keeps its place there
    for depth in range(len(location) - 1, 0, -1):
        holder, name = walker(location[: depth - 1])(document), location[depth - 1]
        if not isinstance(holder, dict) or holder.get(name) != {}:
            return
        del holder[name]  # what lies above something left out is a copy


@functools.lru_cache(maxsize=256)
def _comparison(
    ignore: tuple[str, ...], mask: tuple[str, ...], either_encoding: bool, clean: Clean | None
) -> _Comparison:
    paths = [compile_path(text, _said_already, ()) for text in ignore]
    masks = compile_masks(list(mask), _said_already, ())

    def read(request: Request) -> Json:
        return ABSENT if request.json is ABSENT else digest(made.made(request.json))

    # A `clean` of its own is told apart by its identity: it lives as long as this entry.
    name = words("request body", [list(ignore), list(mask), either_encoding, id(clean) if clean else 0])
    made = _Comparison(name, tuple(path for path in paths if path), masks, either_encoding, clean, read)
    return made


def _said_already(path: tuple[str | int, ...], message: str, hint: str = "") -> None:
    """Take a mistake that was told where the customs were read."""


def _bytes(body: bytes, clean: Clean | None) -> Condition:
    expected = with_neutral_boundary(body)
    wanted = _digest_of_bytes(expected)
    read = _bytes_reader(clean)

    def test(request: Request) -> Mismatches:
        if read(request) == wanted:
            return HOLDS
        return (Mismatch("request.body", _text(expected), _text(with_neutral_boundary(request.body)), "byte by byte"),)

    name = f"request bytes {id(clean) if clean else 0}"
    return Condition(
        "request.body",
        test,
        equality=(name, wanted),
        read=read,
        holds=lambda request: read(request) == wanted,
        spec=f"{name} {wanted}",
    )


@functools.lru_cache(maxsize=256)
def _bytes_reader(clean: Clean | None) -> Callable[[Request], Json]:
    def read(request: Request) -> Json:
        body = with_neutral_boundary(request.body)
        if clean is not None:
            body = str(clean(body.decode("utf-8", "surrogateescape"))).encode("utf-8", "surrogateescape")
        return _digest_of_bytes(body)

    return read


def _digest_of_bytes(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def _text(body: bytes) -> Json:
    return body.decode("utf-8", "replace") if body else ABSENT


def with_neutral_boundary(body: bytes) -> bytes:
    """Return a multipart body with a boundary that is always the same: each client draws its own. Others stay as they are."""
    found = _BOUNDARY.match(body)
    if found is None or b"\r\n--" + found[1] + b"--" not in body[-2 * len(found[1]) - 16 :]:
        return body
    return body.replace(b"--" + found[1], b"--boundary")
