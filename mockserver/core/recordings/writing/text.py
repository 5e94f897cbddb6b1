"""Recordings as the text of a rule file: one rule, and a new file.

This room decides how a recording is laid out for a review. It must not know captures, nor files that stand already
(`editing` does), and writes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.core.messages import EMPTY, Json
from mockserver.core.recordings.writing.yamltext import lines

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


def entry_text(entry: Mapping[str, Json]) -> str:
    """Return one rule as the text of a list entry, indented as `new_file` has it, with its line end."""
    made = lines(entry, INDENT + 2, _OPEN, _WIDE)
    made[0] = f"{' ' * INDENT}- {made[0][INDENT + 2 :]}"
    return "\n".join(made) + "\n"


def new_file(entry: str, *, match: Mapping[str, Json] = EMPTY) -> str:
    """Return a rule file that holds `entry` (of `entry_text`) alone; `match` says what may differ in a request."""
    head = "\n".join([*lines({"match": match}, 0, {"match": {}}), ""]) if match else ""
    return f"{HEAD}{head}rules:\n{entry}"
