"""Forms: mappings with known keys, as tables that are both the parser and the JSON Schema.

This room decides how one value of a rule file is read and how a mistake in it reads. It must not know which keys there
are or what they are for (`modifiers`, `replyform`, `ruleform` and `rulefile` do).

A reader takes a value and returns what it means, or `WRONG` after reporting why it means nothing; every mistake is told
and reading goes on.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from mockserver.core.durations import milliseconds
from mockserver.core.errors import Report, nearest
from mockserver.core.items.fields import described, quoting
from mockserver.core.messages import EMPTY, Json

Path: TypeAlias = tuple[str | int, ...]
JsonSchema: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Json, Report, Path], Any]


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Wrong(enum.Enum):
    """The type of `WRONG`: a value that means nothing, already reported."""

    TOLD = "told"


WRONG: Final = Wrong.TOLD


@dataclass(frozen=True, slots=True)
class Leaf:
    """What may stand at one place: how it is read, and the same as JSON Schema."""

    read: Read
    schema: JsonSchema


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a form: what it is for, and what may stand under it."""

    doc: str
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Form:
    """A mapping with known keys. `elsewhere` says where keys belong that people write here by mistake."""

    name: str
    keys: Mapping[str, Key]
    required: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    example: str = ""

    def read(self, value: Json, report: Report, path: Path) -> dict[str, Any] | Wrong:
        """Return what each known key means, leaving out the wrong ones; WRONG for what is no mapping."""
        if not isinstance(value, dict):
            hint = f"write e.g. `{self.example}`" if self.example else f"its keys are {', '.join(self.keys)}"
            report(path, f"expected {self.name}, a mapping; got {described(value)}", hint)
            return WRONG
        read: dict[str, Any] = {}
        for key, given in value.items():
            known = self.keys.get(key)
            if known is None:
                report((*path, key), f"unknown key `{key}` in {self.name}", self._hint(key))
                continue
            meant = known.leaf.read(given, report, (*path, key))
            if meant is not WRONG:
                read[key] = meant
        for key in self.required:
            if key not in value:
                report(
                    path, f"`{key}` is missing in {self.name}", f"write e.g. `{self.example}`" if self.example else ""
                )
        return read

    def _hint(self, key: str) -> str:
        if key in self.elsewhere:
            return f"`{key}` belongs {self.elsewhere[key]}"
        close = nearest(key, [*self.keys, *self.elsewhere])
        if close is None:
            return f"known keys: {', '.join(self.keys)}"
        place = self.elsewhere.get(close)
        return f"did you mean `{close}`? It belongs {place}" if place else f"did you mean `{close}`?"

    @property
    def schema(self) -> dict[str, Any]:
        """The form as JSON Schema."""
        made: dict[str, Any] = {
            "type": "object",
            "properties": {name: {"description": key.doc, **key.leaf.schema} for name, key in self.keys.items()},
            "additionalProperties": False,
        }
        if self.required:
            made["required"] = list(self.required)
        return made

    @property
    def leaf(self) -> Leaf:
        """The form as what may stand under a key of another form."""
        return Leaf(self.read, self.schema)


# Readers of single values


def checked(expected: str, holds: Callable[[Json], bool], schema: JsonSchema, hint: str = "") -> Leaf:
    """Return a leaf that takes every value for which `holds`, as it is."""

    def read(value: Json, report: Report, path: Path) -> Any:
        if holds(value):
            return value
        told = quoting(value) if schema.get("type") == "string" else ""
        if value is None and not told:
            told = 'write "" for the empty text' if schema.get("type") == "string" else ""
        report(path, f"expected {expected}, got {described(value)}", told or hint)
        return WRONG

    return Leaf(read, schema)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def whole(expected: str, least: int, most: int | None = None) -> Leaf:
    """Return a leaf for an integer of at least `least` and at most `most`."""

    def holds(value: Json) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value >= least and (most is None or value <= most)

    schema: dict[str, Any] = {"type": "integer", "minimum": least}
    return checked(expected, holds, schema if most is None else {**schema, "maximum": most})


def number(expected: str, *, above: float | None = None, least: float | None = None) -> Leaf:
    """Return a leaf for a number greater than `above` or at least `least`."""

    def holds(value: Json) -> bool:
        return _is_number(value) and (above is None or value > above) and (least is None or value >= least)

    bounds = {"exclusiveMinimum": above, "minimum": least}
    return checked(
        expected, holds, {"type": "number", **{key: each for key, each in bounds.items() if each is not None}}
    )


