"""Times as people write them: stretches to milliseconds, moments to seconds since the epoch.

This room decides which spellings of a time are understood. It must not know what the time is for, or what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)\Z", re.ASCII)
_UNITS: Final = {"ms": 1.0, "s": 1000.0, "m": 60_000.0}

LAST: Final = 253_402_300_800
"""The end of the year 9999: what a clock shows must be a date, since response objects and headers write it as one."""


def milliseconds(value: Any, usual: str = "ms") -> float:
    """Return the milliseconds of `"25ms"`, `"1.5s"` or `"2m"`; a bare 0 is zero.

    Raises `ValueError` with a message for the author: a bare number lacks its unit, probably the `usual` one; anything
    else is no time.
    """
    if isinstance(value, str):
        found = _PATTERN.match(value.strip())
        if found:
            return float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value == 0:
            return 0.0
        raise ValueError(f"a time needs a unit; did you mean `{value}{usual}`?")
    raise ValueError(f"expected a time such as 25ms, 1.5s or 2m, got {value!r}")


def moment(value: Any, now: Callable[[], float]) -> float:
    """Return seconds since the epoch for an ISO 8601 time (UTC unless it says otherwise), an epoch, or `+5m` / `-30s`.

    `now` tells what a shift starts from. Raises `ValueError` with a message for people.
    """
    given = str(value).strip()
    if given[:1] in ("+", "-") and given[1:2].isdigit():
        sign = -1 if given[0] == "-" else 1
        try:
            epoch = now() + sign * milliseconds(given[1:]) / 1000
        except ValueError:
            raise ValueError(f"expected a shift such as +5m or -30s, got {given!r}") from None
    else:
        try:
            epoch = float(given)
        except ValueError:
            epoch = _iso(given)
    if not 0 <= epoch < LAST:
        raise ValueError(f"expected a time in the years 1970 to 9999, got {given}")
    return epoch


def _iso(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"expected a time such as 2026-01-31T12:00:00Z, seconds since 1970, or +5m, got {text!r}"
        ) from None
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
