"""A JSON value as YAML text that reads well in a review, and that our own reader reads as the same value.

This room decides quotes, blocks and which containers stand on one line. It must not know rules or what a value means.
No tags, no anchors, no trailing blanks. Text is never wrapped: a changed word changes one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mockserver.core.messages import EMPTY, Json
from mockserver.core.rulefiles.yamlscalars import plain

WIDTH: Final = 100
"""Columns that a container on one line may reach."""
MOST_NESTED: Final = 2
"""Containers inside each other that one line may hold; deeper ones are hard to read."""
SPREAD: Final = frozenset({"properties", "$defs", "definitions"})
"""Keys of JSON Schemas whose entries always have a line each."""
MOST_IN_KEY: Final = 900
"""Characters of a key before its colon; YAML looks no further than 1024."""

Open = Mapping[str, Any]
"""Which containers never stand on one line, as nested mappings of keys; `*` is each entry of a list."""

_ESCAPED: Final = re.compile(
    '["\\\\\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]'
)
"""What stands escaped in double quotes: what YAML forbids or changes, and what nobody could see in a review."""
_HIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""The same for text in a block, where tabs are looked at apart."""
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_MISREAD: Final = re.compile(r"(?:y|n|yes|no|on|off)\Z|[0-9a-f]{16,}\Z", re.IGNORECASE)
"""Words that other readers of YAML take for booleans, and hashes: some of them look like numbers."""
_TIME: Final = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,3})?ms")
_TRAILING: Final = re.compile(r"[ \t](?:\n|\Z)")


def lines(
    value: Mapping[str, Json], indent: int = 0, opened: Open = EMPTY, wide: frozenset[str] = frozenset()
) -> list[str]:
    """Return a mapping in block style, each line indented by `indent` blanks and without its line end.

    What `opened` names is in block style even where it would fit on one line; keys in `wide`, at the top or in what is
    opened, have their value on one line however long that gets (unless a text in it has several lines).
    """
    return list(_mapping(value, indent, opened, wide))


def _mapping(value: Mapping[str, Json], indent: int, opened: Open | None, wide: frozenset[str]) -> Iterator[str]:
    for key, each in value.items():
        below = None if opened is None else opened.get(key)
        name = scalar(key, flow=True)
        if len(name) > MOST_IN_KEY:
            yield f"{' ' * indent}? {_double(key)}"
            name = ""
        as_wide = opened is not None and key in wide
        yield from _entry(f"{' ' * indent}{name}:", each, indent, below, wide, as_wide=as_wide)


def _list(value: list[Json], indent: int, opened: Open | None, wide: frozenset[str]) -> Iterator[str]:
    below = None if opened is None else opened.get("*")
    for each in value:
        yield from _entry(f"{' ' * indent}-", each, indent, below, wide, in_list=True)


def _entry(
    start: str,
    value: Json,
    indent: int,
    opened: Open | None,
    wide: frozenset[str],
    *,
    in_list: bool = False,
    as_wide: bool = False,
) -> Iterator[str]:
    """Yield the lines of a value behind its key or dash (`start`), which stand `indent` blanks in."""
    if isinstance(value, str):
        yield from _text(start, value, indent)
        return
    if not isinstance(value, (dict, list)) or not value:
        yield f"{start} {_one_line(value)}"
        return
    lone = in_list and isinstance(value, dict) and len(value) == 1  # `- name: …` reads better than `- {name: …}`
    if as_wide or (opened is None and not lone and start.strip().removesuffix(":") not in SPREAD):
        short = _fitting(value, None if as_wide else WIDTH - len(start) - 1)
        if short is not None:
            yield f"{start} {short}"
            return
    inside = indent + 2
    if isinstance(value, dict):
        below = _mapping(value, inside, opened, wide)
    else:
        below = _list(value, inside, opened, wide)
    if in_list:
        yield start + " " + next(below)[inside:]
    else:
        yield start
    yield from below


def _fitting(value: Json, room: int | None) -> str | None:
    """Return a container on one line, None where it does not fit or reads badly; `room` None is as long as it takes."""
    if _several_lines(value) or (room is not None and (_depth(value) > MOST_NESTED or _spread(value))):
        return None
    text = _one_line(value)
    return text if room is None or len(text) <= room else None


def _several_lines(value: Json) -> bool:
    if isinstance(value, str):
        return "\n" in value
    return any(
        map(_several_lines, value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
    )


def _spread(value: Json) -> bool:
    if isinstance(value, dict):
        return any((key in SPREAD and bool(each)) or _spread(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_spread, value))


def _depth(value: Json) -> int:
    if not value or not isinstance(value, (dict, list)):
        return 0
    return 1 + max(map(_depth, value.values() if isinstance(value, dict) else value))


def _one_line(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {_one_line(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_one_line, value)) + "]"
    return scalar(value, flow=True)


# Text


def scalar(value: Json, *, flow: bool = False) -> str:
    """Return a text, number, boolean or null on one line; with `flow` as it may stand in brackets or as a key."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if _is_plain(value, flow):
        return value
    if _ESCAPED.search(value.replace('"', "").replace("\\", "")) is not None:
        return _double(value)
    if "'" in value and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _is_plain(text: str, flow: bool) -> bool:
    if _TIME.fullmatch(text):
        return True
    if not text or not (text[0].isalpha() or text[0] in "_/$(<"):
        return False
    if text[-1] in ": " or ": " in text or " #" in text or _ESCAPED.search(text.replace('"', "").replace("\\", "")):
        return False
    if flow and any(char in text for char in ",[]{}?"):
        return False
    return text != "<<" and _MISREAD.match(text) is None and plain(text) == text


def _double(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _text(start: str, text: str, indent: int) -> Iterator[str]:
    if "\n" not in text:
        word = scalar(text)
        if word == text or len(start) + len(word) < WIDTH or not _fits_block(text):
            yield f"{start} {word}"
            return
    elif not _fits_block(text):
        yield from _quoted_lines(start, text, indent)
        return
    # An indicator where the first line's own blanks would be taken for indentation.
    first = text[:1] in (" ", "\t", "\n")
    ends = text.endswith("\n")
    yield f"{start} |{'2' if first else ''}{'' if ends else '-'}"
    for line in text.removesuffix("\n").split("\n"):
        yield f"{' ' * (indent + 2)}{line}" if line else ""


def _fits_block(text: str) -> bool:
    """Say whether a block gives this text back, seen as it is: no hidden characters, no blanks at the end of a line."""
    bare = text.removesuffix("\n")
    if not bare or bare.endswith("\n"):
        return False
    return _HIDDEN.search(text.replace("\t", "")) is None and _TRAILING.search(text) is None


def _quoted_lines(start: str, text: str, indent: int) -> Iterator[str]:
    """Yield a double-quoted text with a line for each of its lines, every end and edge of them escaped."""
    yield f'{start} "\\'
    *whole, last = text.split("\n")
    inside = " " * (indent + 2)
    for line in whole:
        yield f"{inside}{_edged(line)}\\n\\"
    yield f'{inside}{_edged(last)}"'


def _edged(line: str) -> str:
    """Return a line escaped; a blank at its start is escaped too, for YAML takes it for indentation."""
    escaped = _ESCAPED.sub(_escape, line)
    return f"\\{escaped}" if escaped.startswith(" ") else escaped
