"""Times as people write them, to milliseconds.

This room decides which spellings of a time are understood. It must not know what the time is for.
"""

from __future__ import annotations

import re
from typing import Any, Final

_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m)\Z", re.ASCII)
_UNITS: Final = {"ms": 1.0, "s": 1000.0, "m": 60_000.0}


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
