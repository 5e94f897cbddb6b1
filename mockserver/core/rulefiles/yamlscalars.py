"""What an unquoted word in a YAML file means.

This room decides which words are null, booleans or numbers: the YAML 1.2 core schema, less what people never mean as a
number (`0777`, `1_000`, `1:30`, dates). Everything else is text. It must not know files, rules or where the word is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

_WORDS: Final[dict[str, Any]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip

# A leading zero makes a word text: nobody who writes 0777 or 007.5 wants 777 or 7.5.
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+\Z", re.ASCII)
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+\Z", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_NOT_FINITE: Final = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")

_SMALLEST: Final = -(2**63)
_BIGGEST: Final = 2**64 - 1
_DIGITS: Final = 24
"""More characters than the biggest number has in any base; longer words are refused unread."""


def plain(word: str) -> Any:
    """Return the value of an unquoted word: None, a boolean, an integer, a float, or the word itself.

    Raises `ValueError`, with a message for the author, for a number that no JSON text can carry.
    """
    if word in _WORDS:
        return _WORDS[word]
    if word[0] not in "-+.0123456789":
        return word
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.match(word):
            return _integer(word, base)
    if _FLOAT.match(word):
        number = float(word)
        if math.isfinite(number):
            return number
        raise ValueError(f"`{_short(word)}` is bigger than any number")
    if _NOT_FINITE.match(word):
        raise ValueError(f"JSON has no `{word}`")
    return word


def _integer(word: str, base: int) -> int:
    number = int(word, base) if len(word.lstrip("-+0")) <= _DIGITS else _BIGGEST + 1
    if _SMALLEST <= number <= _BIGGEST:
        return number
    raise ValueError(f"`{_short(word)}` does not fit in 64 bits")


def _short(word: str) -> str:
    return word if len(word) <= 24 else f"{word[:20]}…"


def _tagged_text(word: str) -> Any:
    return word


def _tagged(kind: type) -> Callable[[str], Any]:
    def read(word: str) -> Any:
        value: Any = plain(word)
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise ValueError(f"`{_short(word)}` is not what its tag says")
        return value

    return read


TAGS: Final[dict[str, Callable[[str], Any]]] = {
    "!": _tagged_text,
    "tag:yaml.org,2002:str": _tagged_text,
    "tag:yaml.org,2002:int": _tagged(int),
    "tag:yaml.org,2002:float": _tagged(float),
    "tag:yaml.org,2002:bool": _tagged(bool),
    "tag:yaml.org,2002:null": _tagged(type(None)),
}
"""What an explicit tag such as `!!str` makes of a scalar; raises `ValueError` like `plain`."""

CONTAINERS: Final = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
"""Tags that say of a mapping or a list what it is anyway."""
