"""The keys that a request itself carries, and the forms in which they may come back.

This room decides which values of a request are its own keys, and finds them in a text: as they are, escaped, in base64 or
in hex. It must not know where the text stands or what becomes of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from mockserver.core.recordings.secrets import keyshapes
from mockserver.core.recordings.secrets.spellings import plain, plain_offsets, squeezed, squeezed_offsets

LEAST: Final = 8
"""Shorter keys are in no one's way: nothing can be told from so few characters."""

_DUMMY: Final = frozenset({
    "sk", "pk", "key", "keys", "api", "apikey", "token", "secret", "test", "tests", "testing", "tester", "mock",
    "mocked", "mocks", "dummy", "fake", "foo", "bar", "baz", "none", "null", "no", "not", "needed", "required",
    "used", "unused", "empty", "ignored", "ignore", "local", "localhost", "your", "my", "the", "a", "an", "here",
    "example", "sample", "demo", "default", "placeholder", "proj", "project", "openai", "ollama", "vllm", "lm",
    "studio", "llama", "litellm", "anything", "something", "whatever", "password", "user", "admin", "invalid",
    "wrong", "bad", "good", "valid", "real", "live", "dev", "ci", "abc", "abcd", "abcdef", "xyz",
})  # fmt: skip
"""Words of which made-up keys consist: `sk-test-key`, `not-needed`, `your-api-key-here`."""

_SEQUENCE: Final = "01234567890123456789"
_PREFIX_LEAST: Final = 12
_ID_HEADERS: Final = {"openai-organization": "organization", "openai-project": "project"}
OWN: Final = "own_key"
"""The kind of a key that is known only because the request carried it."""


class Hit(NamedTuple):
    """An own key found at `start:end` of a text, in a form such as `base64`."""

    start: int
    end: int
    kind: str
    form: str


def is_guarded(value: str) -> bool:
    """Say whether a key must not be found anywhere in a recording.

    It needs 8 characters, and must be no dummy: one that consists of words such as `test`, `mock` or `your-api-key`, of
    one character repeated, and of digits in sequence. Without a digit and in one case it needs 20: it may be a plain word.
    """
    if len(value) < LEAST or "<redacted:" in value:
        return False
    parts = [part for part in re.split(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[0-9])", value) if part]
    if all(part.lower() in _DUMMY or part in _SEQUENCE or len(set(part)) == 1 for part in parts):
        return False
    mixed = any(char.isdigit() for char in value) or (value.lower() != value and value.upper() != value)
    return mixed or len(value) >= 20


def own_values(
    request: Mapping[str, str], query: Mapping[str, str], answer: Iterable[tuple[str, str]] = ()
) -> tuple[tuple[str, str], ...]:
    """Return kind and value of each own key: from the request's headers and query, ids also from the answer's headers."""
    found: dict[str, str] = {}
    for name, value in request.items():
        if name in _ID_HEADERS:
            found.setdefault(value.strip(), _ID_HEADERS[name])
        elif keyshapes.kind_of_name(name):
            for part in _credentials(name, value):
                found.setdefault(part, OWN)
    for name, value in query.items():
        if keyshapes.kind_of_name(name) or name == "key":
            found.setdefault(value, OWN)
    for name, value in answer:
        if name in _ID_HEADERS:
            found.setdefault(value.strip(), _ID_HEADERS[name])
    # Of two keys, one within the other, the longer one is looked for first.
    guarded = [(kind, value) for value, kind in found.items() if is_guarded(value)]
    return tuple(sorted(guarded, key=lambda pair: -len(pair[1])))


def _credentials(name: str, value: str) -> Iterator[str]:
    """Yield what is secret in a header: a key, a scheme's token, the password of `Basic`, each cookie."""
    value = value.strip()
    if "cookie" in name:
        yield from (part.partition("=")[2].strip() for part in value.split(";"))
        return
    scheme, blank, rest = value.partition(" ")
    if not blank:
        yield value
        return
    yield rest.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        yield password or user


class OwnKeys:
    """Looks for some keys in texts."""

    def __init__(self, values: Iterable[tuple[str, str]]) -> None:
        self.values = tuple(values)
        self._needles = [
            (needle, kind, form) for kind, value in self.values for needle, form in dict(_forms(value)).items()
        ]

    @property
    def least(self) -> int:
        """How many characters of base64 any of the keys needs at least."""
        return min((len(value.encode()) for _, value in self.values), default=LEAST) * 4 // 3

    def __bool__(self) -> bool:
        return bool(self._needles)

    def may_stand_in(self, text: str) -> bool:
        """Say quickly whether `hits` would find something, beginnings at the end aside."""
        return bool(self._needles) and any(map(self._in, _views(text)))

    def _in(self, text: str) -> bool:
        return any(needle in text for needle, _, _ in self._needles)

    def hits(self, text: str, *, cut: bool = False) -> list[Hit]:
        """Return where the keys stand; with `cut` also the beginning of one that the text ends in."""
        found: list[Hit] = []
        if not self._needles:
            return found
        for number, view in enumerate(_views(text)):
            if not self._in(view):
                continue
            starts, ends = _edges(text, view)
            for hit in self._search(view):
                form = hit.form if number == 0 or hit.form != "as it is" else "escaped or broken into lines"
                found.append(Hit(starts[hit.start], ends[hit.end - 1], hit.kind, form))
        if cut:
            found += self._beginnings(text)
        return found

    def _search(self, text: str) -> Iterator[Hit]:
        for needle, kind, form in self._needles:
            at = text.find(needle)
            while at >= 0:
                yield Hit(at, at + len(needle), kind, form)
                at = text.find(needle, at + len(needle))

    def _beginnings(self, text: str) -> Iterator[Hit]:
        for kind, value in self.values:
            for size in range(len(value) - 1, _PREFIX_LEAST - 1, -1):
                if text.endswith(value[:size]):
                    yield Hit(len(text) - size, len(text), kind, "its beginning")
                    break


def _forms(value: str) -> Iterator[tuple[str, str]]:
    """Yield what to look for, and the form's name. Base64 has three alignments; only what the key alone decides counts."""
    raw = value.encode()
    yield value, "as it is"
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + raw).decode().rstrip("=")
            first = (0, 2, 3)[before]
            last = len(encoded) - ((before + len(raw)) % 3 > 0)
            yield encoded[first:last], "base64"
    yield raw.hex(), "hex"
    yield raw.hex().upper(), "hex"


def _views(text: str) -> Iterator[str]:
    """Yield the text as it is, without the escapes within it, and also without blanks and line ends."""
    yield text
    inner = plain(text)
    if inner != text:
        yield inner
    tight = squeezed(inner)
    if len(tight) != len(inner):
        yield tight


def _edges(text: str, view: str) -> tuple[Sequence[int], Sequence[int]]:
    """Return where each character of a view starts and ends in the text."""
    if view == text:
        return range(len(text)), range(1, len(text) + 1)
    outer = plain_offsets(text)
    inner = plain(text)
    if view == inner:
        return outer, outer[1:]
    tight = squeezed_offsets(inner)[:-1]
    return [outer[at] for at in tight], [outer[at + 1] for at in tight]
