"""Rules added to a rule file's text, taken out of it or replaced; everything else in it stays as its author wrote it.

This room decides which lines belong to a rule, and where one is added. It must not know what the rules mean, and writes
no files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from mockserver.core.messages import Json
from mockserver.core.recordings.writing.text import INDENT
from mockserver.core.rulefiles.yamlsource import Source, read

_DASH: Final = re.compile(r"( *)-(?: |$)")
_COMMENT: Final = re.compile(r" *#")
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


def is_recorded(rule: Json) -> bool:
    """Say whether a rule, as YAML gives it, was written by a recorder."""
    return isinstance(rule, dict) and "request" in rule


def listed(text: str) -> list[Json]:
    """Return the rules of a file as YAML gives them; none where it has none or cannot be read."""
    value = read(text).value
    rules = value.get("rules") if isinstance(value, dict) else None
    return list(rules) if isinstance(rules, list) else []


def beside(rule: Mapping[str, Json]) -> frozenset[str]:
    """Return the files that a rule, as YAML gives it, names: that of its exact bytes, and those of its long values."""
    exact, files = rule.get("exact"), rule.get("files")
    return frozenset([*([exact] if isinstance(exact, str) else []), *(files if isinstance(files, dict) else ())])


def appended(text: str, entry: str) -> str:
    """Return the rule file `text` with `entry` (of `entry_text`) behind its last rule; the rest stays as it is.

    Raises `ValueError`, with a message for people, where the file cannot be read or its rules are not written as a list
    with a line of its own for each.
    """
    source = read(text)
    if source.broken or source.problems:
        problem = source.problems[0]
        raise ValueError(f"the file cannot be read: {problem}")
    if not isinstance(source.value, (dict, type(None))):
        raise ValueError("expected a mapping with `rules:` at the file's top")
    found = source.value or {}
    rules = found.get("rules")
    if rules is not None and not isinstance(rules, list):
        raise ValueError(f"line {source.place(('rules',))[0]}: `rules` is not a list")
    added = read(f"rules:\n{entry}").value["rules"]
    wanted = {**found, "rules": [*(rules or ()), *added]}
    for gap in ("\n", ""):  # a text that ends in empty lines would swallow one more
        made = _inserted(source, entry, gap)
        if read(made).value == wanted:
            return made
    raise ValueError("the file ends in a way that leaves no room for another rule; write its `rules` as a list, last")


def without(text: str, goes: Callable[[Json], bool]) -> str:
    """Return the text without the rules that `goes` names, with the comments right above each.

    Raises `ValueError` where the rules are not written as a list with a line of its own for each.
    """
    source = read(text)
    rules = listed(text)
    gone = [index for index, rule in enumerate(rules) if goes(rule)]
    lines = _LINE.findall(source.text)
    spans = _spans(source, lines, len(rules)) if gone else []
    dropped = {line for index in gone for line in range(*spans[index])}
    return "".join(line for number, line in enumerate(lines) if number not in dropped)


def replaced(text: str, name: str, entry: str) -> str:
    """Return the text with `entry` (a list entry with its indentation) in place of the rule called `name`.

    Comments above the rule and empty lines behind it stay. Raises `ValueError` where no rule has that name, or as
    `without` does.
    """
    source = read(text)
    rules = listed(text)
    index = next((at for at, rule in enumerate(rules) if isinstance(rule, dict) and rule.get("name") == name), None)
    if index is None:
        raise ValueError(f"no rule is called {name!r}")
    lines = _LINE.findall(source.text)
    start, end = _spans(source, lines, len(rules), comments=False)[index]
    kept = end
    while kept > start and not lines[kept - 1].strip():
        kept -= 1
    return "".join([*lines[:start], entry, *lines[kept:]])


def _spans(source: Source, lines: list[str], count: int, *, comments: bool = True) -> list[tuple[int, int]]:
    """Return the lines of each rule, from the first up to one behind the last; with the `comments` right above it."""
    dashes = [_dash(source, lines, index) for index in range(count)]
    indent = len(_DASH.match(lines[dashes[0]])[1])  # type: ignore[index]  # `_dash` has matched it
    starts = [_with_comments(lines, dash) for dash in dashes] if comments else dashes
    ends = [*(_with_comments(lines, dash) for dash in dashes[1:]), _last(lines, dashes[-1], indent)]
    return list(zip(starts, ends, strict=True))


def _dash(source: Source, lines: list[str], index: int) -> int:
    """Return the line of the dash that opens a rule."""
    line, column = source.place(("rules", index))
    for number in range(line - 1, -1, -1):
        found = _DASH.match(lines[number])
        if found is not None and len(found[1]) < column - 1:
            return number
        if lines[number].strip() and number < line - 1 and not _COMMENT.match(lines[number]):
            break
    raise ValueError(f"line {line}: this rule does not begin with a dash on a line of its own")


def _with_comments(lines: list[str], line: int) -> int:
    while line > 0 and _COMMENT.match(lines[line - 1]):
        line -= 1
    return line


def _last(lines: list[str], dash: int, indent: int) -> int:
    """Return one behind the last line of the last rule: where something stands no deeper than its dash."""
    end = dash + 1
    for number in range(dash + 1, len(lines)):
        line = lines[number]
        if line.strip():
            depth = len(line) - len(line.lstrip(" "))
            if depth <= indent and not _COMMENT.match(line):
                break
            end = number + 1 if depth > indent else end
    return end


def _inserted(source: Source, entry: str, gap: str) -> str:
    text = source.text
    value = source.value or {}
    rows = _LINE.findall(text)
    if rows and not rows[-1].endswith("\n"):
        rows[-1] += "\n"
    newline = "\r\n" if rows and rows[0].endswith("\r\n") else "\n"
    if "rules" not in value:
        body, at, before = f"rules:\n{entry}", len(rows), gap if rows else ""
    else:
        line, column = source.place(("rules",))
        after = sorted(start for key in value if (start := source.place((key,))[0]) > line)
        at = _end(rows, line, after[0] - 1) if after else len(rows)
        if not value["rules"]:
            if rows[line - 1][column - 1 :].split("#")[0].split() not in (["rules:"], ["rules:", "[]"]):
                raise ValueError(f"line {line}: `rules` is not written as a list with a line of its own for each rule")
            rows[line - 1] = rows[line - 1].replace(" []", "", 1)
            body, before = entry, ""
        else:
            dash = _DASH.match(rows[source.place(("rules", 0))[0] - 1])
            if dash is None:
                raise ValueError(f"line {line}: `rules` is not written as a list with a line of its own for each rule")
            body, before = _indented(entry, len(dash[1])), gap
    return "".join([*rows[:at], before.replace("\n", newline), body.replace("\n", newline), *rows[at:]])


def _end(rows: list[str], line: int, following: int) -> int:
    """Return the row at which a rule can be added between the rows of `rules` and of the key that follows it."""
    end = following
    while end > line and (not rows[end - 1].strip() or rows[end - 1].startswith("#")):
        end -= 1
    return end


def _indented(entry: str, indent: int) -> str:
    if indent == INDENT:
        return entry
    shift = indent - INDENT
    return "".join(
        row if row == "\n" else " " * shift + row if shift > 0 else row[-shift:] for row in _LINE.findall(entry)
    )
