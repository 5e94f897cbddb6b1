"""Times as people write them: stretches and moments."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.durations import LAST, milliseconds, moment


@pytest.mark.parametrize(
    ("text", "expected"), [("25ms", 25.0), ("1.5s", 1500.0), ("2 m", 120_000.0), (" 0ms ", 0.0), (0, 0.0)]
)
def test_stretches(text: Any, expected: float) -> None:
    """A unit each, but for zero."""
    assert milliseconds(text) == expected


@pytest.mark.parametrize(
    ("value", "word"), [(5, "`5s`"), ("5", "25ms"), ("-5s", "25ms"), (True, "25ms"), (None, "25ms")]
)
def test_what_is_no_stretch_is_told(value: Any, word: str) -> None:
    """With what was probably meant."""
    with pytest.raises(ValueError, match=word):
        milliseconds(value, "s")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1769860800.5, 1769860800.5),
        ("2026-01-31", 1769817600.0),
        ("2026-01-31T12:00:00", 1769860800.0),
        ("2026-01-31T13:00:00+01:00", 1769860800.0),
        ("+5m", 1300.0),
        ("-250ms", 999.75),
    ],
)
def test_moments(value: Any, expected: float) -> None:
    """A time without a zone is UTC; a shift starts from now."""
    assert moment(value, lambda: 1000.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("soon", "such as 2026"),
        ("+5", "shift"),
        ("-5h", "shift"),
        ("nan", "1970 to 9999"),
        (-1, "shift"),
        (LAST, "1970 to 9999"),
        ("0001-01-01", "1970 to 9999"),
        ("9999-12-31T23:59:59-12:00", "1970 to 9999"),
        ("-20m", "1970 to 9999"),
        (True, "such as 2026"),
        ("", "such as 2026"),
    ],
)
def test_what_no_clock_can_show_is_told(value: Any, word: str) -> None:
    """In whichever of the spellings."""
    with pytest.raises(ValueError, match=word):
        moment(value, lambda: 1000.0)


@given(st.text(max_size=30) | st.floats() | st.integers())
def test_any_value_is_a_moment_or_told(value: Any) -> None:
    """Nothing but `ValueError` ever."""
    with contextlib.suppress(ValueError):
        assert 0 <= moment(value, lambda: 1000.0) < LAST
