"""Mistakes in a rule file that mend themselves: a misspelt word with a known neighbour, a time without its unit.

This room decides which suggestions are safe to take: only those that remove their mistake and bring none elsewhere; what
a misspelt key hid may come to light below it. It must not write files, and never touches what is right.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from mockserver.core.errors import Problem
from mockserver.core.rulefiles.rulefile import parse

_SUGGESTION: Final = re.compile(r"did you mean [`'\"]?([^`'\"?]+)[`'\"]?\?")
_WORD: Final = re.compile(r"[^\s:,{}\[\]#&*!|>'\"%@`]+")
_MOST: Final = 100
"""Mistakes mended in one go."""


class Mended(NamedTuple):
    """The text after mending, and the mistakes that are gone."""

    text: str
    problems: tuple[Problem, ...]


def mend(text: str, file: str) -> Mended:
    """Take every safe suggestion for this file's mistakes."""
    gone: list[Problem] = []
    problems = parse(text, file).problems
    tried: set[tuple[int, int, str]] = set()
    while len(tried) < _MOST:
        for problem in problems:
            attempt = (problem.line, problem.column, problem.message)
            if attempt in tried:
                continue
            tried.add(attempt)
            candidate = _replaced(text, problem)
            if candidate is None:
                continue
            left = parse(candidate, file).problems
            if _better(problem, left, problems):
                text, problems = candidate, left
                gone.append(problem)
                break
        else:
            break
    return Mended(text, tuple(gone))


def _better(mended: Problem, after: tuple[Problem, ...], before: tuple[Problem, ...]) -> bool:
    """Say whether the mistake is gone and each new one stands in the same rule. Columns shift, so lines are compared."""
    known = {(problem.line, problem.message) for problem in before}
    new = [problem for problem in after if (problem.line, problem.message) not in known]
    gone = (mended.line, mended.message) not in {(problem.line, problem.message) for problem in after}
    return gone and len(after) <= len(before) and all(_rule_of(problem) == _rule_of(mended) for problem in new)


def _rule_of(problem: Problem) -> str:
    """Return the part of the file that a mistake is in: `rules[2]` or `otherwise`."""
    return problem.key.partition(".")[0]


def _replaced(text: str, problem: Problem) -> str | None:
    """Return the text with the suggestion in place of what it corrects; None where that is not plain to see."""
    found = _SUGGESTION.search(f"{problem.message} {problem.hint}")
    if not found or not problem.line:
        return None
    suggestion = found[1]
    lines = text.splitlines(keepends=True)
    if problem.line > len(lines):
        return None
    line = lines[problem.line - 1]
    for word in _WORD.finditer(line, max(0, problem.column - 1)):
        if word[0] != suggestion and _stands_for(word[0], suggestion, problem):
            lines[problem.line - 1] = line[: word.start()] + suggestion + line[word.end() :]
            return "".join(lines)
    return None


def _stands_for(word: str, suggestion: str, problem: Problem) -> bool:
    """Say whether this word is the one that the suggestion corrects: it is quoted, or its number lacks the unit."""
    quoted = any(f"{mark}{word}{mark}" in problem.message for mark in "`'\"")
    return quoted or (suggestion.startswith(word) and word.replace(".", "", 1).isdigit())
