"""When two JSON values are the same, and where they differ.

This room decides equality as JSON sees it: 1 is 1.0, true is not 1, the order of keys does not matter. It must not know
matchers, requests or how a difference is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import orjson

from mockserver.core.messages import ABSENT, Json
from mockserver.core.rules.jsonpath import Location

_INT64: Final = 2**63

_DOUBTFUL: Final = re.compile(rb"[:,\[](?:null|-?\d+(?:\.0(?![0-9])|(?:\.\d+)?e))")
"""What the encoder writes in a container for numbers with two spellings or none; where it is missing, its bytes will do."""


def equal(left: Json, right: Json) -> bool:
    """Say whether two JSON values are equal, deeply."""
    if isinstance(left, dict):
        if not isinstance(right, dict) or len(left) != len(right):
            return False
        return all(name in right and equal(value, right[name]) for name, value in left.items())
    if isinstance(left, list):
        if not isinstance(right, list) or len(left) != len(right):
            return False
        return all(map(equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def differences(expected: Json, found: Json, at: Location = ()) -> Iterator[tuple[Location, Json, Json]]:
    """Yield where two values differ, outermost first: the place, what was expected (or ABSENT), what was found (or ABSENT)."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name in found:
                yield from differences(value, found[name], (*at, name))
            else:
                yield (*at, name), value, ABSENT
        for name, value in found.items():
            if name not in expected:
                yield (*at, name), ABSENT, value
    elif isinstance(expected, list) and isinstance(found, list):
        for index in range(max(len(expected), len(found))):
            left = expected[index] if index < len(expected) else ABSENT
            right = found[index] if index < len(found) else ABSENT
            if left is ABSENT or right is ABSENT:
                yield (*at, index), left, right
            else:
                yield from differences(left, right, (*at, index))
    elif not equal(expected, found):
        yield at, expected, found


def canonical(value: Json) -> bytes:
    """Return bytes that are the same for equal JSON values, and only for these.

    Raises `TypeError` for text that is no Unicode (lone surrogates), which no request can hold.
    """
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        pass  # integers or keys that JSON has not
    else:
        if isinstance(value, (dict, list)) and _DOUBTFUL.search(text) is None:
            return text
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)


def digest(value: Json) -> str:
    """Return 32 hexadecimal digits that are the same for equal JSON values. Raises `TypeError` as `canonical` does."""
    return blake2b(canonical(value), digest_size=16).hexdigest()


def _plain(value: Json) -> Json:
    """Spell each number in one way: whole ones as integers, the rest as the shortest float."""
    if isinstance(value, dict):
        return {str(name): _plain(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return ["\0number", repr(value)]  # YAML has these, JSON has not: equal to nothing that a request holds
        if not value.is_integer():
            return value
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < 2 * _INT64:
        return ["\0number", str(value)]  # the encoder stops at 64 bits
    return value
