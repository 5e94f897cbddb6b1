"""How one text is spelt within another: JSON escapes, percent signs, UTF-8; and back to where each character stood.

This room decides what a spelling means and which bytes or characters spell it. It must not know what is looked for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_INNER: Final = re.compile(r"(?<!\\)\\+(?:u00([0-7][0-9a-fA-F])|([nrt\"'/]))|%(?:25)*([2-7][0-9a-fA-F])")
_BLANKS: Final = {"n": "\n", "r": "\r", "t": "\t"}
_UNIT: Final = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)|([^\\]+)|(\\)", re.DOTALL
)
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def plain(text: str) -> str:
    r"""Undo the escapes that a text within a text carries: `\u002d`, `\/`, `\"`, `\n`, `%2D`; at any depth of nesting."""
    if "\\" not in text and "%" not in text:
        return text
    return _INNER.sub(_meant, text)


def plain_offsets(text: str) -> list[int]:
    """Return where each character of `plain(text)` begins in the text, and where the text ends."""
    offsets: list[int] = []
    at = 0
    for found in _INNER.finditer(text):
        offsets += range(at, found.start() + 1)
        at = found.end()
    offsets += range(at, len(text) + 1)
    return offsets


def _meant(found: re.Match[str]) -> str:
    code = found[1] or found[3]
    return chr(int(code, 16)) if code else _BLANKS.get(found[2], found[2])


def squeezed(text: str) -> str:
    """Return the text without blanks and line ends, which break long base64 into lines."""
    return "".join(text.split())


def squeezed_offsets(text: str) -> list[int]:
    """Return where each character of `squeezed(text)` stands in the text, and where the text ends."""
    return [*(at for at, char in enumerate(text) if not char.isspace()), len(text)]


def from_bytes(raw: bytes) -> str:
    """Return text that holds every byte: UTF-8, and each byte that is none as a lone surrogate."""
    return raw.decode("utf-8", "surrogateescape")


def byte_offsets(text: str) -> list[int]:
    """Return where each character of a text of `from_bytes` begins in the bytes, and where they end."""
    offsets = [0]
    for char in text:
        offsets.append(offsets[-1] + _width(char))
    return offsets


def _width(char: str) -> int:
    code = ord(char)
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:
        return 1
    return 2 if code < 0x800 else 3 if code < 0x10000 else 4


def from_json(raw: bytes) -> str:
    """Return what stands between the quotes of a JSON string; what is malformed in it stays as it is."""
    text = from_bytes(raw)
    return text if "\\" not in text else "".join([_unit(found) for found in _UNIT.finditer(text)])


def json_offsets(raw: bytes) -> list[int]:
    """Return where each character of `from_json(raw)` begins in the bytes, and where they end."""
    offsets: list[int] = []
    at = 0
    for found in _UNIT.finditer(from_bytes(raw)):
        if found[5] is not None:
            within = byte_offsets(found[5])
            offsets += [at + offset for offset in within[:-1]]
            at += within[-1]
        else:
            offsets.append(at)
            at += byte_offsets(found[0])[-1]
    return [*offsets, at]


def _unit(found: re.Match[str]) -> str:
    high, low, code, escaped, run, _ = found.groups()
    if run is not None:
        return run
    if high is not None:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if code is not None:
        return chr(int(code, 16))
    return _ESCAPES.get(escaped, escaped) if escaped is not None else "\\"


@dataclass(frozen=True, slots=True)
class Extract:
    """Bytes taken from a longer stretch of bytes in several runs. `starts` are the runs' starts here, `origins` there."""

    data: bytes
    starts: Sequence[int]
    origins: Sequence[int]

    def origin(self, at: int) -> int:
        """Return where a byte of `data` stands in what it was taken from."""
        run = max(bisect_right(self.starts, at) - 1, 0)
        return self.origins[run] + at - self.starts[run]

    def origin_end(self, at: int) -> int:
        """Return where a stretch of `data` that ends before `at` ends in what it was taken from."""
        return self.origin(at - 1) + 1 if at else self.origin(0)
