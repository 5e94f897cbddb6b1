"""Rules that were taken from another tool's file as the text of a rule file.

This room decides its head and says beside each rule what of it got lost. It must not know where the rules come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from mockserver.core.recordings.imports.taken import Ruled
from mockserver.core.recordings.writing.text import INDENT, entry_text

_WIDTH = 110


def rule_file(rules: Sequence[Ruled], source: str, notes: Sequence[str] = ()) -> str:
    """Return the text of a rule file with these rules in order; `source` is the name of the file they came from."""
    parts = [*_comment(f"Imported by mockserver from {source}. Yours to edit.", 0)]
    for note in notes:
        parts += _comment(f"Left behind: {note}", 0)
    parts.append("rules:\n")
    for ruled in rules:
        for note in dict.fromkeys(ruled.notes):
            parts += _comment(f"Not as it was: {note}", INDENT)
        parts.append(entry_text(ruled.rule))
    return "".join(parts)


def _comment(text: str, indent: int) -> Iterator[str]:
    """Yield a comment's lines; what would end a line is shown as a blank."""
    for line in wrap(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False):
        yield f"{' ' * indent}# {line}\n"
