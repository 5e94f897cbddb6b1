"""Content encodings undone while the bytes come in: nothing is held back that can be told already.

This room decides which encodings can be undone, and when one is broken. It must not know what the bodies are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

MOST_AT_ONCE: Final = 1024 * 1024
"""Bytes that are unpacked in one go: a few packed ones can stand for very many."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_UNDONE: Final = frozenset({"gzip", "x-gzip", "deflate"})


class BrokenEncoding(ValueError):  # noqa: N818 - what it is
    """A body that is not in the encoding it claims, or ends within it."""


def can_undo(codings: Sequence[str]) -> bool:
    """Say whether a body with these content encodings can be undone."""
    return bool(codings) and _UNDONE.issuperset(codings)


class Unpacker:
    """Packed bytes in, plain ones out. `codings` are named in the order in which they were applied.

    Raises `BrokenEncoding`, from `feed` and from `close` for a body that ends too early.
    """

    def __init__(self, codings: Sequence[str]) -> None:
        self._layers = [_Inflated(coding) for coding in reversed(codings)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what these bytes add to the plain body."""
        pieces: Iterable[bytes] = (data,)
        for layer in self._layers:
            pieces = _through(layer, pieces)
        yield from pieces

    def close(self) -> None:
        """Say that nothing follows."""
        for layer in self._layers:
            layer.close()


def _through(layer: _Inflated, pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from layer.feed(piece)


class _Inflated:
    """One encoding. gzip may come as several members in a row (RFC 1952); deflate with its zlib frame, as it should
    (RFC 9110, section 8.4.1.2), or without, as some servers send it."""

    def __init__(self, coding: str) -> None:
        self._is_gzip = coding != "deflate"
        self._inflater: Any = None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflater is None:
                data = data.lstrip(b"\0") if self._begun else data  # some pad what follows a member
                if not data:
                    return
                self._inflater = zlib.decompressobj(self._window(data[0]))
                self._begun = True
            inflater = self._inflater
            try:
                plain = inflater.decompress(data, MOST_AT_ONCE)
                while plain:
                    yield plain
                    plain = inflater.decompress(inflater.unconsumed_tail, MOST_AT_ONCE)
            except zlib.error as error:
                raise BrokenEncoding(str(error)) from None
            data = inflater.unused_data
            if inflater.eof:
                self._inflater = None
                if not self._is_gzip and data:
                    raise BrokenEncoding("bytes follow the end of the deflated body")

    def close(self) -> None:
        if self._inflater is not None:
            raise BrokenEncoding("the body ends within its content encoding")

    def _window(self, first: int) -> int:
        if self._is_gzip:
            return _GZIP
        return zlib.MAX_WBITS if first & 0x0F == 8 and first >> 4 <= 7 else -zlib.MAX_WBITS
