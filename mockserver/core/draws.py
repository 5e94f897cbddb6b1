"""Chance without a generator: every id, jitter and coin is a keyed hash of what was asked.

This room decides how seed, session, request and occurrence become reproducible values. It must not know what they are
used for, and must never count anything itself: a counter would depend on the order in which requests arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Draw:
    """A source of named values. The same key and purpose give the same value, whatever was drawn before."""

    key: bytes

    @classmethod
    def of(cls, seed: int, session: str, request: bytes, nth: int) -> Draw:
        """Key a draw by seed, session name, the request's bytes and which such request it is (from 1)."""
        name = session.encode()
        return cls(blake2b(b"%d\0%d\0%d\0%b%b" % (seed, nth, len(name), name, request), digest_size=32).digest())

    def hex(self, purpose: str, digits: int) -> str:
        """Return `digits` (at most 128) lower-case hexadecimal digits."""
        return blake2b(self.key + purpose.encode(), digest_size=(digits + 1) // 2).hexdigest()[:digits]

    def identifier(self, prefix: str, purpose: str) -> str:
        """Return an id in the API's shape: `prefix` and 48 hexadecimal digits."""
        return prefix + blake2b(self.key + purpose.encode(), digest_size=24).hexdigest()

    def fraction(self, purpose: str) -> float:
        """Return a number in [0, 1)."""
        return int.from_bytes(blake2b(self.key + purpose.encode(), digest_size=8).digest()) / 2**64
