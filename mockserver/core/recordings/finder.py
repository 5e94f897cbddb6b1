"""Finding the secrets in a text: where they stand, of which kind they are, and what is put in their place.

This room decides which stretches of one text are secret. It must not know bodies, files or where a text comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.keyshapes import EMAIL, SHAPES, Shape, compiled, is_plausible, kind_of_name
from mockserver.core.recordings.ownkeys import OWN, OwnKeys
from mockserver.core.recordings.spellings import plain, plain_offsets
from mockserver.core.rules.jsonpath import Location

PROTECTED: Final = frozenset(
    {
        "encrypted_content",
        "prompt_cache_key",
        "safety_identifier",
        "obfuscation",
        "logprobs",
        "top_logprobs",
        "embedding",
    }
)
"""Fields of the API whose values are random text by nature: only the request's own key is looked for in them."""

_WORDS: Final = (
    "key", "secret", "passw", "passphrase", "pwd", "token", "authorization", "credential", "connection", "cookie",
)  # fmt: skip
"""What every secret name holds; `kind_of_name` looks at the whole name."""

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{0,48}\Z", re.ASCII)
_VALUE: Final = re.compile(
    r"(?:[a-z]{0,8})[\"']?\s{0,3}(?::=|=>|[:=])\s{0,3}[\"']?(?:(?:bearer|basic|token|apikey)\s+)?"
    r"([^\s\"'`,;<>\\(){}\[\]&|?]*[^\s\"'`,;<>\\(){}\[\]&|?.:])(?![\w.]*[(\[])",
    re.ASCII | re.IGNORECASE,
)
_RUN: Final = re.compile(r"[A-Za-z0-9+=_-]{40}\Z", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"<redacted:[a-z0-9_.-]+>")


_ALWAYS: Final = frozenset({"api_key", "access_key", "authorization", "cookie"})
"""Kinds of which every value in a document is replaced, whatever it looks like: in a replay it may be a dummy."""


class Span(NamedTuple):
    """A secret at `start:end` of a text."""

    start: int
    end: int
    kind: str


def placeholder(kind: str) -> str:
    """Return what stands for a secret of this kind: the same in every run, safe within JSON, and itself no secret."""
    return f"<redacted:{kind}>"


def is_redacted(text: str) -> bool:
    """Say whether a text holds a placeholder."""
    return "<redacted:" in text and _PLACEHOLDER.search(text) is not None


