"""Recordings as the text of a rule file: one rule, a new file, and one more rule in a file that stands.

This room decides how a recording is laid out for a review, and where a rule is added. It must not know captures, and
writes no files. What stands in a file already is never touched, not even its comments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from mockserver.core.messages import EMPTY, Json
from mockserver.core.recordings.writing.yamltext import lines
from mockserver.core.rulefiles.yamlsource import Source, read

INDENT: Final = 2
"""Blanks before the dash of a rule in a file of ours."""

HEAD: Final = """\
# Recorded by mockserver: `request` is what was asked, `reply` what came back, `exact` the file with the very bytes.
# An edited `reply` is answered instead of these bytes, at the recorded pace.
"""

_OPEN: Final[Mapping[str, Any]] = {
    "request": {"body": {"input": {}, "tools": {}}},
    "reply": {"output": {}, "faults": {}},
    "files": {},
}
"""What has a line for each entry however short it is, so that every recording has the same shape."""
_WIDE: Final = frozenset({"headers", "usage", "response", "recorded", "query"})
"""What stands on one line however long it is: reviewers skip it."""
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_DASH: Final = re.compile(r"( *)-(?: |$)")


def entry_text(entry: Mapping[str, Json]) -> str:
    """Return one rule as the text of a list entry, indented as `new_file` has it, with its line end."""
    made = lines(entry, INDENT + 2, _OPEN, _WIDE)
    made[0] = f"{' ' * INDENT}- {made[0][INDENT + 2 :]}"
    return "\n".join(made) + "\n"


def new_file(entry: str, *, match: Mapping[str, Json] = EMPTY) -> str:
    """Return a rule file that holds `entry` (of `entry_text`) alone; `match` says what may differ in a request."""
    head = "\n".join([*lines({"match": match}, 0, {"match": {}}), ""]) if match else ""
    return f"{HEAD}{head}rules:\n{entry}"


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
