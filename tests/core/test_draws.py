"""Draws: the same key and purpose give the same value; different ones do not."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.draws import Draw


@given(st.integers(0, 2**63), st.text(max_size=20), st.binary(max_size=50), st.integers(1, 10**6), st.text(max_size=20))
def test_repeatable_and_in_range(seed: int, session: str, request: bytes, nth: int, purpose: str) -> None:
    """Same inputs, same values, in the shapes promised."""
    one, two = Draw.of(seed, session, request, nth), Draw.of(seed, session, request, nth)
    assert one.hex(purpose, 33) == two.hex(purpose, 33)
    assert 0 <= one.fraction(purpose) < 1
    assert re.fullmatch("resp_[0-9a-f]{48}", one.identifier("resp_", purpose))


def test_every_part_of_the_key_counts() -> None:
    """Seed, session, request, occurrence and purpose each change the value."""
    keys = [(0, "s", b"r", 1), (1, "s", b"r", 1), (0, "t", b"r", 1), (0, "s", b"q", 1), (0, "s", b"r", 2)]
    values = {Draw.of(*key).hex(purpose, 32) for key in keys for purpose in ("a", "b")}
    assert len(values) == 10