class Finder:
    """Finds secrets in texts: by shape, by the name beside a value, by the user's patterns, and a request's own keys."""

    def __init__(
        self,
        patterns: Sequence[tuple[str, re.Pattern[str]]] = (),
        *,
        emails: bool = False,
        own: OwnKeys | None = None,
        scanning: bool = False,
    ) -> None:
        self._patterns = tuple(patterns)
        self._always = frozenset[str]() if scanning else _ALWAYS
        self._shapes = (*SHAPES, EMAIL) if emails else SHAPES
        self._needs = tuple(dict.fromkeys([need for shape in self._shapes for need in shape.needs] + [*_WORDS]))
        self.own = own if own is not None else OwnKeys(())

    @classmethod
    def of(cls, customs: Customs, *, own: OwnKeys | None = None, scanning: bool = False) -> Finder:
        """Return a finder that also finds what a folder's customs call secret by its looks.

        `scanning` says that nothing is replaced: then a value is no secret by its name alone.
        """
        patterns = [(each.name, re.compile(each.pattern)) for each in customs.redact.patterns]
        return cls(patterns, emails=customs.redact.emails, own=own, scanning=scanning)

    def needs_of(self, text: str) -> tuple[str, ...]:
        """Return what of that which some secret holds stands in a text or in strings that it spells."""
        lower = text.lower()
        if "\\u00" in text or "\\/" in text or "%" in text:
            lower += plain(text).lower()
        return tuple([need for need in self._needs if need in lower])

    def may_hold(self, text: str, among: Sequence[str] | None = None) -> bool:
        """Say quickly whether there may be a secret in a text or in strings that it spells; False is certain.

        `among` is `needs_of` a longer text of which this is a part.
        """
        if self._patterns or among is None:
            return bool(self._patterns) or bool(self.needs_of(text)) or self.own.may_stand_in(text)
        if among:
            lower = text.lower()
            if "\\u00" in text or "\\/" in text or "%" in text:
                lower += plain(text).lower()
            for need in among:
                if need in lower:
                    return True
        return self.own.may_stand_in(text)

    def find(self, text: str, *, cut: bool = False) -> list[Span]:
        """Return the secrets in a text in order, none overlapping.

        `cut` says that the text may have been cut off: then the beginning of an own key at its end is one too.
        """
        spans = [*self._shaped(text)]
        if "\\" in text or "%" in text:
            inner = plain(text)
            offsets: list[int] = []
            for start, end, kind in self._shaped(inner) if inner != text else ():
                offsets = offsets or plain_offsets(text)
                spans.append(Span(offsets[start], offsets[end], kind))
        spans += self._own(text, cut=cut)
        return merged(spans)

    def find_value(self, location: Location, text: str) -> list[Span]:
        """Return the secrets in a string of a document: the whole of it where its name says so."""
        own = self._own(text)
        if not PROTECTED.isdisjoint(location):
            return merged(own)
        kind = kind_of_name(next((step for step in reversed(location) if isinstance(step, str)), ""))
        if kind and text and not is_redacted(text) and (kind in self._always or is_plausible(text, kind)):
            return [Span(0, len(text), kind)]
        return self.find(text)

    def _own(self, text: str, *, cut: bool = False) -> list[Span]:
        return [Span(hit.start, hit.end, hit.kind) for hit in self.own.hits(text, cut=cut)]

    def _shaped(self, text: str) -> Iterator[Span]:
        lower = _lower(text)
        for shape in self._shapes:
            if any(need in lower for need in shape.needs):
                yield from _of_shape(shape, text)
        for word in _WORDS:
            at = lower.find(word)
            while at >= 0:
                yield from _named(text, at, at + len(word))
                at = lower.find(word, at + len(word))
        for kind, pattern in self._patterns:
            for found in pattern.finditer(text):
                start, end = found.span(1 if pattern.groups else 0)
                if start < end and not _PLACEHOLDER.fullmatch(found[0]):
                    yield Span(start, end, kind)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order; overlapping ones become one.

    It is of the kind of the first, but what looks like a secret of a kind is called so rather than the request's own key:
    a later request, which has another key, is read without it.
    """
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if found and span.start < found[-1].end:
            last = found[-1]
            kind = span.kind if last.kind == OWN else last.kind
            found[-1] = Span(last.start, max(span.end, last.end), kind)
        else:
            found.append(span)
    return found


def _of_shape(shape: Shape, text: str) -> Iterator[Span]:
    pattern = compiled(shape)
    group = 1 if pattern.groups else 0
    found = pattern.search(text)
    while found is not None:
        start, end = found.span(group)
        opens = found.start() == 0 or not _continues(text, found.start())
        if opens and start < end and (shape.check is None or shape.check(found[group])):
            yield Span(start, end, shape.kind)
            found = pattern.search(text, max(found.end(), found.start() + 1))
        else:
            found = pattern.search(text, found.start() + 1)


def _continues(text: str, start: int) -> bool:
    """Say whether a match is the middle of something longer: of a word, or of a long run of base64."""
    before = text[start - 1]
    if before.isascii() and before.isalnum() and text[start] not in ":-":
        return True
    return _RUN.search(text, max(start - 40, 0), start) is not None


def _named(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the value after a name that ends about here: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`."""
    value = _VALUE.match(text, end)
    if value is None:
        return
    before = _NAME.search(text, max(start - 48, 0), start)
    separator = re.match(r"[A-Za-z]*", text[end : end + 8])
    name = (before[0] if before else "") + text[start:end] + (separator[0] if separator else "")
    kind = kind_of_name(name)
    if kind and is_plausible(value[1], kind):
        yield Span(*value.span(1), kind)


def _lower(text: str) -> str:
    """Return the text in lower case, each character at its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else re.sub(r"[A-Z]+", lambda found: found[0].lower(), text)
