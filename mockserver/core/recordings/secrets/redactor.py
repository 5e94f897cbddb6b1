"""Redaction: a capture without its secrets, and requests made comparable with it.

This room decides what of a capture is looked at, what is dropped, and what is replaced. It must not know what a secret
looks like, nor how a body is changed in place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mockserver.core.messages import Json
from mockserver.core.recordings.capture import Capture
from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.secrets import bodies
from mockserver.core.recordings.secrets.edits import Edit, edited, edited_pieces
from mockserver.core.recordings.secrets.finder import Finder, Span, placeholder
from mockserver.core.recordings.secrets.keyshapes import kind_of_name
from mockserver.core.recordings.secrets.leaks import Leak, leaks
from mockserver.core.recordings.secrets.ownkeys import OwnKeys, own_values
from mockserver.core.rules.jsonpath import Location, Path, compile_path

REQUEST_HEADERS: Final = frozenset(
    {"user-agent", "content-type", "accept", "x-stainless-lang", "x-stainless-package-version"}
)
"""What is left of the request's headers: the client's name, and how its body is to be read."""

_WHO_ASKED: Final = frozenset({"openai-organization", "openai-project", "set-cookie", "set-cookie2"})


@dataclass(frozen=True, slots=True)
class Found:
    """A secret that was replaced or dropped: its kind, and where it stood, for people."""

    kind: str
    place: str
    dropped: bool = False
    """Whether nothing stands in its place."""

    def __str__(self) -> str:
        return f"{self.kind} in {self.place}{' (dropped)' * self.dropped}"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A capture without secrets. Where `leaks` names any place it must not be written."""

    capture: Capture
    found: tuple[Found, ...] = ()
    leaks: tuple[Leak, ...] = ()

    @property
    def replaced(self) -> int:
        """How many secrets have a placeholder now."""
        return sum(not each.dropped for each in self.found)


class Redactor:
    """Takes the secrets out of captures and requests, by what a folder's customs call secret besides the usual."""

    def __init__(self, customs: Customs | None = None) -> None:
        self._customs = customs or Customs()
        redact = self._customs.redact
        self._paths = tuple(path for path in map(_path, redact.fields) if path is not None)
        self._headers = frozenset(
            each.removeprefix("headers.").lower() for each in redact.fields if _is(each, "headers.")
        )
        self._query = frozenset(each.removeprefix("query.") for each in redact.fields if _is(each, "query."))
        self._finder = Finder.of(self._customs)

    def clean(self, capture: Capture) -> Cleaned:
        """Return the capture without secrets; what needs no change keeps its bytes, and pieces stay pieces.

        Of the request's headers only `REQUEST_HEADERS` are left, and of the answer's all but those that hold secrets or
        tell who asked.
        """
        values = own_values(capture.request_headers, capture.query, capture.headers)
        finder = Finder.of(self._customs, own=OwnKeys(values)) if values else self._finder
        found: list[Found] = []
        asked = bodies.edits(capture.request_body, finder, self._paths)
        answered = bodies.edits(capture.body, finder, self._paths, stream=capture.is_stream)
        found += [_found("request body", edit) for edit in asked if edit.kind and edit.by]
        found += [_found("answer", edit) for edit in answered if edit.kind and edit.by]
        headers = []
        for name, value in capture.headers:
            if name in _WHO_ASKED or name in self._headers or _holds_secret(name):
                found.append(Found(kind_of_name(name) or bodies.FIELD, f"answer, header {name}", dropped=True))
            else:
                headers.append((name, self._text(finder, value, f"answer, header {name}", found)))
        cleaned = replace(
            capture,
            path=self._text(finder, capture.path, "request path", found),
            query=self._cleaned_query(finder, capture.query, found),
            request_headers={
                name: self._text(finder, value, f"request header {name}", found)
                for name, value in capture.request_headers.items()
                if name in REQUEST_HEADERS
            },
            request_body=edited(capture.request_body, asked),
            headers=tuple(headers),
            pieces=edited_pieces(capture.pieces, answered),
            why=self._text(finder, capture.why, "how it ended", found),
            upstream=self._text(finder, capture.upstream, "upstream URL", found),
        )
        return Cleaned(cleaned, tuple(found), leaks(cleaned, OwnKeys(values)) if values else ())

    def body(self, value: Json) -> Json:
        """Return a request's JSON, query or text with placeholders where `clean` would have put them.

        The request's own key is replaced where it looks like a key or stands under a key's name; an echo that only its
        headers give away is not.
        """
        return _of_value(value, (), self._finder, bodies.locations(value, self._paths))

    def _cleaned_query(self, finder: Finder, query: Mapping[str, str], found: list[Found]) -> dict[str, str]:
        chosen = bodies.locations(dict(query), self._paths)
        made = {}
        for name, value in query.items():
            if name in self._query or (name,) in chosen:
                made[name] = placeholder(bodies.FIELD)
                found.append(Found(bodies.FIELD, f"query, {name}"))
                continue
            spans = finder.find_value((name,), value)
            found += [Found(span.kind, f"query, {name}") for span in spans]
            made[_replaced(name, finder.find(name))] = _replaced(value, spans)
        return made

    @staticmethod
    def _text(finder: Finder, text: str, place: str, found: list[Found]) -> str:
        spans = finder.find(text) if text else []
        found += [Found(span.kind, place) for span in spans]
        return _replaced(text, spans)


def _holds_secret(header: str) -> bool:
    return bool(kind_of_name(header)) and not header.startswith(("access-control-", "x-ratelimit-"))


def _is(field: str, start: str) -> bool:
    return field.startswith(start)


def _path(field: str) -> Path | None:
    """Return a field as a JSONPath; None for a header or a parameter. Mistakes were told when the customs were read."""
    return compile_path(field, lambda *_: None, ()) if field.startswith("$") else None


def _found(where: str, edit: Edit) -> Found:
    return Found(edit.kind, f"{where}, {edit.place}" if edit.place else where)


def _replaced(text: str, spans: Collection[Span]) -> str:
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], placeholder(span.kind)]
        at = span.end
    return "".join([*parts, text[at:]]) if spans else text


def _of_value(value: Json, location: Location, finder: Finder, chosen: Collection[Location]) -> Json:
    """Return a JSON value as `bodies.edits` would leave its source."""
    if location in chosen and not bodies.is_kept(location, value):
        return placeholder(bodies.FIELD)
    if isinstance(value, str):
        return _replaced(value, finder.find_value(location, value) if location else finder.find(value, cut=True))
    if isinstance(value, list):
        return [_of_value(child, (*location, at), finder, chosen) for at, child in enumerate(value)]
    if not isinstance(value, dict):
        return value
    made: dict[str, Json] = {}
    touched = False
    for name, child in value.items():
        made[_replaced(name, finder.find(name))] = changed = _of_value(child, (*location, name), finder, chosen)
        touched = touched or (isinstance(child, str) and changed != child)
    if touched and isinstance(made.get("logprobs"), list):
        made["logprobs"] = []
    return made
