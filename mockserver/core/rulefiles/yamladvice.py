"""What to tell the author of a file that is not YAML: where it went wrong, and what to write instead.

This room decides how YAML's own complaints read. It must not know rule files or build values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import yaml

# YAML knows some line breaks that editors do not show, and forbids most control characters.
_FORBIDDEN: Final = re.compile("[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

BRACES: Final = "quote the text around `{{ … }}`: unquoted, `{` begins a YAML mapping"

_OPENERS: Final = {
    "*": "an unquoted `*` begins a YAML alias; quote the text",
    "&": "an unquoted `&` begins a YAML anchor; quote the text",
    "!": "an unquoted `!` begins a YAML tag; quote the text",
    "|": "`|` begins a block of text on the lines below; quote the text if it is meant to begin with `|`",
    ">": "`>` begins a block of text on the lines below; quote the text if it is meant to begin with `>`",
    "%": "text cannot begin with an unquoted `%`; quote it",
    "@": "text cannot begin with an unquoted `@`; quote it",
    "`": "text cannot begin with an unquoted backtick; quote it",
}
"""First characters that surprise people, by the place where YAML gave up."""

# Parts of the parser's complaints (both of its forms) and what they mean to a person. {line} is where the block began.
_COMPLAINTS: Final = (
    (
        "mapping values are not allowed",
        "`: ` cannot stand here; quote the text that contains it, or check the indentation",
    ),
    ("unknown escape", "unknown escape in double-quoted text; write `\\\\` for a backslash, or use single quotes"),
    (
        "escape",
        "an escape in double-quoted text is wrong; write `\\xNN`, `\\uNNNN` or `\\UNNNNNNNN`, no surrogate pairs",
    ),
    ("',' or '}'", "the `{{` of line {line} is not closed here, or a comma is missing"),
    ("',' or ']'", "the `[` of line {line} is not closed here, or a comma is missing"),
    ("document start", "the file goes on after its end; one file holds one YAML document"),
    ("expected ':'", "a key is not followed by `: `, or the indentation is wrong"),
    ("'-' indicator", "this line does not fit the block that began on line {line}; check its indentation"),
    ("expected key", "this line does not fit the block that began on line {line}; check its indentation"),
    ("<block end>", "this line does not fit the block that began on line {line}; check its indentation"),
    ("node content", "a value was expected here; quote the text if it begins with one of `, ] }} : - ?`"),
    ("sequence entries are not allowed", "a list cannot begin here; put `- ` on a line of its own"),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong at one character of the text; `index` counts from 0."""

    index: int
    message: str


def forbidden(text: str) -> Advice | None:
    """Return advice about the first character that YAML cannot hold or would silently change, or None."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return None
    code = ord(found[0])
    escape = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    return Advice(
        found.start(), f'the character U+{code:04X} cannot stand here; write it as "{escape}" in double quotes'
    )


def advise(error: yaml.YAMLError, text: str) -> Advice:
    """Return advice for the parser's error."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Advice(0, f"not YAML: {error}")
    index = min(error.problem_mark.index, len(text))
    opened = min(error.context_mark.index, len(text)) if error.context_mark is not None else index
    problem = error.problem or ""
    if (braces := _braces_before(text, index)) is not None:
        return Advice(braces, BRACES)
    if "quoted scalar" in (error.context or "") and "end" in problem:
        return Advice(opened, "this quote is never closed")
    if text[index : index + 1] == "\t":
        return Advice(index, "a tab cannot indent YAML; use spaces")
    if "scanning" in (error.context or "") and text[opened : opened + 1] in _OPENERS:
        return Advice(opened, _OPENERS[text[opened]])
    if text[index : index + 1] in ("]", "}") and "node content" not in problem:
        return Advice(index, f"one `{text[index]}` too many")
    if (
        "expected" in problem
        and text[index : index + 1] == ":"
        and not text[text.rfind("\n", 0, index) + 1 : index].strip()
    ):
        return Advice(index, "a key is missing before `:`")
    if "expected" in problem and text[index : index + 1].strip() and text[:index].rstrip(" ")[-1:] in ('"', "'"):
        return Advice(index, "text goes on after its closing quote; quote all of it, and double the quotes inside")
    line = text.count("\n", 0, opened) + 1
    for part, meaning in _COMPLAINTS:
        if part in problem:
            return Advice(index, meaning.format(line=line))
    return Advice(index, f"not YAML: {problem}")


def _braces_before(text: str, index: int) -> int | None:
    """Return where an unquoted `{{` stands before `index` on its line, None when there is none."""
    start = text.rfind("\n", 0, index) + 1
    if start == index:  # the parser noticed at the line's end
        start = text.rfind("\n", 0, max(0, index - 1)) + 1
    found = text.find("{{", start, index + 2)
    if found < 0 or text.count('"', start, found) % 2 or text.count("'", start, found) % 2:
        return None
    return found
