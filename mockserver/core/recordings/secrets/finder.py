"""Finding the secrets in a text: where they stand, of which kind they are, and what is put in their place.

This room decides which stretches of one text are secret. It must not know bodies, files or where a text comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from mockserver.core.recordings.customs import Customs
from mockserver.core.recordings.secrets.keyshapes import EMAIL, SHAPES, is_plausible, kind_of_name, lowered, shaped
from mockserver.core.recordings.secrets.ownkeys import OWN, OwnKeys
from mockserver.core.recordings.secrets.spellings import plain, plain_offsets
from mockserver.core.rules.expressions import compiled
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

_NAME_START: Final = re.compile(r"[A-Za-z0-9_.-]{0,48}\Z", re.ASCII)
_NAME_END: Final = re.compile(r"[A-Za-z]{0,8}", re.ASCII)
_VALUE: Final = re.compile(
    r"[\"']?\s{0,3}(?::=|=>|[:=])\s{0,3}[\"']?(?:(?:bearer|basic|token|apikey)\s+)?"
    r"([^\s\"'`,;<>\\(){}\[\]&|?]*[^\s\"'`,;<>\\(){}\[\]&|?.:])(?![\w.]*[(\[])",
    re.ASCII | re.IGNORECASE,
)
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
        self._emails = emails
        self._needs = (*dict.fromkeys(text for shape in SHAPES for text in shape.opens), *_WORDS, *("@" * emails))
        self.own = own if own is not None else OwnKeys(())

    @classmethod
    def of(cls, customs: Customs, *, own: OwnKeys | None = None, scanning: bool = False) -> Finder:
        """Return a finder that also finds what a folder's customs call secret by its looks.

        `scanning` says that nothing is replaced: then a value is no secret by its name alone.
        """
        patterns = [(each.name, compiled(each.pattern)) for each in customs.redact.patterns]
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
        lower = lowered(text)
        for start, end, kind in shaped(text, lower):
            yield Span(start, end, kind)
        for word in _WORDS:
            if word in lower:
                yield from _named(word, text, lower)
        if self._emails and "@" in text:
            yield from (Span(*found.span(), "email") for found in EMAIL.finditer(text))
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


def _named(word: str, text: str, lower: str) -> Iterator[Span]:
    """Yield the values after names that hold a word: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`."""
    at = lower.find(word)
    while at >= 0:
        end = at + len(word)
        value = None
        name = _NAME_START.search(text, max(at - 48, 0), at)
        rest = _NAME_END.match(text, end)
        if name is not None and rest is not None:
            kind = kind_of_name(name[0] + text[at : rest.end()])
            value = _VALUE.match(text, rest.end()) if kind else None
            if value is not None and is_plausible(value[1], kind):
                yield Span(*value.span(1), kind)
        # What is no secret as a whole holds none: without this a long text of such names would take for ever.
        at = lower.find(word, value.end() if value else end)
