"""Single texts and numbers that a JSON Schema accepts.

This room decides what the keywords for texts and numbers ask for. It must not know arrays, objects or references.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from mockserver.core.items.patterns import sample

LONGEST: Final = 10_000
"""The longest text that `minLength` gets."""

FORMATS: Final[Mapping[str, str]] = {
    "date": "2025-01-01",
    "date-time": "2025-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "a@example.com",
    "idn-email": "a@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/",
    "uri-template": "https://example.com/{id}",
    "iri": "https://example.com/",
    "iri-reference": "/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/a",
    "relative-json-pointer": "0",
    "regex": "a",
}
"""A text of each format that JSON Schema names."""


def text(schema: Mapping[str, Any], nth: int = 0) -> str | None:
    """Return a text for `pattern`, `format`, `minLength` and `maxLength`; None when it would be too long.

    Where nothing forbids it, another `nth` (from 0) gives another text.
    """
    least, most = _bound(schema, "minLength", 0), _bound(schema, "maxLength", math.inf)
    pattern, form = schema.get("pattern"), schema.get("format")
    made = None
    if isinstance(pattern, str):
        made = sample(pattern)
        if made is None:
            made = _suggested(schema)
    if made is None and isinstance(form, str):
        made = FORMATS.get(form)
    if made is None:
        made = str(nth) if nth else ""
    if least > max(LONGEST, len(made)):
        return None
    if len(made) < least:
        made += (made[-1] if made else "a") * (int(least) - len(made))
    return made if len(made) <= most else made[: max(0, int(most))]


def _suggested(schema: Mapping[str, Any]) -> str | None:
    """Return a text that the schema itself gives as an example or default."""
    examples = schema.get("examples")
    given = [*(examples if isinstance(examples, list) else ()), schema.get("default")]
    return next((each for each in given if isinstance(each, str)), None)


def number(schema: Mapping[str, Any], nth: int = 0, *, whole: bool) -> int | float | None:
    """Return the `nth` number (from 0) for bounds and `multipleOf`: 0 and up where it may be; None where none fits."""
    low, high = _bound(schema, "minimum", -math.inf), _bound(schema, "maximum", math.inf)
    above, below = _bound(schema, "exclusiveMinimum", -math.inf), _bound(schema, "exclusiveMaximum", math.inf)
    step = _bound(schema, "multipleOf", 1)
    if step <= 0:
        return None
    if whole and (1 / step).is_integer():
        step = 1  # every integer is a multiple of a half or a hundredth

    def fits(value: float) -> bool:
        return bool(low <= value <= high and above < value < below)

    first = 0 if fits(0) else _nearest(max(low, above), min(high, below), step, fits)
    if first is None:
        if whole or "multipleOf" in schema:
            return None
        first = _between(max(low, above), min(high, below))
        return first if fits(first) else None
    return next((_plain(value) for value in (first + nth * step, first - nth * step) if fits(value)), _plain(first))


def _nearest(low: float, high: float, step: float, fits: Callable[[float], bool]) -> float | None:
    """Return the multiple of `step` within bounds, which leave 0 out, that lies nearest to 0; None when there is none."""
    upwards = low >= 0
    count = (low if upwards else high) / step
    if not math.isfinite(count):
        return None
    start = math.ceil(count) if upwards else math.floor(count)
    ahead = 1 if upwards else -1
    return next((each * step for each in (start, start + ahead) if fits(each * step)), None)


def _between(low: float, high: float) -> float:
    if math.isinf(high):
        return low + 0.5
    return high - 0.5 if math.isinf(low) else (low + high) / 2


def _plain(value: float) -> int | float:
    """Return a whole number as an integer where every JSON library reads it back as the same, else as a float."""
    return int(value) if abs(value) < 2**53 and float(value).is_integer() else float(value)


def _bound(schema: Mapping[str, Any], key: str, default: float) -> Any:
    value = schema.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else default