def choice(*words: str) -> Leaf:
    """Return a leaf for one of these words."""

    def read(value: Json, report: Report, path: Path) -> Any:
        if isinstance(value, str) and value in words:
            return value
        close = nearest(value, words) if isinstance(value, str) else None
        message = f"expected one of {', '.join(words)}; got {described(value)}"
        report(path, message, f"did you mean `{close}`?" if close else "")
        return WRONG

    return Leaf(read, {"enum": list(words)})


def _time(usual: str) -> Callable[[Json, Report, Path], Any]:
    """Return a reader of times whose numbers usually count in this unit."""

    def read(value: Json, report: Report, path: Path) -> Any:
        try:
            return milliseconds(value, usual)
        except ValueError as error:
            report(path, str(error))
            return WRONG

    return read


def _read_nothing_but_true(value: Json, report: Report, path: Path) -> Any:
    if value is True:
        return True
    report(path, f"expected `true`, got {described(value)}", "leave the key out instead")
    return WRONG


TEXT: Final = checked("text", lambda value: isinstance(value, str), {"type": "string"})
LINE: Final = checked(
    "one line of text",
    lambda value: isinstance(value, str) and bool(value.strip()) and not _CONTROL.search(value),
    {"type": "string", "minLength": 1},
)
BOOLEAN: Final = checked("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
MAPPING: Final = checked("a mapping", lambda value: isinstance(value, dict), {"type": "object"})
LIST: Final = checked("a list", lambda value: isinstance(value, list), {"type": "array"})
TEXT_OR_NULL: Final = checked(
    "text or null", lambda value: value is None or isinstance(value, str), {"type": ["string", "null"]}, "quote it"
)
ANYTHING: Final = Leaf(lambda value, report, path: value, {})
TRUE: Final = Leaf(_read_nothing_but_true, {"const": True})
TIME: Final = Leaf(
    _time("ms"), {"anyOf": [{"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m)\s*$"}, {"const": 0}]}
)
WAIT: Final = Leaf(_time("s"), TIME.schema)
"""A time that its header counts in seconds."""


def listed(leaf: Leaf, *, lone: bool = True, least: int = 0) -> Leaf:
    """Return a leaf for a list of what `leaf` takes, as a tuple; with `lone` a single one needs no list."""

    def read(value: Json, report: Report, path: Path) -> Any:
        if isinstance(value, list):
            if len(value) < least:
                report(
                    path, f"expected at least {'one entry' if least == 1 else f'{least} entries'}, got an empty list"
                )
                return WRONG
            found = [leaf.read(each, report, (*path, index)) for index, each in enumerate(value)]
        elif lone:
            found = [leaf.read(value, report, path)]
        else:
            report(path, f"expected a list, got {described(value)}", "each entry begins with `- `")
            return WRONG
        return tuple(each for each in found if each is not WRONG)

    schema: dict[str, Any] = {"type": "array", "items": leaf.schema}
    if least:
        schema["minItems"] = least
    return Leaf(read, {"anyOf": [leaf.schema, schema]} if lone else schema)


# Headers

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
FRAMING: Final = ("connection", "content-length", "transfer-encoding")
"""Headers that say where a body ends: the server writes them."""


def _read_headers(value: Json, report: Report, path: Path) -> Any:
    if not isinstance(value, dict):
        report(
            path, f"expected headers by name, got {described(value)}", "write e.g. `headers: {x-served-by: cache-1}`"
        )
        return WRONG
    pairs: list[tuple[str, str]] = []
    for name, given in value.items():
        here = (*path, name)
        if not _HEADER_NAME.match(name):
            report(here, f"`{name}` is no header name", "header names are letters, digits and hyphens")
        elif name.lower() in FRAMING:
            report(here, f"`{name.lower()}` is written by the server", "for a wrong one on purpose use a fault")
        else:
            for each in given if isinstance(given, list) else [given]:
                text = str(each) if _is_number(each) else each
                if not isinstance(text, str):
                    report(here, f"expected the header's text, got {described(each)}", quoting(each))
                elif _CONTROL.search(text):
                    report(here, "a header's text is one line without control characters")
                else:
                    pairs.append((name, text))
    return tuple(pairs)


_HEADER_TEXT: Final = {"type": ["string", "number"]}
HEADERS: Final = Leaf(
    _read_headers,
    {
        "type": "object",
        "propertyNames": {"pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "additionalProperties": {"anyOf": [_HEADER_TEXT, {"type": "array", "items": _HEADER_TEXT}]},
    },
)
