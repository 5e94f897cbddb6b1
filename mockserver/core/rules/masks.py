"""Masks: parts of a text that differ from run to run, replaced by their kind before two texts are compared.

This room decides what looks like a date, a time, an id, a path or a port. It must not know whose texts are compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from mockserver.core.errors import Report, nearest
from mockserver.core.messages import Json
from mockserver.core.rules.expressions import compiled

Mask: TypeAlias = Callable[[str], str]

_MONTH: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th)?"

KINDS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "date": (
            rf"(?<!\d)(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}})(?!\d)"
            rf"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},? )?(?:{_MONTH} {_DAY},? \d{{4}}|{_DAY} {_MONTH} \d{{4}})\b",
            "<date>",
            "0123456789",
        ),
        "time": (
            r"(?<![\d:])\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm]\b)?(?:Z|[+-]\d{2}:?\d{2})?(?![\d:])",
            "<time>",
            ":",
        ),
        "uuid": (r"(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])", "<uuid>", "-"),
        "path": (r"(?<![\w:/.])(?:~|\.{1,2})?(?:/[\w.@+~-]+){2,}/?|\b[A-Za-z]:(?:\\[\w.@+~ -]+)+\\?", "<path>", "/\\"),
        "port": (
            r"(//[^\s/:]+|\blocalhost|\b\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:]+\]):\d{1,5}(?!\d)",
            r"\1:<port>",
            ":",
        ),
    }
)
"""By kind: what looks like it, what stands in its place, and characters without which no text holds one."""


def compile_masks(given: Any, report: Report, path: tuple[str | int, ...]) -> tuple[Mask, ...]:
    """Compile one kind or pattern, or a list of them. Mistakes go to `report`."""
    names = given if isinstance(given, list) else [given]
    masks = []
    for index, name in enumerate(names):
        mask = _compile(name, report, (*path, index) if isinstance(given, list) else path)
        if mask is not None:
            masks.append(mask)
    return tuple(masks)


def _compile(name: Any, report: Report, path: tuple[str | int, ...]) -> Mask | None:
    if not isinstance(name, str) or not name:
        report(path, f"expected a kind of text to mask, got {name!r}", f"{', '.join(KINDS)}, or a regular expression")
        return None
    if name in KINDS:
        source, replacement, needed = KINDS[name]
        pattern = re.compile(source)
        return lambda text: pattern.sub(replacement, text) if any(char in text for char in needed) else text
    if name.isalpha() and name.islower():
        guess = nearest(name, KINDS)
        report(path, f"unknown mask {name!r}", f"did you mean `{guess}`?" if guess else f"known: {', '.join(KINDS)}")
        return None
    try:
        own = compiled(name)
    except ValueError as error:
        report(path, str(error))
        return None
    return lambda text: own.sub("<masked>", text)


def masked(value: Json, masks: Sequence[Mask]) -> Json:
    """Return the JSON value with every string in it masked; keys stay as they are."""
    if isinstance(value, str):
        for mask in masks:
            value = mask(value)
        return value
    if isinstance(value, list):
        return [masked(child, masks) for child in value]
    if isinstance(value, dict):
        return {name: masked(child, masks) for name, child in value.items()}
    return value
